// Command mkteacher trains the embedded teacher anew: a convolutional net on
// freshly drawn characters, with hard labels. The same flags on the same
// processor give the same bytes.
//
//	go run ./cmd/mkteacher -o models/embedded/teacher.onnx
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/glyphs"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// teaching is what the flags say.
type teaching struct {
	arch          string
	rows, test    int
	epochs, batch int
	lr            float64
	seed          uint64
	out           string
}

func main() {
	ort.MaybeServeWorker()
	var t teaching
	flag.StringVar(&t.arch, "arch", "cnn:24,48,96?hidden=256&norm=1&dropout=0.2", "architecture")
	flag.IntVar(&t.rows, "rows", 100000, "training rows drawn")
	flag.IntVar(&t.test, "test", 4000, "test rows drawn")
	flag.IntVar(&t.epochs, "epochs", 8, "passes over them")
	flag.IntVar(&t.batch, "batch", 128, "rows a step")
	flag.Float64Var(&t.lr, "lr", 0.1, "peak learning rate")
	flag.Uint64Var(&t.seed, "seed", 2026, "seed of rows, weights and order")
	flag.StringVar(&t.out, "o", "models/embedded/teacher.onnx", "file to write")
	flag.Parse()
	if err := t.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "mkteacher:", err)
		os.Exit(1)
	}
}

func (t *teaching) run(ctx context.Context) error {
	train := glyphs.Open(glyphs.Options{Split: "teacher", Rows: t.rows, Labelled: -1, Seed: t.seed})
	test := glyphs.Open(glyphs.Options{Split: "test", Rows: t.test, Labelled: -1, Seed: 1})
	in := models.Input{Name: "image", Shape: []int{1, 28, 28}, Scale: []float32{1.0 / 255}, Shift: []float32{0}}
	model, err := models.Build(t.arch, in, len(train.Spec().Classes), t.seed)
	if err != nil {
		return err
	}
	net, err := student.FromModel(model, t.arch)
	if err != nil {
		return err
	}
	if err := t.train(ctx, net, train); err != nil {
		return err
	}
	x, errors, err := score(ctx, net, test)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d errors of %d test rows\n", t.arch, errors, t.test)
	p, err := export.Write(ctx, net, t.out, x, min(t.test, 1000), export.Options{Metadata: []onnx.Entry{
		{Key: "architecture", Value: t.arch},
		{Key: "recipe", Value: fmt.Sprintf("rows=%d epochs=%d batch=%d lr=%g seed=%d", t.rows, t.epochs, t.batch, t.lr, t.seed)},
		{Key: "test.errors", Value: fmt.Sprintf("%d of %d", errors, t.test)},
	}})
	fmt.Println("parity:", p)
	return err
}

// train runs SGD with momentum and a cosine schedule on hard labels.
func (t *teaching) train(ctx context.Context, net *student.Student, src dataset.Source) error {
	optimizer, err := optim.New("nesterov", optim.Settings{Momentum: 0.9, WeightDecay: 5e-4, ClipNorm: 5})
	if err != nil {
		return err
	}
	trainer, err := student.NewTrainer(net, optimizer, t.batch, t.seed)
	if err != nil {
		return err
	}
	steps := (t.rows + t.batch - 1) / t.batch
	schedule, err := optim.Named("cosine", uint64(t.epochs*steps), uint64(steps/2))
	if err != nil {
		return err
	}
	hard, err := loss.New("hard-label", loss.Settings{})
	if err != nil {
		return err
	}
	began := time.Now()
	for epoch := range t.epochs {
		order, sum := dataset.Order(t.rows, t.seed, epoch), 0.0
		var b dataset.Batch
		for s := range steps {
			if err := src.Read(ctx, order[s*t.batch:min((s+1)*t.batch, t.rows)], &b); err != nil {
				return err
			}
			l, err := trainer.Step(b.X, b.N, func(z, dz []float32) float64 {
				return hard.Eval(loss.Batch{N: b.N, C: net.Classes(), Student: z, Labels: b.Y}, dz).Total
			}, schedule.Rate(t.lr, uint64(epoch*steps+s)))
			if err != nil {
				return err
			}
			sum += l
		}
		fmt.Printf("epoch %d of %d: loss %.4f, %s\n", epoch+1, t.epochs, sum/float64(steps), time.Since(began).Round(time.Second))
	}
	return nil
}

// score counts errors on src and returns its rows for the parity check.
func score(ctx context.Context, net *student.Student, src dataset.Source) (x []float32, errors int, err error) {
	var b dataset.Batch
	order := make([]int, src.Len())
	for i := range order {
		order[i] = i
	}
	if err := src.Read(ctx, order, &b); err != nil {
		return nil, 0, err
	}
	z := make([]float32, b.N*net.Classes())
	if err := net.Predict(ctx, b.X, b.N, z); err != nil {
		return nil, 0, err
	}
	acc, err := metrics.NewAccumulator(net.Classes())
	if err != nil {
		return nil, 0, err
	}
	if err := acc.Add(z, b.Y, nil); err != nil {
		return nil, 0, err
	}
	return b.X[:min(b.N, 1000)*784], acc.Result().Errors, nil
}
