package study

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
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
	if err := report.WriteSpecialists(r.Files.Report, &r.Specialists); err != nil { // fills in what follows
		return err
	}
	table, err := r.csv()
	if err != nil {
		return fault.New(fault.IO, r.Files.CSV, "", "cannot encode: %w", err)
	}
	if err := durable.Write(r.Files.CSV, table); err != nil {
		return err
	}
	if err := durable.WriteJSON(r.Files.JSON, r); err != nil {
		return err
	}
	return durable.Clean(s.ask.Output, nil)
}

// csv is one line a figure of a model, and a seed of it where there are several.
func (r *Result) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"model", "part", "seed", "figure", "value"})
	put := func(m report.SpecialistsModel, seed, figure string, v float64) {
		w.Write([]string{m.Name, string(m.Part), seed, figure, strconv.FormatFloat(v, 'g', 10, 64)})
	}
	for _, m := range r.Models {
		for _, figure := range []string{"accuracy", "errors", "nll", "ece"} {
			v, ok := m.Scores[figure]
			if !ok {
				continue
			}
			put(m, "mean", figure, v.Mean)
			put(m, "sd", figure, v.SD)
			for i, x := range v.Values {
				put(m, strconv.FormatUint(r.Seeds[i], 10), figure, x)
			}
		}
		put(m, "mean", "parameters", float64(m.Params))
		put(m, "mean", "flops", float64(m.FLOPs))
		if m.LatencyMS > 0 {
			put(m, strconv.FormatUint(r.Shown, 10), "latency_ms", float64(m.LatencyMS))
		}
		if m.Relative != nil {
			put(m, "mean", "relative", float64(*m.Relative))
		}
		if m.Kept != nil {
			put(m, "mean", "kept", float64(*m.Kept))
		}
		for _, t := range r.Tests {
			if t.Model == m.Name {
				put(m, "mean", "fewer errors than "+t.Against, t.Fewer)
				put(m, "mean", "p against "+t.Against, t.P())
			}
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
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
