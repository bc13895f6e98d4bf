package report

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Clusters are sets of classes that a model confuses, and how much of its
// confusion lies within them.
type Clusters struct {
	Title     string
	Sentences []string
	Notes     []string
	Classes   []string // names of all classes
	Sets      []ClusterSet
	Confusion []float64 // (C, C) how often two draws from a prediction are j and k; nil: not known
	Labelled  int       // rows with a label

}

// ClusterSet is one set.
type ClusterSet struct {
	Classes   []int
	Confusion float64 // share of the whole that lies within
	Errors    int     // wrong answers whose label lies within too
}

// WriteClusters puts the sets at path as one HTML file, durably.
func WriteClusters(path string, c *Clusters) error {
	page, err := ClustersHTML(c)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot render: %w", err)
	}
	return durable.Write(path, page)
}

// ClustersHTML renders the sets.
func ClustersHTML(c *Clusters) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "clusters.tmpl", newClustersPage(c)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// clustersPage is what clusters.tmpl shows: every string is clean, every number
// text.
type clustersPage struct {
	Title            string
	Sentences, Notes []string
	Rows             []clusterRow
	Labelled         bool
	Heat             *clusterHeat
}

type clusterRow struct {
	Number, Size, Confusion, Errors string
	Classes                         setNames
}

// setNames are the names of a set's classes; More says how many are not there.
type setNames struct {
	Names []string
	More  string
}

// maxNamed is the largest number of classes that a set names in the table.
const maxNamed = 300

func newClustersPage(c *Clusters) clustersPage {
	p := clustersPage{Title: clean(c.Title), Sentences: cleanAll(c.Sentences), Notes: cleanAll(c.Notes), Labelled: c.Labelled > 0}
	names := cleanAll(c.Classes)
	for i, s := range c.Sets {
		r := clusterRow{Number: strconv.Itoa(i + 1), Size: thousands(int64(len(s.Classes))), Confusion: percent(s.Confusion, 1), Errors: thousands(int64(s.Errors))}
		r.Classes = namesOf(s.Classes, names, maxNamed)
		p.Rows = append(p.Rows, r)
	}
	p.Heat = newClusterHeat(c, names)
	return p
}

// namesOf names classes, most of them at most.
func namesOf(classes []int, names []string, most int) (n setNames) {
	for _, k := range classes[:min(len(classes), most)] {
		n.Names = append(n.Names, shorten(names[k], 40))
	}
	if rest := len(classes) - most; rest > 0 {
		n.More = fmt.Sprintf("… and %s more", thousands(int64(rest)))
	}
	return n
}

// clusterHeat is the expected confusion, classes in the order of their sets, a
// frame around each set.
type clusterHeat struct {
	heatMap
	Frames []clusterFrame
}

type clusterFrame struct {
	X, Y, Side px
	Title      string
}

// newClusterHeat is nil without a confusion, or where there are too many
// classes. A class of several sets stands in the first of them.
func newClusterHeat(c *Clusters, names []string) *clusterHeat {
	n := len(names)
	if len(c.Confusion) != n*n || n == 0 || n > maxHeat {
		return nil
	}
	order, placed := make([]int, 0, n), make([]bool, n)
	starts := make([]int, 0, len(c.Sets)+1)
	place := func(k int) {
		if !placed[k] {
			placed[k] = true
			order = append(order, k)
		}
	}
	for _, s := range c.Sets {
		starts = append(starts, len(order))
		for _, k := range s.Classes {
			place(k)
		}
	}
	starts = append(starts, len(order))
	for k := range n {
		place(k)
	}
	cell := math.Max(7, math.Min(38, math.Floor(820/float64(n))))
	font := math.Max(6.5, math.Min(12, cell*0.9))
	longest := 0
	for _, name := range names {
		longest = max(longest, len([]rune(shorten(name, 14))))
	}
	wide := float64(longest)*font*0.62 + 10
	h := &clusterHeat{heatMap: heatMap{Cell: px(cell), Font: px(font), Side: px(cell * float64(n)), Slanted: float64(longest)*font*0.62 > cell-1}}
	top := font + 10
	if h.Slanted {
		top = wide
	}
	h.Left, h.Top = px(wide+6), px(top+4)
	h.W, h.H = h.Left+h.Side+6, h.Top+h.Side+6
	most := 0.0
	for _, v := range c.Confusion {
		most = math.Max(most, v)
	}
	for y, j := range order {
		at := px((float64(y) + 0.5) * cell)
		h.Rows = append(h.Rows, heatLabel{h.Top + at, shorten(names[j], 14), names[j]})
		h.Cols = append(h.Cols, heatLabel{h.Left + at, shorten(names[j], 14), names[j]})
		for x, k := range order {
			v := c.Confusion[j*n+k]
			shade := math.Sqrt(v / most)
			if j == k || !(shade >= 0.02) {
				continue
			}
			h.Cells = append(h.Cells, heatCell{X: h.Left + px(cell*float64(x)), Y: h.Top + px(cell*float64(y)),
				Shade: strconv.FormatFloat(shade, 'f', 2, 64), Title: fmt.Sprintf("%s and %s: %s of the pairs drawn", names[j], names[k], percent(v, 4))})
		}
	}
	for i, lo := range starts[:len(starts)-1] {
		if hi := starts[i+1]; hi > lo {
			h.Frames = append(h.Frames, clusterFrame{h.Left + px(cell*float64(lo)), h.Top + px(cell*float64(lo)), px(cell * float64(hi-lo)), fmt.Sprintf("set %d", i+1)})
		}
	}
	h.Alt = fmt.Sprintf("Expected confusion of %d classes, ordered by %s.", n, plural(len(c.Sets), "set"))
	return h
}
