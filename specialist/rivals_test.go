package specialist

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// rivalPlan is that of the problem's generalist, mlp:8 with 77 parameters.
func rivalPlan(t *testing.T, params int64) RivalPlan {
	r := recipe(problem)
	r.Teacher.Model, r.Student.Arch, r.Train.LR, r.Train.Epochs, r.Train.NoBaseline = distill.NoTeacher, "mlp:8", 0.05, 3, true
	return RivalPlan{Recipe: r, Params: params, Dir: filepath.Join(t.TempDir(), "rivals"), Parallel: 2}
}

func mustTrainRivals(t *testing.T, p RivalPlan) *Rivals {
	t.Helper()
	r, err := TrainRivals(t.Context(), p, (&logged{}).env())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTrainRivals wants rivals of as many parameters: a net of the family and an
// ensemble whose first member is the generalist itself, whose answer is the mean
// of its members'.
func TestTrainRivals(t *testing.T) {
	const params = 250 // 3·77 = 231, and mlp:27 has 3·27+27+5·27+5 = 248
	p := rivalPlan(t, params)
	r := mustTrainRivals(t, p)
	if r.Generalist.Params != 77 || len(r.Trained) != 2 || len(r.Notes) != 0 {
		t.Fatalf("%+v", r)
	}
	larger, ensemble := r.Trained[0], r.Trained[1]
	if larger.Arch != "mlp:27" || larger.Params != 248 || larger.Epochs != 3 || larger.Visits != 3*1350 || len(larger.Files) != 1 {
		t.Errorf("%+v", larger)
	}
	if ensemble.Arch != "mlp:8" || ensemble.Params != 231 || ensemble.Epochs != 9 || ensemble.Visits != 9*1350 || len(ensemble.Files) != 3 || ensemble.FLOPs != 3*r.Generalist.FLOPs {
		t.Errorf("%+v", ensemble)
	}
	var bytes []string
	nets := modelsOf(t, p.Dir)
	for _, file := range ensemble.Files {
		bytes = append(bytes, weightsOf(t, filepath.Join(p.Dir, file)))
	}
	if bytes[0] != weightsOf(t, filepath.Join(problem, "generalist.onnx")) {
		t.Error("the first of the ensemble is not the generalist")
	}
	if bytes[0] == bytes[1] || bytes[1] == bytes[2] || bytes[0] == bytes[2] {
		t.Error("members with other seeds are the same")
	}
	if len(nets) != 5 {
		t.Errorf("%d files: expected 4 nets and what they came to", len(nets))
	}

	// The mean of probabilities, counted by hand.
	s, err := distill.Open(t.Context(), p.Recipe, (&logged{}).env())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	test := s.Data().Test
	sum := make([][]float64, test.Len())
	labels := make([]int32, 0, test.Len())
	for m, file := range ensemble.Files {
		o, err := OpenRival(t.Context(), "", []string{filepath.Join(p.Dir, file)}, s.Classes(), EnsembleOptions{Rows: test})
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		err = distill.EachOutput(t.Context(), o.Models[0].(*distill.Model), test, func(z []float32) error {
			if sum[i] == nil {
				sum[i] = make([]float64, 5)
			}
			for k, v := range probabilities(z) {
				sum[i][k] += v
			}
			i++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if m == 0 {
			side := side{src: test}
			side, err = (&fleet{session: s}).labelled(t.Context(), test, nil)
			if err != nil {
				t.Fatal(err)
			}
			labels = side.given
		}
	}
	errs := 0
	for i, p := range sum {
		row := make([]float32, 5)
		for k, v := range p {
			row[k] = float32(v)
		}
		errs += one(metrics.Argmax(row) != int(labels[i]))
	}
	if ensemble.Errors != errs || ensemble.Labelled != 600 || larger.Errors == 0 {
		t.Errorf("the ensemble makes %d errors of %d, expected %d; the larger net %d", ensemble.Errors, ensemble.Labelled, errs, larger.Errors)
	}
}

// weightsOf are a model's bytes without its metadata.
func weightsOf(t *testing.T, path string) string {
	t.Helper()
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	m.Metadata = nil
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestTrainRivalsAgain interrupts, goes on to the same bytes, keeps what is done,
// and refuses the folder of others.
func TestTrainRivalsAgain(t *testing.T) {
	whole, broken := rivalPlan(t, 160), rivalPlan(t, 160)
	mustTrainRivals(t, whole)
	ctx, stop := context.WithCancel(t.Context())
	env := (&logged{}).env()
	env.Progress = func(_ string, done, _ int64, _ *distill.EpochRecord) {
		if done > 30 {
			stop()
		}
	}
	broken.Parallel = 1
	if _, err := TrainRivals(ctx, broken, env); fault.KindOf(err) != fault.Interrupted && !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	log := &logged{}
	if _, err := TrainRivals(t.Context(), broken, log.env()); err != nil {
		t.Fatal(err)
	}
	a, b := modelsOf(t, whole.Dir), modelsOf(t, broken.Dir)
	for name := range a {
		if a[name] != b[name] && name != rivalsFile {
			t.Errorf("%s is another after an interrupt", name)
		}
	}
	log = &logged{}
	if _, err := TrainRivals(t.Context(), broken, log.env()); err != nil {
		t.Fatal(err)
	}
	if n := log.count("epochs of"); n != 0 {
		t.Errorf("%d nets were trained again", n)
	}
	other := broken
	other.Params++
	_, err := TrainRivals(t.Context(), other, (&logged{}).env())
	faulttest.Want(t, err, fault.Integrity, "params", "other rivals")
}

// TestTrainRivalsRefuses names what cannot be, and leaves out what has no widths.
func TestTrainRivalsRefuses(t *testing.T) {
	for _, c := range []struct {
		what  string
		set   func(*RivalPlan)
		texts []string
	}{
		{"fewer parameters", func(p *RivalPlan) { p.Params = 77 }, []string{"--params", "77"}},
		{"too many", func(p *RivalPlan) { p.Params = 77 * 300 }, []string{"--params", "256 times"}},
		{"no folder", func(p *RivalPlan) { p.Dir = "" }, []string{"-o"}},
		{"seeds", func(p *RivalPlan) { p.Recipe.Train.Seeds = 3 }, []string{"--seeds"}},
		{"parallel", func(p *RivalPlan) { p.Parallel = -1 }, []string{"--parallel"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := rivalPlan(t, 160)
			c.set(&p)
			_, err := TrainRivals(t.Context(), p, (&logged{}).env())
			faulttest.Want(t, err, fault.Usage, c.texts...)
		})
	}
	for arch, why := range map[string]string{"linear": "no widths", filepath.Join(problem, "generalist.onnx"): "has the size that it has"} {
		p := rivalPlan(t, 160)
		p.Recipe.Student.Arch, p.Recipe.Train.Epochs = arch, 1
		r := mustTrainRivals(t, p)
		if len(r.Trained) != 1 || r.Trained[0].Arch != arch || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, why) }) {
			t.Errorf("%s: %+v", arch, r)
		}
	}
}
