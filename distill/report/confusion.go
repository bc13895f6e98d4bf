package report

import (
	"fmt"
	"math"
	"sort"
	"strconv"
)

// maxHeat is the largest number of classes that get a heat map.
const maxHeat = 128

// heatMap is the confusion matrix: a row a label, a column an answer. Right
// answers are shaded by the share of their label, wrong ones, in another
// colour, by the square root of it, so that a few stand out.
type heatMap struct {
	ID, Title    string
	Alt          string
	W, H         px
	Left, Top    px
	Side, Cell   px
	Right        px
	Bottom       px
	Font, CellFt px
	Rows, Cols   []heatLabel
	Cells        []heatCell
	Slanted      bool
	Small        bool // fits half of the page
	XName, YName px
}

type heatLabel struct {
	At          px
	Label, Full string
}

type heatCell struct {
	X, Y, TX, TY px
	Right        bool
	Shade        string // opacity
	Title, Text  string
	Strong       bool // the shade is dark enough for inverse text
}

// newHeatMap is nil without a matrix, or when it has too many classes.
func newHeatMap(confusion [][]int, classes []string) *heatMap {
	n := len(confusion)
	if n == 0 || n > maxHeat {
		return nil
	}
	cell := math.Max(7, math.Min(38, math.Floor(820/float64(n))))
	font := math.Max(6.5, math.Min(12, cell*0.9))
	longest := 0
	labels := make([]string, n)
	for i := range labels {
		labels[i] = shorten(classes[i], 14)
		longest = max(longest, len([]rune(labels[i])))
	}
	wide := float64(longest)*font*0.62 + 10
	h := &heatMap{ID: "confusion", Title: "Confusion matrix", Cell: px(cell), Font: px(font), CellFt: px(math.Min(12, cell*0.36)), Side: px(cell * float64(n))}
	h.Slanted = float64(longest)*font*0.62 > cell-1
	top := font + 10
	if h.Slanted {
		top = wide
	}
	h.Left, h.Top = px(math.Max(wide+20, (240-cell*float64(n))/2)), px(top+20)
	h.Right, h.Bottom = h.Left+h.Side, h.Top+h.Side
	h.W, h.H = max(240, h.Right+6), h.Bottom+6
	h.Small = h.W <= 480
	h.XName, h.YName = h.Left+h.Side/2, h.Top+h.Side/2
	right, total := 0, 0
	for y, row := range confusion {
		support := 0
		for _, k := range row {
			support += k
		}
		at := px((float64(y) + 0.5) * cell)
		h.Rows = append(h.Rows, heatLabel{h.Top + at, labels[y], fmt.Sprintf("%s: %s", classes[y], plural(support, "row"))})
		h.Cols = append(h.Cols, heatLabel{h.Left + at, labels[y], classes[y]})
		for x, k := range row {
			if k == 0 {
				continue
			}
			total += k
			share := float64(k) / float64(support)
			c := heatCell{X: h.Left + px(cell*float64(x)), Y: h.Top + px(cell*float64(y)), Right: x == y}
			c.TX, c.TY = c.X+h.Cell/2, c.Y+h.Cell/2
			shade := 0.08 + 0.82*share
			if !c.Right {
				shade = 0.2 + 0.8*math.Sqrt(share)
			} else {
				right += k
			}
			c.Shade, c.Strong = strconv.FormatFloat(shade, 'f', 2, 64), shade > 0.55
			c.Title = fmt.Sprintf("label %s, answer %s: %s of %s (%s)", classes[y], classes[x], thousands(int64(k)), thousands(int64(support)), percent(share, 1))
			if n <= 20 && k < 100000 {
				c.Text = strconv.Itoa(k)
			}
			h.Cells = append(h.Cells, c)
		}
	}
	h.Alt = fmt.Sprintf("Confusion matrix of the student over %d classes: %s of %s on the diagonal.", n, thousands(int64(right)), thousands(int64(total)))
	return h
}

// mistake is one pair of label and answer.
type mistake struct {
	Label, Answer, Count, Share string
}

// mistakes are the most frequent wrong pairs, at most n, the first in order
// of classes among equals.
func mistakes(confusion [][]int, classes []string, n int) []mistake {
	type pair struct{ y, x, k, support int }
	var pairs []pair
	for y, row := range confusion {
		support := 0
		for _, k := range row {
			support += k
		}
		for x, k := range row {
			if x != y && k > 0 {
				pairs = append(pairs, pair{y, x, k, support})
			}
		}
	}
	sort.SliceStable(pairs, func(i, j int) bool { return pairs[i].k > pairs[j].k })
	var list []mistake
	for _, p := range pairs[:min(n, len(pairs))] {
		list = append(list, mistake{shorten(classes[p.y], 40), shorten(classes[p.x], 40), thousands(int64(p.k)), percent(float64(p.k)/float64(p.support), 1)})
	}
	return list
}
