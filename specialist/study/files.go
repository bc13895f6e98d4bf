package study

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// What a study leaves beside the folders of its seeds.
const (
	jsonFile = "specialists.json"
	csvFile  = "specialists.csv"
	pageFile = "specialists.html"
)

// write puts the result in its files.
func (s *study) write(r *Result) error {
	if err := (report.Files{HTML: r.Files.Report, CSV: r.Files.CSV}).WriteSpecialists(&r.Specialists); err != nil { // fills in what follows
		return err
	}
	if err := durable.WriteJSON(r.Files.JSON, r); err != nil {
		return err
	}
	return durable.Clean(s.ask.Output, nil)
}

// Table prints every model, what specialists gain by how many cover a row's
// class, and what came out in words.
func (r *Result) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\taccuracy\terrors\tlog loss\tparameters\tFLOPs a row\ta row\tp\tgain kept\t")
	for _, m := range r.Models {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t\n", fault.Printable(m.Name), spread(m.Scores["accuracy"], 100, 2, " %"), spread(m.Scores["errors"], 1, 0, fmt.Sprintf(" of %d", r.Labelled)),
			spread(m.Scores["nll"], 1, 4, ""), m.Params, float64(m.FLOPs), milliseconds(float64(m.LatencyMS)), r.chance(m), kept(m))
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\t\nspecialists with the row's class\trows\tright before\tafter\trelative\t\t\t\t\t")
	for _, c := range r.Covering {
		gain := none
		if c.Before > 0 {
			gain = fmt.Sprintf("%+.2f %%", 100*(float64(c.After)/float64(c.Before)-1))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%s\t\t\t\t\t\n", c.Specialists, c.Rows, c.Before, c.After, gain)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", r.Verdict.Sentence)
	for _, line := range r.Sentences {
		fmt.Fprintln(out, fault.Printable(line))
	}
	for _, one := range r.Students {
		fmt.Fprintf(out, "%s: %s\n", fault.Printable(one.Model), fault.Printable(one.Verdict))
	}
	return nil
}

// none stands for a number that there is not.
const none = "–"

// spread is mean and deviation over several seeds, or the one value.
func spread(v report.Spread, scale float64, digits int, unit string) string {
	if len(v.Values) > 1 {
		return fmt.Sprintf("%.*f ± %.*f%s", max(digits, 1), scale*v.Mean, max(digits, 1), scale*v.SD, unit)
	}
	return fmt.Sprintf("%.*f%s", digits, scale*v.Mean, unit)
}

func milliseconds(v float64) string {
	if v <= 0 {
		return none
	}
	return fmt.Sprintf("%.3g ms", v)
}

// chance is the p of a model against the generalist.
func (r *Result) chance(m report.SpecialistsModel) string {
	for _, t := range r.Tests {
		if t.Model == m.Name {
			return fmt.Sprintf("%.2g", t.P())
		}
	}
	return none
}

// kept is the share of the gain that a student has.
func kept(m report.SpecialistsModel) string {
	if m.Kept == nil {
		return none
	}
	return fmt.Sprintf("%.0f %%", 100*float64(*m.Kept))
}
