package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// Named is a run and what to call it.
type Named struct {
	Name string
	*Report
}

// Comparison holds runs side by side.
type Comparison struct {
	Groups      []Group      `json:"groups"`
	Differences []Difference `json:"differences"` // of the recipes: only the keys that differ
	Notes       []string     `json:"notes"`       // what cannot be compared, in words

	runs []Named
}

// Group are runs of one task that were judged on the same rows. Numbers of
// runs in other groups cannot be compared with theirs.
type Group struct {
	Task dataset.Task `json:"task,omitempty"`
	Test Source       `json:"test"`
	Runs []Standing   `json:"runs"` // in the order given

	members []Named
}

// Standing is one run in numbers.
type Standing struct {
	Name       string            `json:"name"`
	Title      string            `json:"title"`
	Provenance Provenance        `json:"provenance"`
	Verdict    Verdict           `json:"verdict"`
	Teacher    map[string]Number `json:"teacher"` // see Block.Scores
	Baseline   map[string]Number `json:"baseline"`
	Student    map[string]Number `json:"student"`
	Seeds      *Seeds            `json:"seeds,omitempty"`   // of several; the maps above are of the exported one
	Gain       *Number           `json:"gain"`              // fewer errors than the baseline, or by how much the mean absolute error is less; of several seeds their mean
	BestAt     []string          `json:"best_at,omitempty"` // what no other run of the group is better at
}

// Difference is a key of the recipe by run, in the order of the runs; null
// where it is not known.
type Difference struct {
	Key    string    `json:"key"`
	Values []*string `json:"values"`
}

// Compare groups runs by what they were judged on.
func Compare(runs []Named) *Comparison {
	c := &Comparison{runs: runs, Differences: differences(runs), Notes: []string{}}
	for _, n := range runs {
		i := slices.IndexFunc(c.Groups, func(g Group) bool { return sameRows(g.members[0].Report, n.Report) })
		if i < 0 {
			i = len(c.Groups)
			c.Groups = append(c.Groups, Group{Task: n.Task, Test: n.Provenance.Test})
		}
		c.Groups[i].members = append(c.Groups[i].members, n)
	}
	for i := range c.Groups {
		c.Groups[i].stand()
	}
	c.explain()
	return c
}

// sameRows says whether two runs were judged on the same rows, as far as they
// say: runs without a digest are together where they have as many.
func sameRows(a, b *Report) bool {
	return a.Task == b.Task && a.Provenance.Test.Digest == b.Provenance.Test.Digest &&
		(a.Provenance.Test.Digest != "" || judged(a) == judged(b))
}

// judged is the number of labelled rows that the models are judged on.
func judged(r *Report) int {
	for _, b := range []*Block{r.Student, r.Baseline, r.Teacher} {
		if b != nil {
			return b.Labelled
		}
	}
	return 0
}

// stand puts the runs of g into numbers and finds the best.
func (g *Group) stand() {
	for _, n := range g.members {
		s := Standing{Name: n.Name, Title: n.Title, Provenance: n.Provenance, Verdict: n.Verdict,
			Teacher: scoreMap(n.Report.Teacher), Baseline: scoreMap(n.Report.Baseline), Student: scoreMap(n.Report.Student), Seeds: n.Seeds}
		if x, ok := gained(n.Report); ok {
			x := Number(x)
			s.Gain = &x
		}
		g.Runs = append(g.Runs, s)
	}
	for _, q := range append(results(g.Task), sizes...) {
		for i, best := range q.best(g.members) {
			if best {
				g.Runs[i].BestAt = append(g.Runs[i].BestAt, q.key)
			}
		}
	}
}

func scoreMap(b *Block) map[string]Number {
	if b == nil {
		return nil
	}
	m := map[string]Number{}
	for _, s := range b.Scores() {
		m[s.Name] = s.Value
	}
	return m
}

// gained is by how much the student is better than the baseline, of several
// seeds on the mean.
func gained(r *Report) (float64, bool) {
	if g := r.Verdict.Gain; g != nil {
		return g.Mean, finite(g.Mean)
	}
	switch s, b := r.Student, r.Baseline; {
	case s == nil || b == nil || s.Labelled == 0 || s.Labelled != b.Labelled:
		return 0, false
	case r.Task == dataset.Regression:
		return b.MAE - s.MAE, true
	default:
		return float64(b.Errors - s.Errors), true
	}
}

// explain says in words what cannot be compared.
func (c *Comparison) explain() {
	if len(c.Groups) > 1 {
		var parts []string
		for _, g := range c.Groups {
			parts = append(parts, fmt.Sprintf("%s on %s", g.names(), g.rows()))
		}
		c.Notes = append(c.Notes, "Not all of these runs can be compared, because they were judged on other rows or are of another task: "+
			strings.Join(parts, "; ")+". Each group has its own tables and figures; nothing is best across them.")
	}
	for _, g := range c.Groups {
		if len(g.members) > 1 && g.Test.Digest == "" {
			c.Notes = append(c.Notes, fmt.Sprintf("Whether %s were judged on the same rows is not known: an older kdonnx wrote them, without the rows' digest.", g.names()))
		}
	}
	var old []string
	for _, n := range c.runs {
		if len(n.Recipe) == 0 {
			old = append(old, n.Name)
		}
	}
	if len(old) > 0 && len(c.runs) > 1 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: an older kdonnx wrote them, without the recipe; how they differ is known in part.", several(old)))
	}
}

func (g *Group) names() string {
	var names []string
	for _, n := range g.members {
		names = append(names, n.Name)
	}
	return several(names)
}

// several joins names, at most six of them.
func several(names []string) string {
	const most = 6
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// rows says what the group was judged on.
func (g *Group) rows() string {
	s := fmt.Sprintf("%s of %s", plural(judged(g.members[0].Report), "labelled row"), g.Task)
	if g.Test.Name != "" {
		s += ", " + g.Test.Name
	}
	if g.Test.Digest != "" {
		s += " (" + shorten(g.Test.Digest, 13) + ")"
	}
	return s
}

// differences are the settings that are not the same in all runs.
func differences(runs []Named) []Difference {
	all := make([]map[string]string, len(runs))
	keys := map[string]bool{}
	for i, n := range runs {
		all[i] = settings(n.Report)
		for k := range all[i] {
			keys[k] = true
		}
	}
	list := []Difference{}
	for _, k := range slices.SortedFunc(maps.Keys(keys), cmp.Compare[string]) {
		d := Difference{Key: k}
		differs := false
		for i, n := range runs {
			v, has := all[i][k]
			if !has && len(n.Recipe) == 0 {
				d.Values = append(d.Values, nil)
				continue
			}
			d.Values = append(d.Values, &v)
			for _, w := range d.Values {
				differs = differs || w != nil && *w != v
			}
		}
		if differs {
			list = append(list, d)
		}
	}
	return list
}

// settings are the recipe of a run, its version and what its inputs hold; of a
// run without a recipe what its provenance says.
func settings(r *Report) map[string]string {
	p := r.Provenance
	m := map[string]string{}
	add := func(key, value string) {
		if value != "" {
			m[key] = value
		}
	}
	if len(r.Recipe) == 0 {
		add("student.arch", p.Architecture)
		add("loss.temperature", number(float64(p.Temperature)))
		add("loss.alpha", number(float64(p.Alpha)))
		add("loss.beta", number(float64(p.Beta)))
		add("train.seed", strconv.FormatUint(p.Seed, 10))
		add("train.epochs", strconv.Itoa(p.Epochs))
		add("train.augment", p.Augment)
	}
	maps.Copy(m, r.Recipe)
	add("content of the teacher", p.Teacher.Digest)
	add("content of the rows", p.Data.Digest)
	add("kdonnx", p.Version)
	return m
}

// CSV is CSV of every run, with the column run before the others.
func (c *Comparison) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"run", "table", "model", "row", "column", "value"})
	for _, n := range c.runs {
		for _, s := range sheets {
			s(n.Report, func(table, model, row, column, value string) {
				out.Write([]string{cell(n.Name), table, model, cell(row), cell(column), cell(value)})
			})
		}
	}
	out.Flush()
	return out.Error()
}
