package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// sweepHeat is the measure over two keys that vary, of one student: the darker
// the better. What else varies is at its best in each cell.
type sweepHeat struct {
	Title, Note, Alt          string
	W, H, Left, Top, CW, CH   px
	Cols, Rows                []heatLabel
	Cells                     []heatCell
	XName, YName              string
	XNameAt, YNameAt, YNameUp px
}

// Turned tells whether the name of the rows runs upwards; a symbol stands.
func (h *sweepHeat) Turned() bool { return utf8.RuneCountInString(h.YName) > 1 }

// Bounds of the heat maps of a page.
const (
	maxHeatSide = 24
	maxHeats    = 6
)

// newSweepHeats are those of the two most telling axes, one a student; none
// where fewer than two vary.
func newSweepHeats(s *Sweep) (list []*sweepHeat) {
	var two []SweepAxis
	for _, a := range s.overs() {
		if len(a.Values) <= maxHeatSide && len(two) < 2 {
			two = append(two, a)
		}
	}
	for _, a := range s.Axes { // else names, such as losses
		if len(two) < 2 && a.Key != "student.arch" && len(a.Values) > 1 && len(a.Values) <= maxHeatSide && (len(two) == 0 || two[0].Key != a.Key) {
			two = append(two, a)
		}
	}
	if len(two) < 2 {
		return nil
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range s.Cells {
		if v := float64(c.Value); finite(v) && c.Diverged == "" {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	students := s.students()
	for _, name := range students[:min(len(students), maxHeats)] {
		list = append(list, newSweepHeat(s, name, two[0], two[1], lo, hi))
	}
	return list
}

func newSweepHeat(s *Sweep, name string, x, y SweepAxis, lo, hi float64) *sweepHeat {
	xs, ys := s.ordered(x), s.ordered(y)
	slices.Reverse(ys) // larger is higher
	h := &sweepHeat{Left: 96, Top: 34, CW: px(math.Max(22, math.Min(64, 620/float64(len(xs))))), CH: 30, XName: x.title(), YName: y.symbol()}
	h.W, h.H = h.Left+h.CW*px(len(xs))+6, h.Top+h.CH*px(len(ys))+6
	h.XNameAt, h.YNameAt, h.YNameUp = h.Left+h.CW*px(len(xs))/2, 12, h.Top+h.CH*px(len(ys))/2
	h.Title = fmt.Sprintf("%s over %s and %s", upper(s.Measure), x.title(), y.title())
	if name != "" {
		h.Title += ", " + clean(name)
	}
	h.Note = "Each cell is the best of what else varies."
	if s.share() {
		h.Note = "In %. " + h.Note
	}
	var best *SweepCell
	for i, v := range xs {
		h.Cols = append(h.Cols, heatLabel{h.Left + h.CW*(px(i)+0.5), shorten(clean(v), 8), clean(v)})
	}
	for j, w := range ys {
		h.Rows = append(h.Rows, heatLabel{h.Top + h.CH*(px(j)+0.5), shorten(clean(w), 10), clean(w)})
		for i, v := range xs {
			cell := bestOf(s.Cells, func(c SweepCell) bool {
				return c.Of(x.Key) == v && c.Of(y.Key) == w && (name == "" || c.Of("student.arch") == name)
			})
			if cell == nil {
				continue
			}
			if best == nil || cell.Value > best.Value {
				best = cell
			}
			shade := 0.5
			if hi > lo {
				shade = 0.06 + 0.84*(float64(cell.Value)-lo)/(hi-lo)
			}
			k := heatCell{X: h.Left + h.CW*px(i), Y: h.Top + h.CH*px(j), Right: true, Shade: strconv.FormatFloat(shade, 'f', 2, 64), Strong: shade > 0.55,
				Title: fmt.Sprintf("%s: %s", clean(cell.Name), s.plusMinus(cell.Value, cell.SE))}
			k.TX, k.TY = k.X+h.CW/2, k.Y+h.CH/2
			if h.CW >= 40 {
				k.Text = s.short(cell.Value)
			}
			h.Cells = append(h.Cells, k)
		}
	}
	h.Alt = h.Title + "."
	if best != nil {
		h.Alt = fmt.Sprintf("%s. Best: %s, %s.", h.Title, clean(best.Name), s.value(best.Value))
	}
	return h
}

// short is a value without its unit.
func (s *Sweep) short(v Number) string {
	if s.share() {
		return strconv.FormatFloat(100*float64(v), 'f', 1, 64)
	}
	return minus(strconv.FormatFloat(float64(v), 'f', 3, 64))
}

// ordered are the values of an axis, by size where they are numbers.
func (s *Sweep) ordered(a SweepAxis) []string {
	values := slices.Clone(a.Values)
	if s.numeric(a) != nil {
		slices.SortFunc(values, func(v, w string) int {
			x, _ := strconv.ParseFloat(v, 64)
			y, _ := strconv.ParseFloat(w, 64)
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
	return values
}
