package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
)

// Budget is what the student might cost and which nets were tried within it.
// Zero bounds are none.
type Budget struct {
	Family     string        `json:"family"` // what was searched: the student as it was asked for
	Params     int64         `json:"params,omitempty"`
	Bytes      int64         `json:"bytes,omitempty"`
	FLOPs      int64         `json:"flops,omitempty"`
	Latency    time.Duration `json:"latency_ns,omitempty"`
	Candidates []Candidate   `json:"candidates"` // in the order of the family
}

// Candidate is one net within a budget.
type Candidate struct {
	Arch    string        `json:"arch"`
	Params  int64         `json:"params"`
	Bytes   int64         `json:"bytes"` // of its .onnx file
	FLOPs   int64         `json:"flops"` // of one row
	Latency time.Duration `json:"latency_ns,omitempty"`

	// Epochs is how long it was trained to compare it with the others, and
	// Score and Loss are then those of its best epoch on the validation rows.
	Epochs   int    `json:"epochs"`
	Score    Number `json:"score"`
	Loss     Number `json:"loss"`
	Diverged bool   `json:"diverged,omitempty"` // and was left out
	Chosen   bool   `json:"chosen,omitempty"`
}

// String is the candidate for people: what it is and costs.
func (c Candidate) String() string {
	line := fmt.Sprintf("%s: %s parameters, %s bytes, %s operations a row", c.Arch, thousands(c.Params), thousands(c.Bytes), thousands(c.FLOPs))
	if c.Latency > 0 {
		line += ", " + seconds(c.Latency.Seconds())
	}
	return line
}

// budgetTable is the search within a budget on the page.
type budgetTable struct {
	Asked   string // family and bounds
	Columns []string
	Rows    []row
	Chosen  int // of Rows, -1: none
}

func newBudgetTable(b *Budget, task dataset.Task) *budgetTable {
	if b == nil {
		return nil
	}
	var bounds []string
	for _, s := range []struct {
		bound int64
		text  string
	}{
		{b.Params, thousands(b.Params) + " parameters"}, {b.Bytes, "a file of " + thousands(b.Bytes) + " bytes"},
		{b.FLOPs, thousands(b.FLOPs) + " operations a row"}, {int64(b.Latency), b.Latency.String() + " a row in ONNX Runtime"},
	} {
		if s.bound > 0 {
			bounds = append(bounds, s.text)
		}
	}
	t := &budgetTable{Chosen: -1, Asked: fmt.Sprintf("The widest net of each shape of %s within %s; of those that were compared, the best on the validation rows is the student.",
		clean(b.Family), strings.Join(bounds, ", "))}
	t.Columns = []string{"parameters", "bytes", "operations a row", "latency", "epochs", "validation " + chosenBy(task)}
	for i, c := range b.Candidates {
		latency, epochs, score := none, none, none
		if c.Latency > 0 {
			latency = fmt.Sprintf("%.1f µs", float64(c.Latency)/float64(time.Microsecond))
		}
		if c.Epochs > 0 {
			epochs, score = thousands(int64(c.Epochs)), general(float64(c.Score))
			if task != dataset.Regression {
				score = percent(float64(c.Score), 2)
			}
		}
		if c.Diverged {
			score = "diverged"
		}
		if c.Chosen {
			t.Chosen = i
		}
		t.Rows = append(t.Rows, row{clean(c.Arch), []string{thousands(c.Params), thousands(c.Bytes), thousands(c.FLOPs), latency, epochs, score}})
	}
	return t
}

// budgetSheet is the search within a budget, a row a net.
func budgetSheet(r *Report, add put) {
	if r.Budget == nil {
		return
	}
	for _, c := range r.Budget.Candidates {
		one := func(column string, value float64) { add("budget", clean(c.Arch), "", column, number(value)) }
		one("params", float64(c.Params))
		one("bytes", float64(c.Bytes))
		one("flops", float64(c.FLOPs))
		if c.Latency > 0 {
			one("latency_us", float64(c.Latency)/float64(time.Microsecond))
		}
		if c.Epochs > 0 && !c.Diverged {
			one("epochs", float64(c.Epochs))
			one("score", float64(c.Score))
			one("loss", float64(c.Loss))
		}
		add("budget", clean(c.Arch), "", "chosen", strconv.FormatBool(c.Chosen))
	}
}
