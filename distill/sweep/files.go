package sweep

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// write puts the result in its files. A sweep of which every cell diverged
// leaves no recipe, and is a fault of kind Diverged.
func (s *sweeper) write(r *Result) error {
	table, err := r.csv()
	if err != nil {
		return fault.New(fault.IO, r.Files.CSV, "", "cannot encode: %w", err)
	}
	if err := durable.Write(r.Files.CSV, table); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fault.New(fault.IO, r.Files.JSON, "", "cannot encode: %w", err)
	}
	if err := durable.Write(r.Files.JSON, append(text, '\n')); err != nil {
		return err
	}
	if err := report.WriteSweep(r.Files.Report, &r.Sweep); err != nil {
		return err
	}
	if r.Best == "" {
		os.Remove(r.Files.Best) // of cells that are no longer among these
		return fault.New(fault.Diverged, "", "sweep", "every one of %d settings diverged (%s): try lower learning rates", len(r.Cells), r.Cells[0].Diverged)
	}
	return durable.Write(r.Files.Best, []byte(r.Best))
}

// csv is one line a setting, the cells first, the best first.
func (r *Result) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	head := []string{"role", "rank"}
	for _, a := range r.Axes {
		head = append(head, a.Key)
	}
	name := map[string]string{"R²": "r2", "micro-F1": "micro_f1"}[r.Measure]
	if name == "" {
		name = "accuracy"
	}
	w.Write(append(head, name, "se", "sd", "loss", "behind", "behind_se", "within_noise", "params", "flops", "epochs", "left_by_halving", "seconds", "diverged"))
	for _, list := range []struct {
		role  string
		cells []report.SweepCell
	}{{distill.RoleStudent, r.Cells}, {distill.RoleBaseline, r.Baselines}} {
		for i, c := range list.cells {
			line := []string{list.role, strconv.Itoa(i + 1)}
			for _, a := range r.Axes {
				line = append(line, c.Of(a.Key))
			}
			for _, v := range []report.Number{c.Value, c.SE, c.SD, c.Loss, c.Behind, c.BehindSE} {
				line = append(line, number(v))
			}
			w.Write(append(line, strconv.FormatBool(c.Within), strconv.FormatInt(c.Params, 10), strconv.FormatInt(c.FLOPs, 10), strconv.Itoa(c.Epochs),
				strconv.FormatBool(c.Left), strconv.FormatFloat(float64(c.Seconds), 'f', 3, 64), c.Diverged))
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// number is empty where there is none.
func number(v report.Number) string {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', 8, 64)
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
	line := func(rank string, c report.SweepCell) {
		fmt.Fprintf(tw, "%s\t", rank)
		for _, a := range r.Axes {
			value := c.Of(a.Key)
			if value == "" {
				value = "–"
			}
			fmt.Fprintf(tw, "%s\t", fault.Printable(value))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%.1f\t%s\t\n", r.text(c.Value), r.text(c.SE), general(c.Loss), c.Epochs, c.Params, float64(c.Seconds), remark(c))
	}
	for i, c := range r.Cells[:min(len(r.Cells), shownCells)] {
		line(strconv.Itoa(i+1), c)
	}
	shown := map[string]bool{}
	for _, c := range r.Baselines {
		if arch := c.Of("student.arch"); !shown[arch] {
			shown[arch] = true
			c.Within = false
			line("baseline", c)
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

// remark is what there is to say of a cell in a word.
func remark(c report.SweepCell) string {
	switch {
	case c.Diverged != "":
		return "diverged"
	case c.Left:
		return "left behind"
	case c.Behind == 0 && c.Within:
		return "best"
	case c.Within:
		return "≈ best"
	}
	return ""
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
