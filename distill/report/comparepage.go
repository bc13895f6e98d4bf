package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/kdonnx/kdonnx/dataset"
)

// maxCurves is the largest number of runs that a figure tells apart.
const maxCurves = 12

// comparePage is what compare.tmpl shows.
type comparePage struct {
	Title    string
	Notes    []string
	Groups   []groupPage
	Runs     []string
	Settings []row
}

// groupPage is one group: a line of the tables a run.
type groupPage struct {
	ID, Heading      string
	Results, Costs   []string // names of the columns
	Lines            []compareLine
	Curves           []*lineChart
	Size             *sizeChart
	Drawn            string // which runs the figures show, where not all
	HasRole, HasBest bool
}

// compareLine is one run.
type compareLine struct {
	Role           role // its mark in the figures; empty: not drawn
	Name, Title    string
	Results, Costs []compareCell
	Setting        []string
	Loss           string
}

type compareCell struct {
	Text, SD string // SD: the deviation over seeds, where there are several
	Best     bool
}

// HTML renders the comparison.
func (c *Comparison) HTML() ([]byte, error) {
	p := comparePage{Title: "Comparison of " + plural(len(c.runs), "run"), Notes: cleanAll(c.Notes)}
	for i, g := range c.Groups {
		p.Groups = append(p.Groups, g.page(fmt.Sprintf("g%d", i+1), len(c.Groups) > 1))
	}
	for _, n := range c.runs {
		p.Runs = append(p.Runs, clean(n.Name))
	}
	for _, d := range c.Differences {
		r := row{Name: clean(d.Key)}
		for _, v := range d.Values {
			r.Values = append(r.Values, shownValue(v))
		}
		p.Settings = append(p.Settings, r)
	}
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, "compare.tmpl", p)
	return b.Bytes(), err
}

func (g Group) page(id string, several bool) groupPage {
	p := groupPage{ID: id, Heading: "Judged on " + clean(g.rows())}
	drawn := g.drawn()
	marks := map[int]role{}
	for k, i := range drawn {
		marks[i] = role(fmt.Sprintf("run%d", k))
	}
	if len(drawn) < len(g.members) {
		p.Drawn = fmt.Sprintf("The figures show the best %d of %s.", len(drawn), plural(len(g.members), "run"))
	}
	for i, n := range g.members {
		v := n.Provenance
		p.Lines = append(p.Lines, compareLine{Role: marks[i], Name: clean(n.Name), Title: clean(n.Title), Loss: clean(v.Loss),
			Setting: []string{clean(v.Architecture),
				scheduled(v.Temperature, v.Schedules.of(func(s Schedules) string { return s.Temperature })),
				scheduled(v.Alpha, v.Schedules.of(func(s Schedules) string { return s.Alpha })),
				scheduled(v.Beta, v.Schedules.of(func(s Schedules) string { return s.Beta }))}})
	}
	fill := func(columns []quantity, names *[]string, cells func(l *compareLine) *[]compareCell) {
		for _, q := range columns {
			best := q.best(g.members)
			*names = append(*names, q.name)
			for i, n := range g.members {
				to := cells(&p.Lines[i])
				text, sd := q.parts(n.Report)
				*to = append(*to, compareCell{text, sd, best[i]})
			}
		}
	}
	fill(results(g.Task), &p.Results, func(l *compareLine) *[]compareCell { return &l.Results })
	fill(sizes, &p.Costs, func(l *compareLine) *[]compareCell { return &l.Costs })
	p.Curves = g.curves(id, drawn, marks)
	p.Size = g.sizeChart(id, drawn, marks)
	return p
}

// scheduled is a setting and how it runs over training, where it does.
func scheduled(x Number, schedule string) string {
	if schedule == "" || schedule == "constant" {
		return setting(float64(x))
	}
	return setting(float64(x)) + ", " + clean(schedule)
}

// drawn are the runs that the figures show, best first where they are too many.
func (g Group) drawn() []int {
	list := make([]int, len(g.members))
	for i := range list {
		list[i] = i
	}
	if len(list) <= maxCurves {
		return list
	}
	q := results(g.Task)[0]
	score := func(i int) float64 {
		x, ok := q.get(g.members[i].Report)
		if !ok {
			return math.Inf(-1)
		}
		return float64(q.better) * x
	}
	sort.SliceStable(list, func(a, b int) bool { return score(list[a]) > score(list[b]) })
	list = list[:maxCurves]
	slices.Sort(list)
	return list
}

// curves are the students' courses, one over another.
func (g Group) curves(id string, drawn []int, marks map[int]role) []*lineChart {
	draw := func(key, title, note string, share bool, get func(Epoch) Number) *lineChart {
		var all []series
		for _, i := range drawn {
			s := series{Role: marks[i], Name: shorten(clean(g.members[i].Name), 40)}
			for _, e := range g.members[i].History.Student {
				s.Points = append(s.Points, point{float64(e.Epoch), float64(get(e))})
			}
			s.Points = drop(s.Points)
			all = append(all, s)
		}
		return newLineChart(id+"-"+key, title, note, share, all...)
	}
	val := func(get func(*Validation) Number) func(Epoch) Number {
		return func(e Epoch) Number {
			if e.Val == nil {
				return Number(math.NaN())
			}
			return get(e.Val)
		}
	}
	var list []*lineChart
	for _, c := range []*lineChart{
		draw("val", "Validation "+chosenBy(g.Task), "Each on the validation rows of its run.", g.Task != dataset.Regression, val(func(v *Validation) Number { return v.Accuracy })),
		draw("val-loss", "Validation loss", "Each on the validation rows of its run.", false, val(func(v *Validation) Number { return v.Loss })),
		draw("train-loss", "Training loss", "Each minimises a loss of its own: compare shapes, not heights.", false, func(e Epoch) Number { return e.Train.Total }),
	} {
		if c != nil {
			list = append(list, c)
		}
	}
	return list
}
