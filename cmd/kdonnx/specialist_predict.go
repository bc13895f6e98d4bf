package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
	"github.com/kdonnx/kdonnx/specialist/fuse"
)

// bundleFlags name a bundle of specialists and rows for it.
type bundleFlags struct {
	dir  string
	top  int
	data dataFlags
	o    specialist.EnsembleOptions
}

func (b *bundleFlags) bind(f *pflag.FlagSet) {
	b.bundle(f)
	b.data.bind(f)
	f.StringVar(&b.o.Library, "ort-lib", "", "libonnxruntime to use (default: looked up)")
}

// bundle binds the bundle alone.
func (b *bundleFlags) bundle(f *pflag.FlagSet) {
	f.StringVar(&b.dir, "bundle", "", "folder of a generalist and its specialists")
	f.IntVar(&b.top, "top", 0, "so many of the generalist's most likely classes say which specialists are asked (0: as the bundle says)")
}

// read reads the bundle, and opens rows as its generalist takes them.
func (b *bundleFlags) read(ctx context.Context) (*specialist.Bundle, error) {
	bundle, err := specialist.ReadBundle(b.dir)
	if err != nil {
		return nil, err
	}
	if b.top < 0 || b.top > len(bundle.Classes) {
		return nil, fault.New(fault.Usage, "", "--top", "got %d, expected 1 to %d, or 0 for %d as the bundle says", b.top, len(bundle.Classes), bundle.Top)
	}
	if b.top > 0 {
		bundle.Top = b.top
	}
	if b.data.like, err = distill.RowsOf(bundle.Path(bundle.Generalist)); err != nil {
		return nil, err
	}
	b.data.like.Classes = bundle.Classes // also where the generalist names none
	if b.o.Cache, err = cacheDir(); err != nil {
		return nil, err
	}
	if b.data.path == "" {
		return bundle, nil
	}
	b.o.RowsName = b.data.path
	b.o.Rows, err = b.data.open(ctx, "test")
	return bundle, err
}

func newSpecialistPredict(a *app) *cobra.Command {
	var (
		b       bundleFlags
		solver  = string(fuse.EM)
		path    string
		classes = 1
	)
	b.data.limit.First, b.data.unlabelled = true, true
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Write what a generalist and its specialists say of every row as CSV",
		Long: `Writes the most likely classes of every row with their probabilities, and how many
specialists were asked, as CSV. The generalist answers first; those specialists are
asked whose classes are among its most likely ones; and the answer is the
distribution nearest to all of theirs (the sum of Kullback-Leibler divergences).
A summary on standard error says how many rows had how many specialists, and the
largest KKT residual: how far, in nats, an answer can be from the optimum.`,
		Example: `  kdonnx specialist predict --bundle out/specialists --data rows.csv
  kdonnx specialist predict --bundle out/specialists --data images/ --classes 5 --solver gd -o classes.csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "bundle", "data"); err != nil {
				return err
			}
			ctx := cmd.Context()
			bundle, err := b.read(ctx)
			if err != nil {
				return err
			}
			defer b.o.Rows.Close()
			if err := writable("-o", path, append(bundle.Files(), b.data.path)...); err != nil {
				return err
			}
			if classes < 1 || classes > len(bundle.Classes) {
				return fault.New(fault.Usage, "", "--classes", "got %d, expected 1 to %d", classes, len(bundle.Classes))
			}
			b.o.Solver = fuse.Method(solver)
			e, err := specialist.OpenEnsemble(ctx, bundle, b.o)
			if err != nil {
				return err
			}
			defer e.Close()
			write := func(w io.Writer) error { return writeFused(ctx, w, a.err, e, b.o.Rows, classes) }
			if path == "" {
				return write(a.out)
			}
			return durable.WriteFile(durable.OS{}, path, write)
		},
	}
	f := cmd.Flags()
	b.bind(f)
	f.StringVar(&solver, "solver", solver, "how the nearest distribution is found: em (expectation-maximisation), or gd (gradient descent on logits, the paper's)")
	f.StringVar(&b.o.Engine, "engine", distill.EngineNative, "what runs the generalist: native (pure Go, for students), or ort (ONNX Runtime)")
	f.IntVar(&classes, "classes", classes, "write so many of each row's most likely classes")
	f.StringVarP(&path, "output", "o", "", "CSV file (default: standard output)")
	return cmd
}

// writeFused writes each row's most likely classes, and a summary to notes.
func writeFused(ctx context.Context, to, notes io.Writer, e *specialist.Ensemble, src dataset.Source, classes int) error {
	buffered := bufio.NewWriter(to)
	w := csv.NewWriter(buffered)
	header := []string{"row", "class", "probability"}
	for i := 2; i <= classes; i++ {
		header = append(header, fmt.Sprintf("class %d", i), fmt.Sprintf("probability %d", i))
	}
	if err := w.Write(append(header, "specialists")); err != nil {
		return err
	}
	var (
		counts []int // rows by how many were asked
		most   float64
		order  = make([]int, e.Classes())
	)
	err := e.Each(ctx, src, func(row int, q []float32, about specialist.Fused) error {
		for len(counts) <= len(about.Active) {
			counts = append(counts, 0)
		}
		counts[len(about.Active)]++
		most = max(most, about.Residual)
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case q[i] > q[j]:
				return -1
			case q[i] < q[j]:
				return 1
			}
			return 0
		})
		record := []string{strconv.Itoa(row)}
		for _, k := range order[:classes] {
			record = append(record, e.Bundle.Classes[k], strconv.FormatFloat(float64(q[k]), 'f', 6, 64))
		}
		return w.Write(append(record, strconv.Itoa(len(about.Active))))
	})
	if err != nil {
		return err
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(notes, "%s; largest KKT residual %.1g\n", asked(counts), most)
	return err
}

// asked says how many rows had how many specialists.
func asked(counts []int) string {
	var parts []string
	for n, rows := range counts {
		switch {
		case rows == 0:
		case n == 1:
			parts = append(parts, fmt.Sprintf("1 specialist on %d rows", rows))
		default:
			parts = append(parts, fmt.Sprintf("%d specialists on %d rows", n, rows))
		}
	}
	return strings.Join(parts, ", ")
}
