package main

import (
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

// reportOfSpecialists are the files of --report, none where page is empty. None
// may be one of those that are read.
func reportOfSpecialists(page string, read ...string) (report.Files, error) {
	if page == "" {
		return report.Files{}, nil
	}
	name := strings.TrimSuffix(page, filepath.Ext(page))
	to := report.Files{JSON: name + ".json", HTML: page, CSV: name + ".csv"}
	if page == to.JSON || page == to.CSV {
		return to, fault.New(fault.Usage, page, "--report", "that is the name of the JSON or CSV beside the page, expected another ending, such as eval.html")
	}
	for _, path := range []string{to.HTML, to.JSON, to.CSV} {
		if err := writable("--report", path, read...); err != nil {
			return to, err
		}
	}
	return to, nil
}

// page is what the page of --report shows: v with what models cost, and the
// rivals.
func (v *specialistEvaluation) page(b *specialist.Bundle, rows string) *report.Specialists {
	p := v.Evaluation.Page(b)
	p.Rows.Name, p.Notes = rows, append(p.Notes, v.Notes...)
	costs := []specialist.Cost{v.Generalist, v.Together}
	for _, r := range v.Rivals {
		p.Models = append(p.Models, report.SpecialistsModel{Name: r.Name, Part: report.RivalPart, Scores: report.Spreads([]metrics.Result{r.Result})})
		costs = append(costs, r.Cost)
	}
	for i, c := range costs {
		m := &p.Models[i]
		m.Params, m.FLOPs = c.Params, report.Number(c.FLOPs)
		if c.Speed != nil {
			m.LatencyMS = report.Number(c.Speed.LatencyUS / 1e3)
		}
	}
	return p
}
