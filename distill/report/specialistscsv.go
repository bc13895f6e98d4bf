package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// WriteSpecialists writes s as Write does a report: the page and the CSV are made
// of what the JSON says.
func (f Files) WriteSpecialists(s *Specialists) error {
	s.settle()
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fault.New(fault.IO, f.JSON, "", "cannot encode: %w", err)
	}
	said := &Specialists{}
	if err := durable.ParseJSON(f.JSON, data, specialistsJSON, said); err != nil {
		return err
	}
	if f.JSON != "" {
		if err := durable.Write(f.JSON, append(data, '\n')); err != nil {
			return err
		}
	}
	if f.HTML != "" {
		if err := WriteSpecialists(f.HTML, said); err != nil {
			return err
		}
	}
	if f.CSV != "" {
		return durable.WriteFile(durable.OS{}, f.CSV, func(w io.Writer) error { return SpecialistsCSV(w, said) })
	}
	return nil
}

// SpecialistsCSV writes s as CSV does a report: a value a line, with the columns
// table, model, row, column and value.
func SpecialistsCSV(w io.Writer, s *Specialists) error {
	s.settle()
	c := csv.NewWriter(w)
	c.Write([]string{"table", "model", "row", "column", "value"})
	add := func(table, model, row, column, value string) {
		c.Write([]string{table, cell(model), cell(row), cell(column), cell(value)})
	}
	for _, sheet := range []func(*Specialists, put){judgedSheet, modelsSheet, coveringSheet, curveSheet, setsSheet, pairsSheet, expectedSheet, fusionSheet} {
		sheet(s, add)
	}
	c.Flush()
	return c.Error()
}

func judgedSheet(s *Specialists, add put) {
	one := func(column, value string) { add("run", "", "", column, value) }
	one("title", s.Title)
	one("verdict", s.Verdict.Sentence)
	one("helps", strconv.FormatBool(s.Verdict.Helps))
	if p := s.Verdict.McNemar; p != nil {
		one("only_generalist", strconv.Itoa(p.OnlyA))
		one("only_specialists", strconv.Itoa(p.OnlyB))
		one("p", number(p.P))
	}
	if g := s.Verdict.Gain; g != nil {
		one("p", number(g.P))
	}
	one("rows", s.Rows.Name)
	one("rows_sha256", s.Rows.Digest)
	one("labelled", strconv.Itoa(s.Labelled))
	if len(s.Seeds) > 1 {
		one("shown_seed", strconv.FormatUint(s.Shown, 10))
	}
	for i, line := range s.Sentences {
		add("notes", "", strconv.Itoa(i+1), "sentence", line)
	}
	for i, line := range s.Notes {
		add("notes", "", strconv.Itoa(i+1), "note", line)
	}
}

func modelsSheet(s *Specialists, add put) {
	for i := range s.Models {
		m := &s.Models[i]
		row := strconv.Itoa(i) // of its line: two models may have one name
		one := func(column string, v Number) { add("models", m.Name, row, column, number(float64(v))) }
		add("models", m.Name, row, "part", string(m.Part))
		for _, key := range slices.Sorted(maps.Keys(m.Scores)) {
			v := m.Scores[key]
			one(key, Number(v.Mean))
			if len(v.Values) < 2 {
				continue
			}
			one(key+"_sd", Number(v.SD))
			for j, x := range v.Values {
				if j < len(s.Seeds) {
					one(key+"_seed_"+strconv.FormatUint(s.Seeds[j], 10), Number(x))
				}
			}
		}
		known := func(column string, v Number) {
			if v > 0 {
				one(column, v)
			}
		}
		known("params", Number(m.Params))
		known("flops", m.FLOPs)
		known("latency_ms", m.LatencyMS)
		if m.Relative != nil {
			one("relative", *m.Relative)
		}
		if m.Kept != nil {
			one("kept", *m.Kept)
		}
	}
}

func coveringSheet(s *Specialists, add put) {
	for _, c := range s.Covering {
		row := strconv.Itoa(c.Specialists)
		counts(add, "covering", row, c.Rows, c.Before, c.After)
	}
}

// counts are rows answered rightly before and after.
func counts(add put, table, row string, rows, before, after int) {
	add(table, "", row, "rows", strconv.Itoa(rows))
	add(table, "", row, "before", strconv.Itoa(before))
	add(table, "", row, "after", strconv.Itoa(after))
	add(table, "", row, "relative", number(relative(float64(before), float64(after))))
}

func curveSheet(s *Specialists, add put) {
	for j, v := range s.Curve {
		row := strconv.Itoa(j)
		add("curve", "", row, "accuracy", number(v.Mean))
		if len(v.Values) > 1 {
			add("curve", "", row, "accuracy_sd", number(v.SD))
		}
	}
}

func setsSheet(s *Specialists, add put) {
	names := s.names()
	if s.Union != nil {
		counts(add, "sets", "all", s.Union.Rows, s.Union.Before, s.Union.After)
	}
	for i, set := range s.Sets {
		row := strconv.Itoa(i)
		counts(add, "sets", row, set.Rows, set.Before, set.After)
		add("sets", "", row, "asked", strconv.Itoa(set.Asked))
		if set.Seconds > 0 {
			add("sets", "", row, "seconds", number(float64(set.Seconds)))
		}
		if set.Confusion != nil {
			add("sets", "", row, "confusion", number(float64(*set.Confusion)))
		}
		for j, k := range set.Classes {
			add("sets", "", row, "class_"+strconv.Itoa(j), names[k])
		}
	}
}

func pairsSheet(s *Specialists, add put) {
	names := s.names()
	for _, list := range []struct {
		table string
		pairs []ConfusedPair
	}{{"mended", s.Less}, {"broken", s.More}} {
		for i, c := range list.pairs {
			row := strconv.Itoa(i + 1)
			add(list.table, "", row, "label", names[c.Label])
			add(list.table, "", row, "answer", names[c.Answer])
			add(list.table, "", row, "before", strconv.Itoa(c.Before))
			add(list.table, "", row, "after", strconv.Itoa(c.After))
		}
	}
}

// expectedSheet is the upper half of the confusion, which is symmetric.
func expectedSheet(s *Specialists, add put) {
	names := s.names()
	if len(s.Confusion) != len(names)*len(names) {
		return
	}
	for j := range names {
		for k := j + 1; k < len(names); k++ {
			if v := float64(s.Confusion[j*len(names)+k]); v != 0 {
				add("confusion", "", names[j], names[k], number(v))
			}
		}
	}
}

func fusionSheet(s *Specialists, add put) {
	for n, rows := range s.Asked {
		add("asked", "", strconv.Itoa(n), "rows", strconv.Itoa(rows))
	}
	if s.Residual != nil {
		add("fusion", "", "", "residual", number(float64(*s.Residual)))
	}
}
