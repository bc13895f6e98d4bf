package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func sweepFixture() *Sweep {
	teacher := Number(0.97)
	s := &Sweep{Title: "Sweep", Method: "12 settings", Measure: "accuracy", Epochs: 5, Seeds: 2, JudgedOn: "90 <rows>", Rows: 90, Teacher: &teacher,
		Axes: []SweepAxis{{"student.arch", "student", []string{"mlp:2", "mlp:8"}}, {"loss.temperature", "T", []string{"1", "4", "20"}}, {"loss.alpha", "alpha", []string{"0.5", "0.9"}}},
		Best: "loss:\n  temperature: 4\n", Command: "kdonnx distill --recipe best.yaml", Sentences: []string{"Best: <b>"}}
	for i, arch := range s.Axes[0].Values {
		for j, temp := range s.Axes[1].Values {
			for k, alpha := range s.Axes[2].Values {
				v := 0.9 + 0.02*float64(i) - 0.01*math.Abs(float64(j-1)) - 0.002*float64(k)
				s.Cells = append(s.Cells, SweepCell{Name: arch + " T=" + temp + " alpha=" + alpha, Settings: []SweepSetting{{"student.arch", arch}, {"loss.temperature", temp}, {"loss.alpha", alpha}},
					Value: Number(v), SE: 0.003, SD: 0.001, Loss: 0.3, Behind: Number(0.92 - v), BehindSE: 0.002, Params: 100, Epochs: 5, Trainings: make([]SweepTraining, 2)})
			}
		}
		base := Number(0.85)
		s.Baselines = append(s.Baselines, SweepCell{Name: arch, Settings: []SweepSetting{{"student.arch", arch}}, Value: base, SE: Number(math.NaN())})
		s.Sizes = append(s.Sizes, SweepSize{Name: arch, Params: 100, Student: 0.9, Baseline: &base, Gain: 0.05, GainSE: 0.01, Sentence: "distillation helps"})
	}
	// the best first
	for i := range s.Cells {
		for j := range s.Cells {
			if s.Cells[i].Value > s.Cells[j].Value {
				s.Cells[i], s.Cells[j] = s.Cells[j], s.Cells[i]
			}
		}
	}
	s.Cells = append(s.Cells, SweepCell{Name: "bad", Value: Number(math.NaN()), SE: Number(math.NaN()), Loss: Number(math.NaN()), Behind: Number(math.NaN()), Diverged: "NaN", Settings: s.Cells[0].Settings})
	s.Cells[0].Within = true
	return s
}

// TestSweepPage holds the page to its words, its figures, and well-formedness.
func TestSweepPage(t *testing.T) {
	s := sweepFixture()
	page, err := SweepHTML(s)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for want, n := range map[string]int{
		"Accuracy over temperature T":       2 + 2*2, // heading and description, of the lines and of two heat maps
		`class="trace"`:                     2 + 2,   // legend and curve
		`class="whisker"`:                   6,
		`class="level"`:                     2,
		`class="ceiling"`:                   1,
		`class="right"`:                     12,
		`dy="0.35em">92.0</text>`:           1,     // in the heat map
		"92.00 ± 0.30 %":                    1 + 2, // table, and titles of a dot and a cell
		"90 &lt;rows&gt;;":                  1,
		`<td class="text remark">best</td>`: 1, // of equals too
		"<script":                           0,
		"mlp:8 is best at 4, 92.00 %":       1,
		"distillation helps":                2,
		"NaN":                               0,
		"–":                                 -1,
	} {
		if got := strings.Count(text, want); n >= 0 && got != n || n < 0 && got == 0 {
			t.Errorf("%q stands %d times, expected %d", want, got, n)
		}
	}
	walk(t, page)
	again, err := SweepHTML(s)
	if err != nil || !bytes.Equal(page, again) {
		t.Error("the same sweep gives other bytes")
	}
	s.Cells[1].Value, s.Cells[1].Behind, s.Cells[1].Within = s.Cells[0].Value, 0, true
	if best, equal := s.Cells[0].Remark(0), s.Cells[1].Remark(1); best != "best" || equal != "≈ best" {
		t.Errorf("the first is %q, its equal %q", best, equal)
	}
}

// TestReadSweep makes page and table of what the JSON says, the same bytes, and
// refuses what no page can be made of by its field.
func TestReadSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, SweepFile)
	write := func(s *Sweep) {
		text, err := json.Marshal(s)
		if err == nil {
			err = os.WriteFile(path, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := sweepFixture()
	write(s)
	if file, ok := FindSweep(dir); !ok || file != path {
		t.Errorf("found %q, %v", file, ok)
	}
	said, err := ReadSweep(path)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	page, err := SweepHTML(s)
	again, err2 := SweepHTML(said)
	if err := cmp.Or(err, err2, s.CSV(&want), said.CSV(&got)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, again) || want.String() != got.String() {
		t.Error("page or table of what was read are others")
	}
	for field, change := range map[string]func(*Sweep){
		"measure":        func(s *Sweep) { s.Measure = "" },
		"cells":          func(s *Sweep) { s.Cells = nil },
		"cells[0].value": func(s *Sweep) { s.Cells[0].Value = Number(math.NaN()) },
		"rows":           func(s *Sweep) { s.Rows = math.MaxInt },
		"axes": func(s *Sweep) {
			s.Axes[0].Values, s.Axes[1].Values = make([]string, 30_000), make([]string, 30_000)
		},
	} {
		s := sweepFixture()
		change(s)
		write(s)
		_, err := ReadSweep(path)
		faulttest.Want(t, err, fault.Input, path, field)
	}
	os.WriteFile(filepath.Join(dir, "metrics.json"), []byte("{}"), 0o644)
	if _, ok := FindSweep(dir); ok {
		t.Error("a run's folder is taken for a sweep's")
	}
}

// TestSweepPageOdd renders what a sweep may lack or have too much of.
func TestSweepPageOdd(t *testing.T) {
	nan := Number(math.NaN())
	for name, change := range map[string]func(*Sweep){
		"nothing":      func(s *Sweep) { *s = Sweep{} },
		"all diverged": func(s *Sweep) { s.Cells, s.Best = s.Cells[len(s.Cells)-1:], "" },
		"one axis":     func(s *Sweep) { s.Axes = s.Axes[:1] },
		"names alone":  func(s *Sweep) { s.Axes = []SweepAxis{{"loss.name", "loss", []string{"classic", "dkd"}}} },
		"R²": func(s *Sweep) {
			s.Measure = "R²"
			for i := range s.Cells {
				s.Cells[i].Value -= 2
			}
		},
		"equal": func(s *Sweep) {
			for i := range s.Cells {
				s.Cells[i].Value, s.Cells[i].SE = 1, nan
			}
		},
		"no teacher":  func(s *Sweep) { s.Teacher = nil },
		"odd teacher": func(s *Sweep) { s.Teacher = &nan },
		"hostile": func(s *Sweep) {
			s.Axes[0].Values[0], s.Cells[0].Name, s.Best = "</svg>\x00\u202e", `"><script>`, "# </pre><script>\n"
		},
		"many": func(s *Sweep) {
			for i := range 500 {
				v := fmt.Sprint(1 + float64(i)/7)
				s.Axes[1].Values = append(s.Axes[1].Values, v)
				s.Cells = append(s.Cells, SweepCell{Name: "T=" + v, Value: Number(float64(i) / 500), Settings: []SweepSetting{{"student.arch", "mlp:2"}, {"loss.temperature", v}}})
			}
		},
		"infinite": func(s *Sweep) { s.Axes[1].Values = []string{"1", "Inf"} },
	} {
		s := sweepFixture()
		change(s)
		page, err := SweepHTML(s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		walk(t, page)
		if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("NaN")) && name != "infinite" {
			t.Errorf("%s: a script or NaN in the page", name)
		}
	}
}
