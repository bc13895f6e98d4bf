package report

import (
	"fmt"
	"strconv"
)

// modelTable is a line a model; a column that no model has is left out.
func (s *Specialists) modelTable() (head []string, lines []specialistsLine) {
	optional := func(n *Number, show func(float64) string) string {
		if n == nil {
			return none
		}
		return show(float64(*n))
	}
	known := func(x Number, text string) string {
		if x <= 0 || !finite(float64(x)) {
			return none
		}
		return text
	}
	for i := range s.Models {
		m := &s.Models[i]
		lines = append(lines, specialistsLine{Role: m.Part.mark(), Name: clean(m.Name)})
	}
	text := func(s string) compareCell { return compareCell{Text: s} }
	for _, c := range []struct {
		name string
		cell func(m *SpecialistsModel) compareCell
	}{
		{"accuracy", func(m *SpecialistsModel) compareCell { return m.cell("accuracy", asPercent) }},
		{"relative gain", func(m *SpecialistsModel) compareCell { return text(optional(m.Relative, signedPercent)) }},
		{"errors", func(m *SpecialistsModel) compareCell { return m.cell("errors", errorsText) }},
		{"log loss", func(m *SpecialistsModel) compareCell { return m.cell("nll", fourDigits) }},
		{"ECE", func(m *SpecialistsModel) compareCell { return m.cell("ece", asPercent) }},
		{"parameters", func(m *SpecialistsModel) compareCell { return text(known(Number(m.Params), thousands(m.Params))) }},
		{"FLOPs a row", func(m *SpecialistsModel) compareCell { return text(known(m.FLOPs, count(int64(m.FLOPs)))) }},
		{"one row", func(m *SpecialistsModel) compareCell {
			return text(known(m.LatencyMS, seconds(float64(m.LatencyMS)/1000)))
		}},
		{"gain kept", func(m *SpecialistsModel) compareCell {
			return text(optional(m.Kept, func(x float64) string { return percent(x, 0) }))
		}},
	} {
		cells, some := make([]compareCell, len(s.Models)), false
		for i := range s.Models {
			cells[i] = c.cell(&s.Models[i])
			some = some || cells[i].Text != none
		}
		if !some {
			continue
		}
		head = append(head, c.name)
		for i, t := range cells {
			lines[i].Values = append(lines[i].Values, t)
		}
	}
	return head, lines
}

// fourDigits is x with as many after the point.
func fourDigits(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

// covering is table 4 of the paper, and its bars.
func (s *Specialists) covering() (rows []row, bars *rowBars, note string) {
	list, last := lumped(s.Covering)
	var lines []barLine
	for i, c := range list {
		label := strconv.Itoa(c.Specialists)
		if i == len(list)-1 && last {
			label = "≥ " + label
		}
		change := relative(float64(c.Before), float64(c.After))
		rows = append(rows, row{label, []string{thousands(int64(c.Rows)), thousands(int64(c.Before)), thousands(int64(c.After)), signedPercent(change)}})
		if c.Rows > 0 && finite(change) {
			lines = append(lines, barLine{Label: label, Value: change, Text: signedPercent(change) + " of " + plural(c.Rows, "row"),
				Title: fmt.Sprintf("%s with the row's class: %s of %s right before, %s after", specialistsText(label), thousands(int64(c.Before)), plural(c.Rows, "row"), thousands(int64(c.After)))})
		}
	}
	if last {
		note = fmt.Sprintf("The last line is of all rows whose class %d specialists or more cover.", list[len(list)-1].Specialists)
	}
	return rows, newRowBars("covering", "Relative change of top-1", "By how many specialists have the row's class in their sets.", lines), note
}

func specialistsText(n string) string {
	if n == "1" {
		return "1 specialist"
	}
	return n + " specialists"
}

// lumped puts all that more than maxAskedBars specialists cover into one.
func lumped(all []CoveredRows) (list []CoveredRows, last bool) {
	for _, c := range all {
		if len(list) < maxAskedBars {
			list = append(list, c)
			continue
		}
		sum := &list[len(list)-1]
		last = true
		sum.Rows, sum.Before, sum.After = sum.Rows+c.Rows, sum.Before+c.Before, sum.After+c.After
	}
	return list, last
}

// askedBars are the rows by how many specialists were asked.
func (s *Specialists) askedBars() *rowBars {
	var all []CoveredRows
	total := 0
	for n, rows := range s.Asked {
		all = append(all, CoveredRows{Specialists: n, Rows: rows})
		total += rows
	}
	list, last := lumped(all)
	var lines []barLine
	for i, c := range list {
		label := strconv.Itoa(c.Specialists)
		if i == len(list)-1 && last {
			label = "≥ " + label
		}
		text := fmt.Sprintf("%s (%s)", plural(c.Rows, "row"), percent(float64(c.Rows)/float64(max(1, total)), 1))
		lines = append(lines, barLine{Label: label, Value: float64(c.Rows), Text: text, Title: specialistsText(label) + " asked on " + text})
	}
	return newRowBars("asked", "Specialists asked", "Rows by how many specialists were asked about them.", lines)
}

// setTable is table 3 of the paper, a line a specialist, that of all their
// classes first.
func (s *Specialists) setTable(names []string) (head []string, lines []setLine) {
	var confusion, trained bool
	for _, set := range s.Sets {
		confusion = confusion || set.Confusion != nil
		trained = trained || set.Seconds > 0
	}
	head = []string{"number"}
	if confusion {
		head = append(head, "confusion")
	}
	head = append(head, "rows", "before", "after", "relative", "asked")
	if trained {
		head = append(head, "training")
	}
	add := func(number string, classes setNames, set SpecialistSet, asked string) {
		l := setLine{Number: number, Classes: classes, Values: []string{thousands(int64(len(set.Classes)))}}
		if confusion {
			text := none
			if set.Confusion != nil {
				text = percent(float64(*set.Confusion), 1)
			}
			l.Values = append(l.Values, text)
		}
		share := func(n int) string {
			if set.Rows == 0 {
				return none
			}
			return percent(float64(n)/float64(set.Rows), 2)
		}
		l.Values = append(l.Values, thousands(int64(set.Rows)), share(set.Before), share(set.After), relativeText(float64(set.Before), float64(set.After)), asked)
		if trained {
			text := none
			if set.Seconds > 0 {
				text = seconds(float64(set.Seconds))
			}
			l.Values = append(l.Values, text)
		}
		lines = append(lines, l)
	}
	if len(s.Sets) == 0 {
		return nil, nil
	}
	if s.Union != nil {
		add("all", setNames{More: "the classes of all sets"}, *s.Union, none)
	}
	for i, set := range s.Sets {
		add(strconv.Itoa(i), namesOf(set.Classes, names, maxSetNames), set, thousands(int64(set.Asked)))
	}
	return head, lines
}

// curveRows are the curve as a table.
func (s *Specialists) curveRows() (rows []row) {
	if len(s.Curve) < 2 {
		return nil
	}
	for j, v := range s.Curve {
		m := SpecialistsModel{Scores: map[string]Spread{"accuracy": v}}
		rows = append(rows, row{strconv.Itoa(j), []string{m.cell("accuracy", asPercent).String(), relativeText(s.Curve[0].Mean, v.Mean)}})
	}
	return rows
}

func pairLines(pairs []ConfusedPair, names []string) (lines []pairLine) {
	for _, c := range pairs {
		change := strconv.Itoa(c.After - c.Before)
		if c.After > c.Before {
			change = "+" + change
		}
		lines = append(lines, pairLine{shorten(names[c.Label], 40), shorten(names[c.Answer], 40), thousands(int64(c.Before)), thousands(int64(c.After)), minus(change)})
	}
	return lines
}
