package teacher

import (
	"context"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Model is what a target store is filled from: a Teacher, or an Ensemble of
// several. None is safe for concurrent use.
type Model interface {
	// Name is the model for people: its file's name, or how many there are.
	Name() string
	// NameRows says what faults call the rows, such as their file.
	NameRows(name string)
	// Detect finds the contract by running the model on some rows of src.
	Detect(ctx context.Context, src dataset.Source) (*Contract, error)
	// Contract is what Detect found, or nil before.
	Contract() *Contract
	// Logits puts the targets of the rows in b into out, (N, Classes).
	Logits(ctx context.Context, b *dataset.Batch, out []float32) error
	// Online opens the model for Answer.
	Online(ctx context.Context, o OnlineOptions) error
	// Answer is Logits of one mini-batch while a student trains: its bits
	// depend on the rows and their order alone, whatever ran before.
	Answer(ctx context.Context, b *dataset.Batch, out []float32) error
	// Diagnose looks whether the model is any good on the rows of src.
	Diagnose(ctx context.Context, src dataset.Source, o DoctorOptions) (*Diagnosis, error)
	// Glance is the short form of Diagnose, for after Detect.
	Glance(ctx context.Context, o DoctorOptions) (*Diagnosis, error)
	// Key says what the targets of src would be computed from.
	Key(ctx context.Context, src dataset.Source) (store.Key, error)
	// Answers tells whether a store with the key k holds what the model would
	// say of k's rows.
	Answers(k store.Key) bool
	// Fill stores the targets of every row of src in the folder dir.
	Fill(ctx context.Context, src dataset.Source, dir string, o FillOptions) (*store.Store, error)
	// Latency is how long the model takes for the first row of rows, on as
	// many threads as Options says and on one.
	Latency(ctx context.Context, rows *dataset.Batch, allowed time.Duration) ([2]ort.Latency, error)
	// Stats tells of the last Fill.
	Stats() Stats
	// Memory is the resident memory of the worker processes in bytes.
	Memory() int64
	// Close ends the worker processes.
	Close() error
}

var (
	_ Model = (*Teacher)(nil)
	_ Model = (*Ensemble)(nil)
)
