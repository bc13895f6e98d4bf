package report

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func someClusters() *Clusters {
	return &Clusters{Title: "What <x> confuses", Sentences: []string{"Three sets."}, Notes: []string{"a note"}, Classes: []string{"a", "<b>", "c", "d"},
		Sets: []ClusterSet{{Classes: []int{0, 2}, Confusion: 0.5, Errors: 3}, {Classes: []int{1, 2}, Confusion: 0.25}},
		Confusion: []float64{
			0, 0, 0.04, 0,
			0, 0, 0.01, 0,
			0.04, 0.01, 0, 0,
			0, 0, 0, 0}, Labelled: 10}
}

// TestClustersHTML: classes stand in the order of their sets, a frame around
// what each set adds, cells by the root of their confusion, names escaped.
func TestClustersHTML(t *testing.T) {
	c := someClusters()
	h := newClusterHeat(c, cleanAll(c.Classes))
	var order []string
	for _, r := range h.Rows {
		order = append(order, r.Full)
	}
	if got := strings.Join(order, " "); got != "a c <b> d" {
		t.Errorf("order %s", got)
	}
	if len(h.Frames) != 2 || h.Frames[0].Side != 2*h.Cell || h.Frames[1].Side != h.Cell || h.Frames[1].X != h.Left+2*h.Cell {
		t.Errorf("frames %+v of cells of %v", h.Frames, h.Cell)
	}
	if len(h.Cells) != 4 || h.Cells[0].Shade != "1.00" || h.Cells[2].Shade != "0.50" {
		t.Errorf("cells %+v", h.Cells)
	}
	page, err := ClustersHTML(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"What &lt;x&gt; confuses", "&lt;b&gt;", "50.0 %", "errors covered", "a note", `class="curve student"`} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, never := range []string{"<b>", "http://", "https://", "<script"} {
		if bytes.Contains(page, []byte(never)) {
			t.Errorf("the page has %s", never)
		}
	}
	c.Confusion, c.Labelled = nil, 0
	if page, err = ClustersHTML(c); err != nil || bytes.Contains(page, []byte("errors covered")) || bytes.Contains(page, []byte("<svg")) {
		t.Errorf("a page without labels or a map has them (%v)", err)
	}
	if err := WriteClusters(filepath.Join(t.TempDir(), "none", "x.html"), c); err == nil {
		t.Error("a page was written into a folder that there is not")
	}
}
