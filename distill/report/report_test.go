package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\x00\x1b[31m\u202e\xff]]>{{.}}"

// shout puts hostile text in every string of the report.
func shout(r *Report) *Report {
	r.Title, r.Verdict.Sentence = hostile, hostile
	r.Provenance = Provenance{Teacher: Source{hostile, hostile}, Data: Source{hostile, hostile}, Architecture: hostile, Loss: hostile, Version: hostile, Schedules: &Schedules{hostile, hostile, hostile}}
	for _, b := range []*Block{r.Teacher, r.Baseline, r.Student} {
		b.Name = hostile
	}
	r.Parity.Runtime = hostile
	r.Timings = []Timing{{hostile, 1}}
	r.Notes, r.Warnings = []string{hostile}, []string{hostile}
	for i := range r.Classes {
		r.Classes[i] = hostile
	}
	return r
}

// poison puts a number that is not finite wherever a Number goes.
func poison(r *Report) *Report {
	nan, inf := Number(math.NaN()), Number(math.Inf(1))
	r.Provenance.Temperature, r.Provenance.Alpha, r.Provenance.Beta = nan, inf, -inf
	r.WallS, r.StepsPerS, r.SamplesPerS = nan, inf, -inf
	r.Timings = append(r.Timings, Timing{"a", nan}, Timing{"b", inf}, Timing{"c", -1})
	*r.Parity = Parity{MaxAbs: nan, MaxRel: inf, TolAbs: nan, TolRel: nan}
	r.Student.LatencyMS, r.Teacher.LatencyMS = nan, inf
	for i := range r.History.Student {
		e := &r.History.Student[i]
		switch i % 4 {
		case 0:
			e.Train = Terms{Total: nan, Soft: inf, Hard: -inf, Hint: nan, SoftGradient: nan, HardGradient: inf}
			e.Weights = &Weights{nan, inf, -inf}
		case 1:
			e.Val = &Validation{Accuracy: nan, Loss: inf}
		case 2:
			e.Val = nil
		}
	}
	return r
}

func cases(t *testing.T) map[string]*Report {
	lone := example(t, 50, 4, 3)
	lone.Teacher, lone.Baseline, lone.Parity, lone.History.Baseline = nil, nil, nil, nil
	unlabelled := example(t, 10, 4, 2)
	res := evaluate(t, make([]float32, 8), nil, nil, 4)
	unlabelled.Student.Result, unlabelled.Baseline.Result, unlabelled.Teacher.Result = res, res, res
	flat := example(t, 60, 3, 5)
	for i := range flat.History.Student {
		flat.History.Student[i].Train, flat.History.Student[i].Val = Terms{}, &Validation{Accuracy: 1, Loss: 0}
	}
	none := example(t, 40, 5, 3)
	none.Classes = nil
	mixed := example(t, 40, 5, 2) // the blocks do not have the same classes
	mixed.Teacher.Result = example(t, 40, 7, 1).Teacher.Result
	return map[string]*Report{
		"empty":           {},
		"plain":           example(t, 500, 10, 20),
		"1 epoch":         example(t, 100, 10, 1),
		"1 class":         example(t, 30, 1, 2),
		"2 classes":       example(t, 30, 2, 2),
		"62 classes":      example(t, 3000, 62, 60),
		"200 classes":     example(t, 900, 200, 3),
		"5,000 epochs":    example(t, 30, 3, 5000),
		"student alone":   lone,
		"unlabelled":      unlabelled,
		"flat":            flat,
		"no class names":  none,
		"other classes":   mixed,
		"hostile":         shout(example(t, 100, 12, 3)),
		"poisoned":        poison(example(t, 100, 12, 9)),
		"all":             shout(poison(example(t, 300, 62, 1))),
		"3 seeds":         withSeeds(example(t, 200, 10, 3)),
		"3 wrong seeds":   {Student: &Block{}, Seeds: &Seeds{Seeds: []uint64{1}, ChosenBy: hostile, Student: map[string]Spread{"errors": {Values: []float64{1, 3}}}}},
		"no rows at all":  {Student: &Block{}, Teacher: &Block{}, Baseline: &Block{}},
		"negative epochs": {History: History{Student: []Epoch{{Epoch: -3}, {Epoch: -3, LR: -1}}}},
	}
}

var notNumber = regexp.MustCompile(`\b(NaN|[+-]?Inf)\b`)

// Every report is one well-formed document with nothing to run and nothing to
// fetch, whatever is in it.
func TestHTMLIsWholeAndSafe(t *testing.T) {
	for name, r := range cases(t) {
		t.Run(name, func(t *testing.T) {
			page, err := HTML(r)
			if err != nil {
				t.Fatal(err)
			}
			again, err := HTML(r)
			if err != nil || !bytes.Equal(page, again) {
				t.Error("the same report gives other bytes")
			}
			if m := notNumber.Find(page); m != nil {
				t.Errorf("the page holds %s", m)
			}
			for _, bad := range []string{"http://", "https://", "url(", "@import", "ZgotmplZ", "%!"} {
				if bytes.Contains(page, []byte(bad)) {
					t.Errorf("the page holds %q", bad)
				}
			}
			if !bytes.Contains(page, []byte(`content="default-src 'none'; style-src 'unsafe-inline'"`)) {
				t.Error("the page has no policy against scripts and fetching")
			}
			walk(t, page)
		})
	}
}

// walk parses the page as XML, which is stricter than a browser, and refuses
// elements and attributes that run or fetch something.
func walk(t *testing.T, page []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict = true
	ids := map[string]bool{}
	var labels []string
	tables, captions := 0, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch el.Name.Local {
		case "script", "img", "iframe", "object", "embed", "link", "a", "image", "use", "foreignObject", "base", "form":
			t.Errorf("the page has an element <%s>", el.Name.Local)
		}
		hasLabel := false
		for _, a := range el.Attr {
			switch n := a.Name.Local; {
			case strings.HasPrefix(n, "on"), n == "href", n == "src", n == "style":
				t.Errorf("<%s> has an attribute %s", el.Name.Local, n)
			case n == "id":
				if ids[a.Value] {
					t.Errorf("id %q is there twice", a.Value)
				}
				ids[a.Value] = true
			case n == "aria-labelledby":
				labels = append(labels, strings.Fields(a.Value)...)
				hasLabel = true
			case n == "aria-label", n == "aria-hidden":
				hasLabel = true
			case (n == "width" || n == "height" || n == "r") && strings.HasPrefix(a.Value, "-"):
				t.Errorf("<%s> has %s %s", el.Name.Local, n, a.Value)
			}
		}
		if el.Name.Local == "svg" && !hasLabel {
			t.Error("a figure has no words for who cannot see it")
		}
		switch el.Name.Local {
		case "table":
			tables++
		case "caption":
			captions++
		}
	}
	if captions != tables {
		t.Errorf("%d tables have %d captions", tables, captions)
	}
	for _, l := range labels {
		if !ids[l] {
			t.Errorf("aria-labelledby names %q, which is not there", l)
		}
	}
}

// What people look for is on the page.
func TestHTMLShowsTheRun(t *testing.T) {
	r := example(t, 3000, 62, 60)
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if c, ok := tok.(xml.CharData); ok {
			text.Write(c)
			text.WriteByte('\n')
		}
	}
	for _, want := range []string{
		r.Title, r.Verdict.Sentence, "Distillation helps: ", r.Provenance.Loss, r.Provenance.Teacher.Digest, r.Provenance.Data.Digest,
		"Validation accuracy", "Training loss", "Confusion matrix", "Reliability", "Accuracy by class", "Most frequent mistakes",
		"passed", "3.1e−6 (limit 1e−5)", "11,173,962", "4.87 MiB", "5 min 12 s", r.Warnings[0], r.Notes[0],
		percent(r.Student.Accuracy, 2), percent(r.Teacher.Accuracy, 2), percent(r.Baseline.Accuracy, 2),
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	cells := 0
	for _, row := range r.Student.Confusion {
		for _, k := range row {
			if k > 0 {
				cells++
			}
		}
	}
	if got := bytes.Count(page, []byte("<title>label ")) + strings.Count(string(page), "<title>\nlabel "); got != cells {
		t.Errorf("the heat map has %d cells, want one for each of %d numbers", got, cells)
	}
	for _, class := range r.Classes {
		if n := strings.Count(text.String(), "\n"+class+"\n"); n < 3 {
			t.Errorf("class %q is named %d times, want row, column and accuracy", class, n)
		}
	}
}

func TestJSON(t *testing.T) {
	for name, r := range cases(t) {
		path := filepath.Join(t.TempDir(), "report.json")
		if err := WriteJSON(path, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		second, err := json.MarshalIndent(&back, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.ReplaceAll(data, []byte(`\ufffd`), []byte("\ufffd")) // broken UTF-8 is escaped once
		if !bytes.Equal(data, append(second, '\n')) {
			t.Errorf("%s: read and written again it is another file", name)
		}
	}
	data, err := json.Marshal(example(t, 20, 3, 1).Student)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\{"n":20,"errors":\d+,"accuracy":[\d.]+,"agreement":[\d.]+,"ece":[\d.]+,`).Match(data) {
		t.Errorf("a block does not start as the summary does: %s", data)
	}
	top := keys(t, example(t, 20, 3, 1))
	want := []string{"format", "title", "verdict", "provenance", "teacher", "baseline", "student", "parity", "history", "steps_per_s", "samples_per_s", "wall_s", "timings", "notes", "warnings", "classes"}
	if d := cmp.Diff(want, top); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
}

// keys lists the keys of the outermost object in their order.
func keys(t *testing.T, r *Report) []string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var list []string
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestWriteIsDurable(t *testing.T) {
	dir := t.TempDir()
	r := example(t, 20, 3, 1)
	for name, write := range map[string]func(string, *Report) error{"report.html": Write, "report.json": WriteJSON} {
		path := filepath.Join(dir, name)
		if err := write(path, r); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Size() < 1000 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
		link := filepath.Join(dir, "link-"+name)
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{dir, link, filepath.Join(dir, "no", "folder", name)} {
			var f *fault.Error
			if err := write(bad, r); !errors.As(err, &f) || f.Kind != fault.IO || f.Path != bad {
				t.Errorf("%s: got %v, want a fault.IO that names it", bad, err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("the folder holds %d files, want 2 reports and 2 links", len(entries))
	}
	r.Student.ECE = math.NaN()
	var f *fault.Error
	if err := WriteJSON(filepath.Join(dir, "nan.json"), r); !errors.As(err, &f) {
		t.Errorf("a metric that is NaN: got %v, want a fault", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nan.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a metric that is NaN leaves a file: %v", err)
	}
}

func TestJudge(t *testing.T) {
	res := func(errors int) metrics.Result { return metrics.Result{N: 10000, Labelled: 10000, Errors: errors} }
	for _, c := range []struct {
		baseline, student int
		p                 float64
		helps             bool
		want              string
	}{
		{558, 146, 1e-60, true, "Distillation helps: 412 fewer errors of 10,000 than the same student trained on hard labels (McNemar p = 1e−60)."},
		{147, 146, 1e-9, true, "Distillation helps: 1 fewer error of 10,000 than the same student trained on hard labels (McNemar p = 1e−9)."},
		{150, 146, 0.4321, false, "Distillation is not helping here: 4 fewer errors of 10,000 than the same student trained on hard labels is within chance (McNemar p = 0.43)."},
		{150, 146, 0.05, false, "Distillation is not helping here: 4 fewer errors of 10,000 than the same student trained on hard labels is within chance (McNemar p = 0.05)."},
		{146, 146, 1, false, "Distillation is not helping here: the same student trained on hard labels makes as many errors, 146 of 10,000."},
		{146, 1158, 0, false, "Distillation is not helping here: 1,012 more errors of 10,000 than the same student trained on hard labels (McNemar p < 1e−300)."},
	} {
		v := Judge(res(c.baseline), res(c.student), metrics.Paired{P: c.p})
		if got := strings.ReplaceAll(v.Sentence, "\u00a0", " "); got != c.want || v.Helps != c.helps || v.McNemar == nil {
			t.Errorf("%d against %d: helps %v, %q; want %v, %q", c.baseline, c.student, v.Helps, got, c.helps, c.want)
		}
	}
	if v := Judge(res(1), metrics.Result{N: 3}, metrics.Paired{}); v.Helps || v.Sentence != "No verdict: the baseline has 10,000 labelled rows and the student 0 labelled rows." {
		t.Errorf("without labels: %+v", v)
	}
}
