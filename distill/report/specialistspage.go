package report

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// WriteSpecialists puts s at path as one HTML file, durably.
func WriteSpecialists(path string, s *Specialists) error {
	page, err := SpecialistsHTML(s)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot render: %w", err)
	}
	return durable.Write(path, page)
}

// SpecialistsHTML renders s.
func SpecialistsHTML(s *Specialists) ([]byte, error) {
	s.settle()
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "specialists.tmpl", newSpecialistsPage(s)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// specialistsPage is what specialists.tmpl shows: every string is clean, every
// number text.
type specialistsPage struct {
	Title, Judged    string
	Verdict          Verdict
	Sentences, Notes []string
	Tiles            []tile
	ModelHead        []string
	Models           []specialistsLine
	Charts           []*costChart
	Covering         []row
	CoveringBars     *rowBars
	CoveringNote     string
	Curve            *growthChart
	CurveRows        []row
	SetHead          []string
	Covered          bool // the sets have a share of the confusion
	Sets             []setLine
	Heat             *clusterHeat
	Less, More       []pairLine
	Undercut         string
	Asked            *rowBars
	Residual         string
}

// specialistsLine is a model in the table.
type specialistsLine struct {
	Role   role
	Name   string
	Values []compareCell
}

// setLine is a specialist in the table.
type setLine struct {
	Number  string
	Classes setNames
	Values  []string
}

// pairLine is a pair of classes that are confused.
type pairLine struct{ Label, Answer, Before, After, Change string }

const (
	maxSetNames  = 30 // of a set's classes in the table of this page
	maxAskedBars = 16 // of a figure by number of specialists, the last for all above
)

func newSpecialistsPage(s *Specialists) specialistsPage {
	p := specialistsPage{Title: clean(s.Title), Verdict: s.Verdict, Sentences: cleanAll(s.Sentences), Notes: cleanAll(s.Notes)}
	p.Verdict.Sentence = clean(s.Verdict.Sentence)
	if s.Labelled > 0 {
		p.Judged = "All models on " + plural(s.Labelled, "labelled row")
		if name := clean(s.Rows.Name); name != "" {
			p.Judged += " of " + name
		}
		p.Judged += "."
	}
	if n := len(s.Seeds); n > 1 {
		p.Judged += fmt.Sprintf(" Figures of models and the curve are means of %d seeds, ± their standard deviation; the counts by number of covering specialists are sums over them. Sets, confusions and fusion are of seed %d.", n, s.Shown)
	}
	names := s.names()
	p.Tiles = s.tiles()
	p.ModelHead, p.Models = s.modelTable()
	p.Charts = s.costCharts()
	p.Covering, p.CoveringBars, p.CoveringNote = s.covering()
	p.Curve, p.CurveRows = newGrowthChart(s.Curve), s.curveRows()
	p.SetHead, p.Sets = s.setTable(names)
	p.Covered = slices.Contains(p.SetHead, "confusion")
	if len(s.Confusion) > 0 {
		c := &Clusters{Classes: names}
		for _, v := range s.Confusion {
			c.Confusion = append(c.Confusion, float64(v))
		}
		for _, set := range s.Sets {
			c.Sets = append(c.Sets, ClusterSet{Classes: set.Classes})
		}
		if p.Heat = newClusterHeat(c, names); p.Heat != nil {
			p.Heat.Title = "What the generalist is not sure of"
		}
	}
	p.Less, p.More = pairLines(s.Less, names), pairLines(s.More, names)
	if s.Undercut > 0 {
		p.Undercut = fmt.Sprintf("There are too many pairs to count each: a count may be too low by %s.", thousands(int64(s.Undercut)))
	}
	p.Asked = s.askedBars()
	if s.Residual != nil {
		p.Residual = general(float64(*s.Residual))
	}
	return p
}

// names gives every class one.
func (s *Specialists) names() []string {
	names := make([]string, len(s.Classes))
	for k, name := range s.Classes {
		if names[k] = clean(name); names[k] == "" {
			names[k] = strconv.Itoa(k)
		}
	}
	return names
}

// mark is how a part is drawn.
func (part ModelPart) mark() role {
	switch part {
	case GeneralistPart:
		return baselineRole
	case EnsemblePart:
		return studentRole
	case DistilledPart:
		return "run3"
	}
	return teacherRole
}

// cell is a number of a model, with its deviation where there are several seeds.
func (m *SpecialistsModel) cell(key string, show func(float64) string) compareCell {
	v, ok := m.Scores[key]
	switch {
	case !ok:
		return compareCell{Text: none}
	case len(v.Values) > 1:
		return compareCell{Text: show(v.Mean), SD: show(v.SD)}
	}
	return compareCell{Text: show(v.Mean)}
}

// String is the cell on one line.
func (c compareCell) String() string {
	if c.SD == "" {
		return c.Text
	}
	return plusMinus(c.Text, c.SD)
}

func (s *Specialists) tiles() (list []tile) {
	for _, one := range []struct {
		label string
		model *SpecialistsModel
	}{{"generalist", s.model(GeneralistPart)}, {"with " + plural(len(s.Sets), "specialist"), s.model(EnsemblePart)}, {"best rival", s.best(RivalPart)}, {"distilled back", s.best(DistilledPart)}} {
		m := one.model
		if m == nil {
			continue
		}
		accuracy := m.cell("accuracy", asPercent)
		t := tile{Role: m.Part.mark(), Label: one.label, Name: clean(m.Name), Value: accuracy.Text, Under: m.cell("errors", errorsText).String() + " errors"}
		if accuracy.SD != "" {
			t.Under = "± " + accuracy.SD + "; " + t.Under
		}
		if m.Relative != nil {
			t.Under += "; " + signedPercent(float64(*m.Relative)) + " relative"
		}
		if t.Under = strings.ReplaceAll(t.Under, " %", "\u00a0%"); t.Name == t.Label {
			t.Name = ""
		}
		list = append(list, t)
	}
	return list
}
