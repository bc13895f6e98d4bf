package sweep

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// write puts the result in its files. A sweep of which every cell diverged
// leaves no recipe, and is a fault of kind Diverged.
func (s *sweeper) write(r *Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fault.New(fault.IO, r.Files.JSON, "", "cannot encode: %w", err)
	}
	if err := durable.Write(r.Files.JSON, append(text, '\n')); err != nil {
		return err
	}
	if err := (report.Files{HTML: r.Files.Report, CSV: r.Files.CSV}).WriteSweep(&r.Sweep); err != nil {
		return err
	}
	if r.Best == "" {
		os.Remove(r.Files.Best) // of cells that are no longer among these
		return fault.New(fault.Diverged, "", "sweep", "every one of %d settings diverged (%s): try lower learning rates", len(r.Cells), r.Cells[0].Diverged)
	}
	return durable.Write(r.Files.Best, []byte(r.Best))
}

// shownCells is how many settings a table for people has.
const shownCells = 30

// Table prints the best cells, the best baseline of each student, and the
// teacher.
func (r *Result) Table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	var head []string
	for _, a := range r.Axes {
		head = append(head, a.Label)
	}
	fmt.Fprintf(tw, "\t%s\t%s\t± SE\tloss\tepochs\tparameters\tseconds\t\t\n", strings.Join(head, "\t"), r.Measure)
	line := func(rank string, c report.SweepCell, remark string) {
		fmt.Fprintf(tw, "%s\t", rank)
		for _, a := range r.Axes {
			value := c.Of(a.Key)
			if value == "" {
				value = "–"
			}
			fmt.Fprintf(tw, "%s\t", fault.Printable(value))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%.1f\t%s\t\n", r.text(c.Value), r.text(c.SE), general(c.Loss), c.Epochs, c.Params, float64(c.Seconds), remark)
	}
	for i, c := range r.Cells[:min(len(r.Cells), shownCells)] {
		line(strconv.Itoa(i+1), c, c.Remark(i))
	}
	shown := map[string]bool{}
	for _, c := range r.Baselines {
		if arch := c.Of("student.arch"); !shown[arch] {
			shown[arch] = true
			line("baseline", c, "")
		}
	}
	if r.Teacher != nil {
		fmt.Fprintf(tw, "teacher\t%s%s\t\t\t\t\t\t\t\n", strings.Repeat("\t", len(r.Axes)), r.text(*r.Teacher))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if more := len(r.Cells) - shownCells; more > 0 {
		_, err := fmt.Fprintf(w, "… and %d more in %s\n", more, r.Files.CSV)
		return err
	}
	return nil
}

func (r *Result) text(v report.Number) string {
	switch {
	case math.IsNaN(float64(v)):
		return "–"
	case r.Measure == "R²":
		return fmt.Sprintf("%.4f", float64(v))
	}
	return fmt.Sprintf("%.2f %%", 100*float64(v))
}

func general(v report.Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return fmt.Sprintf("%.4g", float64(v))
}
