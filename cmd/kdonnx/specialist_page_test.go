package main

import (
	"testing"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/specialist"
)

// TestPageOfCosts requires of every model of the page what it costs and how long it
// takes, each its own; nothing of one that was not timed.
func TestPageOfCosts(t *testing.T) {
	cost := func(n int64) specialist.Cost {
		return specialist.Cost{Params: n, FLOPs: float64(10 * n), Speed: &specialist.Speed{LatencyUS: float64(1000 * n)}}
	}
	scored := metrics.Result{N: 1, Labelled: 1, Accuracy: 1}
	v := &specialistEvaluation{Evaluation: &specialist.Evaluation{Generalist: scored, Ensemble: scored}, Generalist: cost(1), Together: cost(2), Notes: []string{"a note"},
		Rivals: []*specialist.RivalResult{{Name: "larger", Cost: cost(3), Result: scored}, {Name: "untimed", Cost: specialist.Cost{Params: 4}, Result: scored}}}
	p := v.page(&specialist.Bundle{Classes: []string{"a", "b"}}, "rows.csv")
	if len(p.Models) != 4 || p.Rows.Name != "rows.csv" || len(p.Notes) != 1 {
		t.Fatalf("%+v", p)
	}
	for i, m := range p.Models {
		n := report.Number(i + 1)
		latency, flops := n, 10*n
		if i == 3 {
			latency, flops = 0, 0
		}
		if m.Params != int64(i+1) || m.FLOPs != flops || m.LatencyMS != latency {
			t.Errorf("%s: %d parameters, %v operations, %v ms", m.Name, m.Params, m.FLOPs, m.LatencyMS)
		}
	}
}
