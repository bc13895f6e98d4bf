// Package student is a model that learns: an ONNX graph whose float
// initializers are parameters (which of them train, package graph says). It is loaded from any .onnx file whose ops
// package graph knows, trained by a Trainer, and given back as a model at any
// time.
//
// # Invariants
//
// The bits of a training step depend on the weights, the optimiser's state,
// the rows, the seed and the step number, and not on GOMAXPROCS. A Trainer
// restored from a checkpoint goes on as if it had never stopped. A step that
// fails leaves weights, statistics and optimiser as they were.
package student

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Student is a graph of one input and one output with its parameters. It is
// for one goroutine at a time.
type Student struct {
	g       *graph.Graph
	classes int
	plans   map[int]*graph.Plan // for inference, by batch
}

// Load reads the .onnx file at path as a student.
func Load(path string) (*Student, error) {
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		return nil, err
	}
	return FromModel(m, path)
}

// FromModel makes a student of m, which is copied; name stands for its file
// in errors.
func FromModel(m *onnx.Model, name string) (*Student, error) {
	g, err := graph.Import(m, name)
	if err != nil {
		return nil, err
	}
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return nil, fault.New(fault.Input, name, "graph", "has inputs %v and outputs %v, a student needs one of each", names(g.Inputs), names(g.Outputs))
	}
	out := g.Outputs[0]
	if len(out.Shape) == 0 || out.Shape[0] != graph.Batch {
		return nil, fault.New(fault.Input, name, fmt.Sprintf("graph output %q", out.Name), "is %v, expected the batch axis first: (N, classes)", out.Shape)
	}
	return &Student{g: g, classes: out.Shape[1:].Size(1), plans: map[int]*graph.Plan{}}, nil
}

func names(values []*graph.Value) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.Name)
	}
	return out
}

// Model is a deep copy of the student's model with its current weights and a
// dynamic batch axis named "batch".
func (s *Student) Model() *onnx.Model { return s.g.Model() }

// InputName is the name of the graph's input.
func (s *Student) InputName() string { return s.g.Inputs[0].Name }

// InputShape is the shape of one row of the input, without the batch axis.
func (s *Student) InputShape() []int { return slices.Clone(s.g.Inputs[0].Shape[1:]) }

// OutputName is the name of the graph's output.
func (s *Student) OutputName() string { return s.g.Outputs[0].Name }

// InputType is the element type of the input in the model: float32, or int64
// or int32 for token ids, which rows hold as float32 values, exact up to 2²⁴.
func (s *Student) InputType() onnx.DType { return s.g.Inputs[0].DType() }

// Freeze stops the training of the initializers whose names match a shell
// pattern, such as "features.*". It is an error when a pattern matches none. It
// holds for trainers made from then on and stays in the student's model.
func (s *Student) Freeze(patterns ...string) error { return s.g.Freeze(patterns...) }

// named puts the name of the student's file into an error of its graph.
func named(err error, file string) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Path != "" {
		return err
	}
	c := *f
	c.Path = file
	return &c
}

// Classes is the number of values of one row of the output.
func (s *Student) Classes() int { return s.classes }

// rowSize is the number of values of one row of the input.
func (s *Student) rowSize() int { return s.g.Inputs[0].Shape[1:].Size(1) }

// Param is one float initializer or constant of the graph.
type Param struct {
	Name      string
	Dims      []int
	Data      []float32 // live: writing it changes the student
	Trainable bool      // false for frozen constants and running statistics
}

// Params lists the parameters in the order of the model's initializers,
// constants after them.
func (s *Student) Params() []Param {
	out := make([]Param, len(s.g.Params))
	for i, p := range s.g.Params {
		out[i] = Param{Name: p.Name, Dims: p.Dims, Data: p.Data, Trainable: p.Role == graph.Trained}
	}
	return out
}

// learnt lists the parameters of g that training changes: weights and running
// statistics.
func learnt(g *graph.Graph) []*graph.Param {
	var out []*graph.Param
	for _, p := range g.Params {
		if p.Role != graph.Frozen {
			out = append(out, p)
		}
	}
	return out
}
