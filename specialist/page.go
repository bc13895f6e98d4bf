package specialist

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// Page is what the page of specialists shows of v, an evaluation of b: the
// generalist, and it with its specialists. Other models and seeds may be added.
func (v *Evaluation) Page(b *Bundle) *report.Specialists {
	paired := v.Paired
	paired.OnlyA, paired.OnlyB = paired.OnlyB, paired.OnlyA
	residual := report.Number(v.Residual)
	p := &report.Specialists{Title: "What specialists change", Verdict: report.JudgeSpecialists(v.Generalist, v.Ensemble, len(b.Specialists), paired),
		Labelled: v.Ensemble.Labelled, Classes: b.Classes, Asked: v.Asked, Residual: &residual, Undercut: v.Undercut}
	p.Models = []report.SpecialistsModel{
		{Name: "generalist", Part: report.GeneralistPart, Scores: report.Spreads([]metrics.Result{v.Generalist})},
		{Name: fmt.Sprintf("with %d specialists", len(b.Specialists)), Part: report.EnsemblePart, Scores: report.Spreads([]metrics.Result{v.Ensemble})},
	}
	for _, c := range v.Covering {
		p.Covering = append(p.Covering, report.CoveredRows(c))
	}
	for _, right := range v.Curve {
		top1 := float64(right) / float64(max(1, v.Ensemble.Labelled))
		p.Curve = append(p.Curve, report.Spread{Mean: top1, Values: []float64{top1}})
	}
	for _, c := range v.Conditional {
		set := report.SpecialistSet{Rows: c.Rows, Before: c.Before, After: c.After}
		if c.Set < 0 {
			set.Classes = b.union()
			p.Union = &set
			continue
		}
		x := b.Specialists[c.Set]
		set.Classes, set.Asked, set.Seconds = x.Classes, v.AskedOf[c.Set], report.Number(b.trained(x))
		if len(v.Coverage.Sets) > 0 {
			share := report.Number(v.Coverage.Sets[c.Set])
			set.Confusion = &share
		}
		p.Sets = append(p.Sets, set)
	}
	for _, x := range v.Confusion {
		p.Confusion = append(p.Confusion, report.Number(x))
	}
	for _, c := range v.Mended {
		p.Less = append(p.Less, report.ConfusedPair(c))
	}
	for _, c := range v.Broken {
		p.More = append(p.More, report.ConfusedPair(c))
	}
	return p
}

// union are the classes of all sets, ascending.
func (b *Bundle) union() (classes []int) {
	for _, x := range b.Specialists {
		classes = append(classes, x.Classes...)
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}

// trained is how many seconds the training of x took, by its record; 0 where it
// has none, or that of another model.
func (b *Bundle) trained(x Expert) float64 {
	name, _, _ := strings.Cut(x.File, ".")
	text, err := os.ReadFile(b.Path(Member{File: filepath.Join(fleetDir, name+".json")}))
	r := &Record{}
	if err != nil || json.Unmarshal(text, r) != nil || r.Digest != x.Digest {
		return 0
	}
	return r.Seconds
}
