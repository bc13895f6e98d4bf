package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

func spreadOver(n int) metrics.Balance {
	b := metrics.Balance{N: 10 * n, Labelled: n}
	for k := range n {
		b.Known, b.Answered, b.Mass = append(b.Known, k%3), append(b.Answered, k), append(b.Mass, float64(k)/float64(n*n))
	}
	return b
}

// TestBalanceLists lists every class, or of many the ends, and shows them.
func TestBalanceLists(t *testing.T) {
	b := NewBalance(spreadOver(MaxBalance), metrics.Balance{})
	if len(b.Listed) != MaxBalance || b.Listed[7].Class != 7 || *b.Listed[7].Answered != 7 || b.Listed[7].ValMass != nil {
		t.Errorf("%+v", b.Listed[7])
	}
	b = NewBalance(spreadOver(3000), spreadOver(3000))
	if len(b.Listed) != 2*balanceEnds || b.Listed[0].Class != 0 || b.Listed[balanceEnds].Class != 3000-balanceEnds || b.Listed[2*balanceEnds-1].Class != 2999 {
		t.Errorf("%+v", b.Listed)
	}
	r := example(t, 200, 5, 3)
	r.Balance = NewBalance(spreadOver(5), spreadOver(5))
	r.Classes = []string{"a", "b", "c", hostile, "e"}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Balance of the transfer set", "50 rows, 5 with a label", `<th scope="row">c</th><td>2</td><td>2</td><td>8.00 %</td><td>2</td><td>2</td><td>8.00 %</td>`, `width="50"`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(string(page), "<script") {
		t.Error("a class's name is not escaped")
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"listed":[{"class":0,"labelled":0,"answered":0,"mass":0,"val_labelled":0`) {
		t.Errorf("%v: %.300s", err, text)
	}
	r.Balance = &Balance{N: 1, Classes: 9, Listed: []ClassBalance{{Class: 900}, {Class: -1}}} // as anybody may write it
	if _, err := HTML(r); err != nil {
		t.Error(err)
	}
}
