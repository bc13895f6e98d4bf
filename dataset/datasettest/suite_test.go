package datasettest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// planted is a good source with one fault.
type planted struct {
	fault string
	count atomic.Int64
}

func (p *planted) Len() int     { return 20 }
func (p *planted) Close() error { return nil }

func (p *planted) Spec() dataset.Spec {
	s := dataset.Spec{Shape: []int{2}, DType: dataset.Float32, Columns: []string{"a", "b"}, Classes: []string{"x", "y"}}
	switch p.fault {
	case "columns":
		s.Columns = s.Columns[:1]
	case "classes":
		s.Classes = []string{"x", "x"}
	case "dtype":
		s.DType = dataset.Uint8
	}
	return s
}

func (p *planted) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	reads := int(p.count.Add(1))
	if p.fault != "cancel" && ctx.Err() != nil {
		return ctx.Err()
	}
	if p.fault == "stale" && cap(b.X) >= 2*len(rows) && reads > 1 && len(b.X) > 2*len(rows) {
		b.N, b.X, b.Y = len(rows), b.X[:2*len(rows)], b.Y[:len(rows)]
		return nil
	}
	b.Reset(len(rows), 2)
	for i, r := range rows {
		if r < 0 || r >= 20 {
			switch p.fault {
			case "range":
				r = 0
			case "panic":
				panic("out of range")
			default:
				return context.DeadlineExceeded
			}
		}
		if p.fault == "order" && len(rows) > 1 {
			r = (rows[0] + i) % 20
		}
		if p.fault == "position" {
			r += reads % 2
		}
		b.X[2*i], b.X[2*i+1] = float32(r)+0.5, -1
		b.Y[i] = int32(r % 2)
		if p.fault == "label" {
			b.Y[i] = int32(r % 3)
		}
	}
	if p.fault == "rows" && len(rows) > 1 {
		rows[0] = 0
	}
	return nil
}

func TestCheckSees(t *testing.T) {
	for fault, want := range map[string]string{
		"":         "",
		"columns":  "1 columns",
		"classes":  "named twice",
		"dtype":    "dtype is uint8",
		"cancel":   "cancelled context",
		"stale":    "is not what it was",
		"range":    "no error",
		"panic":    "panics",
		"order":    "is not what it was",
		"position": "is not what it was",
		"label":    "has label 2 of 2 classes",
		"rows":     "changed the list",
	} {
		var all []string
		for _, p := range Check(func() dataset.Source { return &planted{fault: fault} }) {
			all = append(all, p.Error())
		}
		got := strings.Join(all, "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("planted %q: got %q, want %q", fault, got, want)
		}
	}
}
