package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// someSpecialists are of so many sets of as many classes each, with rivals and
// students, trained with so many seeds; every figure is another.
func someSpecialists(sets, each, classes, seeds int) *Specialists {
	residual := Number(3.2e-13)
	s := &Specialists{Title: "What specialists change", Rows: Source{Name: "test.csv"}, Labelled: 9876, Asked: []int{4321, 3210, 2100, 245}, Residual: &residual, Notes: []string{"a note"}}
	spread := func(mean, sd float64) Spread {
		v := Spread{}
		for i := range seeds {
			v.Values = append(v.Values, mean+sd*(float64(i)-float64(seeds-1)/2))
		}
		v.Mean, v.SD = metrics.MeanSD(v.Values)
		return v
	}
	for i := range seeds {
		s.Seeds = append(s.Seeds, uint64(i+1))
	}
	s.Shown = 1
	for i, m := range []struct {
		name string
		part ModelPart
		acc  float64
	}{{"generalist", GeneralistPart, 0.8412}, {fmt.Sprintf("with %d specialists", sets), EnsemblePart, 0.8733}, {"mlp:96, as many parameters", RivalPart, 0.8701}, {"4 generalists", RivalPart, 0.8655}, {"distilled, T = 2", DistilledPart, 0.8651}, {"distilled, T = 8", DistilledPart, 0.8612}} {
		s.Models = append(s.Models, SpecialistsModel{Name: m.name, Part: m.part, Params: int64(5000 * (1 + 3*(i%4))), FLOPs: Number(9000 * (1 + i)), LatencyMS: Number(0.0123 * float64(i+1)),
			Scores: map[string]Spread{"accuracy": spread(m.acc, 0.002), "errors": spread(math.Round(9876*(1-m.acc)), 17), "nll": spread(0.4-0.01*float64(i), 0.001), "ece": spread(0.031+0.001*float64(i), 0.001)}})
	}
	g, e := metrics.Result{Labelled: 9876, Errors: 1568, Accuracy: 0.8412}, metrics.Result{Labelled: 9876, Errors: 1251, Accuracy: 0.8733}
	s.Verdict = JudgeSpecialists(g, e, sets, metrics.Paired{Rows: 9876, OnlyA: 83, OnlyB: 400, P: 1e-40})
	for k := range classes {
		s.Classes = append(s.Classes, fmt.Sprintf("class %d", k))
	}
	s.Union = &SpecialistSet{Rows: 9000, Before: 7600, After: 7900}
	for m := range sets {
		share := Number(0.5 / float64(m+2))
		set := SpecialistSet{Rows: 300 + m, Before: 250 + m/2, After: 261 - m%5 + m/2, Asked: 700 + m, Seconds: Number(3.21 + float64(m)), Confusion: &share}
		for j := range each {
			set.Classes = append(set.Classes, (m*each/2+j)%classes)
		}
		s.Sets = append(s.Sets, set)
	}
	for n := range 2 * sets / 3 {
		s.Covering = append(s.Covering, CoveredRows{n, 1000 + n, 800 + n, 800 + 3*n - 1})
	}
	for j := range sets + 1 {
		s.Curve = append(s.Curve, spread(0.8412+0.0321*math.Sqrt(float64(j)/float64(sets)), 0.002))
	}
	for i := range 20 {
		s.Less = append(s.Less, ConfusedPair{i % classes, (i + 1) % classes, 50 - i, 11})
		s.More = append(s.More, ConfusedPair{(i + 1) % classes, i % classes, 7, 30 - i})
	}
	if classes <= maxHeat {
		for j := range classes {
			for k := range classes {
				v := 0.0
				if j != k {
					v = 1e-3 / float64(1+max(j-k, k-j))
				}
				s.Confusion = append(s.Confusion, Number(v))
			}
		}
	}
	return s
}

// written are the files of s, and what its JSON says.
func written(t *testing.T, s *Specialists) (page, table []byte, said *Specialists) {
	t.Helper()
	dir := t.TempDir()
	f := Files{filepath.Join(dir, "s.json"), filepath.Join(dir, "s.html"), filepath.Join(dir, "s.csv")}
	if err := f.WriteSpecialists(s); err != nil {
		t.Fatal(err)
	}
	said, err := ReadSpecialists(f.JSON)
	if err != nil {
		t.Fatal(err)
	}
	page, _ = os.ReadFile(f.HTML)
	table, _ = os.ReadFile(f.CSV)
	walk(t, page)
	again, err := SpecialistsHTML(said)
	if err != nil || !bytes.Equal(page, again) {
		t.Errorf("the page of what the JSON says is another (%v)", err)
	}
	return page, table, said
}

// lineOf is the text of the first line of a table that begins with head.
func lineOf(t *testing.T, page []byte, caption, head string) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	var cells []string
	var text strings.Builder
	in := false
	for {
		tok, err := d.Token()
		if err != nil {
			return ""
		}
		switch el := tok.(type) {
		case xml.StartElement:
			switch el.Name.Local {
			case "caption", "th", "td":
				text.Reset()
			case "tr":
				cells = nil
			}
		case xml.CharData:
			text.Write(el)
		case xml.EndElement:
			switch el.Name.Local {
			case "caption":
				in = strings.HasPrefix(text.String(), caption)
			case "th", "td":
				cells = append(cells, strings.TrimSpace(text.String()))
			case "tr":
				if in && len(cells) > 0 && cells[0] == head {
					return strings.Join(cells, "|")
				}
			}
		}
	}
}

// TestSpecialistsFigures: what the page shows is what JSON and CSV say.
func TestSpecialistsFigures(t *testing.T) {
	for _, seeds := range []int{1, 4} {
		page, table, said := written(t, someSpecialists(6, 5, 26, seeds))
		got := values(t, table)
		for i, m := range said.Models {
			line := lineOf(t, page, "The models", m.Name)
			for _, want := range []string{percent(m.Scores["accuracy"].Mean, 2), errorsText(m.Scores["errors"].Mean), fourDigits(m.Scores["nll"].Mean), percent(m.Scores["ece"].Mean, 2), thousands(m.Params), count(int64(m.FLOPs))} {
				if !strings.Contains(line, "|"+want) {
					t.Errorf("%d seeds: the line of %s lacks %s: %s", seeds, m.Name, want, line)
				}
			}
			key := fmt.Sprintf("models/%s/%d/", m.Name, i)
			for column, want := range map[string]float64{"accuracy": m.Scores["accuracy"].Mean, "errors": m.Scores["errors"].Mean, "params": float64(m.Params), "flops": float64(m.FLOPs), "latency_ms": float64(m.LatencyMS)} {
				if got[key+column] != number(want) {
					t.Errorf("%s%s is %q, expected %v", key, column, got[key+column], want)
				}
			}
			if sd := got[key+"accuracy_sd"]; (sd != "") != (seeds > 1) || strings.Contains(line, "± ") != (seeds > 1) {
				t.Errorf("%d seeds: a deviation %q in the CSV, on the page %q", seeds, sd, line)
			}
			if m.Part == DistilledPart && (m.Kept == nil || !strings.HasSuffix(line, "|"+percent(float64(*m.Kept), 0)) || got[key+"kept"] != number(float64(*m.Kept))) {
				t.Errorf("%s keeps %v: %s", m.Name, m.Kept, line)
			}
		}
		if k := said.Models[4].Kept; math.Abs(float64(*k)-(0.8651-0.8412)/(0.8733-0.8412)) > 1e-9 {
			t.Errorf("kept %v", *k)
		}
		for _, c := range said.Covering {
			line := lineOf(t, page, "Top-1 by how many specialists", strconv.Itoa(c.Specialists))
			if want := fmt.Sprintf("%d|%s|%d|%d|", c.Specialists, thousands(int64(c.Rows)), c.Before, c.After) + signedPercent(float64(c.After)/float64(c.Before)-1); line != want {
				t.Errorf("covered by %d: %s, expected %s", c.Specialists, line, want)
			}
			if key := fmt.Sprintf("covering//%d/", c.Specialists); got[key+"rows"] != strconv.Itoa(c.Rows) || got[key+"before"] != strconv.Itoa(c.Before) || got[key+"after"] != strconv.Itoa(c.After) {
				t.Errorf("the CSV says otherwise of %+v", c)
			}
		}
		for i, set := range said.Sets {
			line := lineOf(t, page, "Sets of classes", strconv.Itoa(i))
			share := func(n int) string { return percent(float64(n)/float64(set.Rows), 2) }
			if want := fmt.Sprintf("|%d|%s|%s|%s", set.Rows, share(set.Before), share(set.After), relativeText(float64(set.Before), float64(set.After))); !strings.Contains(line, want) || !strings.Contains(line, "|"+thousands(int64(set.Asked))+"|") {
				t.Errorf("set %d: %s, expected %s", i, line, want)
			}
			if key := fmt.Sprintf("sets//%d/", i); got[key+"asked"] != strconv.Itoa(set.Asked) || got[key+"after"] != strconv.Itoa(set.After) || got[key+"class_1"] != said.Classes[set.Classes[1]] {
				t.Errorf("the CSV says otherwise of %+v", set)
			}
		}
		for j, v := range said.Curve {
			if line := lineOf(t, page, "Top-1 by number of specialists", strconv.Itoa(j)); !strings.Contains(line, "|"+strings.TrimSuffix(percent(v.Mean, 2), " %")) || got[fmt.Sprintf("curve//%d/accuracy", j)] != number(v.Mean) {
				t.Errorf("with %d specialists: %s, expected %v", j, line, v.Mean)
			}
		}
		c := said.Less[3]
		if line := lineOf(t, page, "Pairs of classes", said.Classes[c.Label]); line != fmt.Sprintf("%s|%s|%d|%d|−%d", said.Classes[c.Label], said.Classes[c.Answer], c.Before, c.After, c.Before-c.After) || got["mended//4/before"] != strconv.Itoa(c.Before) {
			t.Errorf("mended: %s, expected %+v", line, c)
		}
		for key, want := range map[string]string{"asked//2/rows": "2100", "fusion///residual": "3.2e-13", "run///labelled": "9876", "broken//1/after": "30", "confusion//class 3/class 5": number(1e-3 / 3)} {
			if got[key] != want {
				t.Errorf("%s is %q, expected %s", key, got[key], want)
			}
		}
		if !bytes.Contains(page, []byte("3.2e−13")) || !bytes.Contains(page, []byte("2,100 rows (21.3 %)")) {
			t.Error("the fusion is not on the page")
		}
	}
}

// TestSpecialistsParts: a part that is not known is not there.
func TestSpecialistsParts(t *testing.T) {
	full, _, _ := written(t, someSpecialists(6, 5, 9, 2))
	for what, take := range map[string]func(*Specialists){
		"Is it worth it?":              func(s *Specialists) { s.Models = nil },
		"best rival":                   func(s *Specialists) { s.Models = s.Models[:2] },
		"gain kept":                    func(s *Specialists) { s.Models = s.Models[:4] },
		"Accuracy over FLOPs a row":    func(s *Specialists) { eachModel(s, func(m *SpecialistsModel) { m.FLOPs = 0 }) },
		"Accuracy over parameters":     func(s *Specialists) { eachModel(s, func(m *SpecialistsModel) { m.Params = 0 }) },
		">one row<":                    func(s *Specialists) { eachModel(s, func(m *SpecialistsModel) { m.LatencyMS = 0 }) },
		"Where it helps":               func(s *Specialists) { s.Covering = nil },
		"One specialist after another": func(s *Specialists) { s.Curve = nil },
		"Set by set":                   func(s *Specialists) { s.Sets = nil },
		">training<":                   func(s *Specialists) { eachSet(s, func(x *SpecialistSet) { x.Seconds = 0 }) },
		">confusion<":                  func(s *Specialists) { eachSet(s, func(x *SpecialistSet) { x.Confusion = nil }) },
		"the classes of all sets":      func(s *Specialists) { s.Union = nil },
		"What the generalist is not":   func(s *Specialists) { s.Confusion = nil },
		"Mended most":                  func(s *Specialists) { s.Less = nil },
		"Broken most":                  func(s *Specialists) { s.More = nil },
		"Specialists asked":            func(s *Specialists) { s.Asked = nil },
		"Largest KKT residual":         func(s *Specialists) { s.Residual = nil },
		"How the answers are joined":   func(s *Specialists) { s.Asked, s.Residual = nil, nil },
		">Notes<":                      func(s *Specialists) { s.Notes = nil },
		"class=\"verdict":              func(s *Specialists) { s.Verdict = Verdict{} },
		"means of 2 seeds":             func(s *Specialists) { s.Seeds = nil },
		"class=\"band":                 func(s *Specialists) { s.Curve = []Spread{{Mean: 0.5}, {Mean: 0.6}} },
		"labelled rows of":             func(s *Specialists) { s.Labelled = 0 },
		"class=\"errorbar":             func(s *Specialists) { eachModel(s, func(m *SpecialistsModel) { m.Scores = nil }) },
	} {
		s := someSpecialists(6, 5, 9, 2)
		take(s)
		page, _, _ := written(t, s)
		if bytes.Contains(page, []byte(what)) || !bytes.Contains(full, []byte(what)) {
			t.Errorf("without what %q is about the page has it, or with it lacks it", what)
		}
	}
	written(t, &Specialists{})
	s := someSpecialists(40, 3, 200, 1)
	s.Undercut = 7
	page, _, _ := written(t, s)
	for _, want := range []string{"≥ 15", "too low by 7"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page of many specialists and classes lacks %s", want)
		}
	}
}

func eachModel(s *Specialists, f func(*SpecialistsModel)) {
	for i := range s.Models {
		f(&s.Models[i])
	}
}

func eachSet(s *Specialists, f func(*SpecialistSet)) {
	for i := range s.Sets {
		f(&s.Sets[i])
	}
}

// TestSpecialistsHostile: no name leaves its place on the page or is a formula.
func TestSpecialistsHostile(t *testing.T) {
	s := someSpecialists(4, 5, 9, 1)
	for k := range s.Classes {
		s.Classes[k] = fmt.Sprintf("%s%d", hostile, k)
	}
	s.Title, s.Rows.Name, s.Notes[0], s.Verdict.Sentence = hostile, hostile, hostile, hostile
	for i := range s.Models {
		s.Models[i].Name = fmt.Sprintf("=1+1<script>\u202e%d", i)
	}
	page, table, _ := written(t, s)
	for _, never := range []string{"<script", "<img", "\u202e", "onerror=\"", "https://", "http://"} {
		if bytes.Contains(page, []byte(never)) {
			t.Errorf("the page has %q", never)
		}
	}
	if bytes.Contains(table, []byte("\n=")) || bytes.Contains(table, []byte(",=")) || bytes.ContainsRune(table, '\u202e') {
		t.Error("the CSV has a formula or a mark that turns text")
	}
}

// TestSpecialistsGeometry: bars are as long as their values say, on their side
// of 0; of marks a better one is higher; names cover neither marks nor names.
func TestSpecialistsGeometry(t *testing.T) {
	b := newRowBars("x", "x", "", []barLine{{Label: "0", Value: -0.1}, {Label: "1", Value: 0}, {Label: "2", Value: 0.2}})
	if l := b.Lines; !l[0].Below || math.Abs(float64(l[2].Width-2*l[0].Width)) > 1e-6 || math.Abs(float64(l[0].X+l[0].Width-b.Zero)) > 1e-6 || l[2].X != b.Zero || l[1].Width != 0 {
		t.Errorf("%+v of 0 at %v", l, b.Zero)
	}
	c := newGrowthChart([]Spread{{Mean: 0.5, SD: 0.1, Values: []float64{0.4, 0.6}}, {Mean: 0.7, SD: 0.1, Values: []float64{0.6, 0.8}}})
	if c.Dots[1].Y >= c.Dots[0].Y || c.Base != c.Dots[0].Y || !strings.HasPrefix(c.Band, fmt.Sprintf("M%v %v", c.Dots[0].X, c.Y.at(0.6))) || !strings.HasSuffix(c.Band, fmt.Sprintf("L%v %vZ", c.Dots[0].X, c.Y.at(0.4))) {
		t.Errorf("%+v", c)
	}
	s := someSpecialists(6, 5, 26, 3)
	for i := range 12 {
		s.Models = append(s.Models, SpecialistsModel{Name: fmt.Sprintf("rival %d", i), Part: RivalPart, Params: int64(20000 + 100*i), Scores: s.Models[i%6].Scores})
	}
	chart := s.costCharts()[0]
	var boxes [][4]px
	named := 0
	for _, m := range chart.Marks {
		if m.Label == "" {
			continue
		}
		named++
		wide := px(6.8 * float64(len([]rune(m.Label))))
		x := m.LX - map[string]px{"": 0, "middle": wide / 2, "end": wide}[m.Anchor]
		boxes = append(boxes, [4]px{x, m.LY - 11, x + wide, m.LY + 3})
	}
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			if a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3] {
				t.Errorf("names cover one another: %v and %v", a, b)
			}
		}
		for _, m := range chart.Marks {
			if m.X > a[0] && m.X < a[2] && m.Y > a[1] && m.Y < a[3] {
				t.Errorf("a name at %v covers a mark at %v, %v", a, m.X, m.Y)
			}
		}
	}
	if named < 6 || named == len(chart.Marks) {
		t.Errorf("%d of %d marks are named: the test sees too little", named, len(chart.Marks))
	}
	if chart.Marks[0].Y <= chart.Marks[1].Y || chart.Gain == nil {
		t.Error("the generalist does not lie below its specialists")
	}
}

// TestJudgeSpecialists: who does not help is told so.
func TestJudgeSpecialists(t *testing.T) {
	result := func(errors int) metrics.Result {
		return metrics.Result{Labelled: 1000, Errors: errors, Accuracy: 1 - float64(errors)/1000}
	}
	for _, c := range []struct {
		errors int
		p      float64
		helps  bool
		want   string
	}{
		{80, 0.01, true, "Specialists help: top-1 goes from 90.00 % to 92.00 % with 3 specialists, +2.22 % relative: 80 errors instead of 100 on 1,000 rows (McNemar\u00a0p\u00a0=\u00a00.01)."},
		{98, 0.5, false, "Specialists are not helping here, what they gain is within chance: top-1 goes from 90.00 % to 90.20 %"},
		{100, 1, false, "Specialists are not helping here: with 3 specialists the generalist makes as many errors as alone, 100 on 1,000 rows."},
		{120, 0.01, false, "Specialists are not helping here, they harm: top-1 goes from 90.00 % to 88.00 % with 3 specialists, −2.22 % relative"},
	} {
		v := JudgeSpecialists(result(100), result(c.errors), 3, metrics.Paired{P: c.p})
		if v.Helps != c.helps || !strings.HasPrefix(v.Sentence, c.want) {
			t.Errorf("%d errors, P %v: %v, %s", c.errors, c.p, v.Helps, v.Sentence)
		}
	}
	if v := JudgeSpecialists(metrics.Result{}, metrics.Result{}, 3, metrics.Paired{}); v.Helps || !strings.HasPrefix(v.Sentence, "No verdict") {
		t.Errorf("no rows: %+v", v)
	}
}

// TestReadSpecialists: what no page can be made of is refused with its field.
func TestReadSpecialists(t *testing.T) {
	for field, spoil := range map[string]func(*Specialists){
		"sets[1].classes":              func(s *Specialists) { s.Sets[1].Classes[2] = 26 },
		"union.classes":                func(s *Specialists) { s.Union.Classes = []int{-1} },
		"less[0]":                      func(s *Specialists) { s.Less[0].Answer = 99 },
		"more[2]":                      func(s *Specialists) { s.More[2].Label = -1 },
		"confusion":                    func(s *Specialists) { s.Confusion = s.Confusion[1:] },
		"models[0].params":             func(s *Specialists) { s.Models[0].Params = 1 << 62 },
		"models[1].scores.errors.mean": func(s *Specialists) { s.Models[1].Scores["errors"] = Spread{Mean: 1e300} },
		"covering[0].rows":             func(s *Specialists) { s.Covering[0].Rows = -1 },
	} {
		s := someSpecialists(6, 5, 26, 1)
		spoil(s)
		s.settle()
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "s.json")
		os.WriteFile(path, data, 0o644)
		if _, err := ReadSpecialists(path); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, text := range []string{"{}", "[]", `{"kind":"specialists","format":99}`, `{"kind":"specialists"`, `{"kind":"specialists","sets":"x"}`} {
		path := filepath.Join(t.TempDir(), "s.json")
		os.WriteFile(path, []byte(text), 0o644)
		if _, err := ReadSpecialists(path); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
