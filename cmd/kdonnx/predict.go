package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func newPredict(a *app) *cobra.Command {
	var (
		m    modelFlags
		path string
	)
	m.data.limit.First = true // a row's number is its place in the file
	m.data.unlabelled = true
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Write what a model says of every row as CSV",
		Long: `Writes what a model says of every row as CSV: the class and its probability, the
probabilities of labels, or numbers.`,
		Example: `  kdonnx predict --model out/student.onnx --data rows.csv
  kdonnx predict --model out/student.onnx --data images/ --engine native -o classes.csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := writable("-o", path, m.t.Model, m.data.path); err != nil {
				return err
			}
			src, model, err := m.open(cmd)
			if err != nil {
				return err
			}
			defer src.Close()
			defer model.Close()
			if path == "" {
				return writePredictions(cmd.Context(), a.out, model, src)
			}
			return durable.WriteFile(durable.OS{}, path, func(w io.Writer) error {
				return writePredictions(cmd.Context(), w, model, src)
			})
		},
	}
	m.bind(cmd)
	cmd.Flags().StringVarP(&path, "output", "o", "", "CSV file (default: standard output)")
	return cmd
}

// writable tells, before any work is spent, whether an output can be put at
// path by a flag: that it is none of the files that are read. An empty path is none.
func writable(flag, path string, read ...string) error {
	if path == "" {
		return nil
	}
	out, err := os.Stat(path)
	for _, r := range read {
		if in, errIn := os.Stat(dataset.PathOf(r)); err == nil && errIn == nil && os.SameFile(in, out) {
			return fault.New(fault.Usage, path, flag, "the output is a file that is read, expected another file")
		}
	}
	return durable.Writable(path)
}

// writePredictions writes, for every row of src, its class and probability, or
// the probability of each label, or each number.
func writePredictions(ctx context.Context, to io.Writer, model *distill.Model, src dataset.Source) error {
	buffered := bufio.NewWriter(to)
	w := csv.NewWriter(buffered)
	name := func(k int) string {
		if k < len(model.ClassNames) {
			return model.ClassNames[k]
		}
		return strconv.Itoa(k)
	}
	header := []string{"row"}
	if model.Task == dataset.MultiClass {
		header = append(header, "class", "probability")
	} else {
		for k := range model.Classes {
			header = append(header, name(k))
		}
	}
	if err := w.Write(header); err != nil {
		return err
	}
	row := 0
	err := distill.EachOutput(ctx, model, src, func(z []float32) error {
		record := []string{strconv.Itoa(row)}
		row++
		switch model.Task {
		case dataset.MultiLabel:
			for _, v := range z {
				record = append(record, strconv.FormatFloat(metrics.Sigmoid(v), 'f', 6, 64))
			}
		case dataset.Regression:
			for _, v := range z {
				record = append(record, strconv.FormatFloat(float64(v), 'g', -1, 32))
			}
		default:
			k, p := metrics.Top(z)
			record = append(record, name(k), strconv.FormatFloat(p, 'f', 6, 64))
		}
		return w.Write(record)
	})
	if err != nil {
		return err
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return buffered.Flush()
}
