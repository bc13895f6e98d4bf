package report

import (
	"strings"
	"testing"
	"time"
)

// TestBudgetOnThePage looks for every net of a search, and for nothing where
// there was none.
func TestBudgetOnThePage(t *testing.T) {
	r := &Report{}
	if page, err := HTML(r); err != nil || strings.Contains(string(page), "budget") {
		t.Errorf("a page without a budget speaks of one (%v)", err)
	}
	r.Budget = &Budget{Family: "mlp<b>", Params: 100_000, Latency: 50 * time.Microsecond, Candidates: []Candidate{
		{Arch: "mlp:97,97", Params: 99_000, Bytes: 401_000, FLOPs: 2_000_000, Latency: 12_345, Epochs: 5, Score: 0.9125, Chosen: true},
		{Arch: "mlp:90<i>", Params: 98_765, Diverged: true},
	}}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"100,000 parameters, 50µs a row in ONNX Runtime", "mlp:97,97 (chosen)", "99,000", "401,000", "2,000,000", "12.3 µs", "91.25 %", "98,765", "diverged", "mlp&lt;b&gt;", "mlp:90&lt;i&gt;"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var sheet strings.Builder
	if err := CSV(&sheet, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"budget,\"mlp:97,97\",,latency_us,12.345\n", "budget,\"mlp:97,97\",,chosen,true\n", "budget,mlp:90<i>,,params,98765\n"} {
		if !strings.Contains(sheet.String(), want) {
			t.Errorf("the CSV lacks %q", want)
		}
	}
}
