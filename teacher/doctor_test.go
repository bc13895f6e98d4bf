package teacher

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// clusters are n rows of a table in k classes: one feature for each class,
// which lies 3 deviations higher in it, and one that says nothing.
func clusters(n, k int) *memory {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	m := &memory{spec: dataset.Spec{Shape: []int{k + 1}, DType: dataset.Float32}}
	for c := range k {
		m.spec.Classes = append(m.spec.Classes, fmt.Sprintf("class-%c", 'a'+c))
	}
	for range n {
		y := rng.IntN(k)
		for j := range k + 1 {
			v := rng.NormFloat64()
			if j == y {
				v += 3
			}
			m.x = append(m.x, float32(v))
		}
		m.y = append(m.y, int32(y))
	}
	return m
}

// rowsFake is a model that says f of each row of size values; call counts the
// rows it was ever asked about.
func rowsFake(size, outs int, f func(row []float32, call int) []float32) *fake {
	m := &fake{inputs: []ort.Info{tensor("x", onnx.Float32, -1, int64(size))}, outputs: []ort.Info{tensor("y", onnx.Float32, -1, int64(outs))}}
	call := 0
	m.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		var out []float32
		for r := range n {
			call++
			out = append(out, f(x[r*size:(r+1)*size], call)...)
		}
		return []ort.Value{value(onnx.Float32, out, int64(n), int64(outs))}, nil
	}
	return m
}

// knows are the logits of clusters of k classes: those that made them, which
// are calibrated.
func knows(row []float32, k int) []float32 {
	z := make([]float32, k)
	for j := range z {
		z[j] = 3 * row[j]
	}
	return z
}

// coin is a number from 0 to 1 that depends on the row alone.
func coin(row []float32) float64 {
	h := math.Float64bits(float64(row[len(row)-1])) * 0x9e3779b97f4a7c15
	return float64(h>>40) / (1 << 24)
}

func diagnose(t testing.TB, f *fake, src dataset.Source, o Options, do DoctorOptions) *Diagnosis {
	t.Helper()
	x := f.teach(t, o)
	x.NameRows("rows.csv")
	d, err := x.Diagnose(context.Background(), src, do)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// found is the finding of the name.
func found(d *Diagnosis, name string) (Finding, bool) {
	i := slices.IndexFunc(d.Findings, func(f Finding) bool { return f.Name == name })
	if i < 0 {
		return Finding{}, false
	}
	return d.Findings[i], true
}

// TestDoctorFindings plants one illness in a teacher that is healthy without
// it, and requires that it is found, at its level, and nothing worse.
func TestDoctorFindings(t *testing.T) {
	const k, n = 4, 1500
	healthy := func(row []float32, _ int) []float32 { return knows(row, k) }
	with := func(change func(row, z []float32, call int)) func([]float32, int) []float32 {
		return func(row []float32, call int) []float32 {
			z := knows(row, k)
			change(row, z, call)
			return z
		}
	}
	src := clusters(n, k)
	sick := src.x[(k+1)*17 : (k+1)*18] // row 17
	mislabelled := &memory{spec: src.spec, x: src.x, y: slices.Clone(src.y)}
	for i := range mislabelled.y {
		if i%10 < 4 {
			mislabelled.y[i] = (mislabelled.y[i] + 1 + int32(i%3)) % k
		}
	}
	lacks := clusters(n, k)
	for i, y := range lacks.y {
		if y == 3 {
			lacks.y[i] = dataset.Unlabelled
		}
	}
	onRow := func(v float32) func([]float32, int) []float32 {
		return with(func(row, z []float32, _ int) {
			if slices.Equal(row, sick) {
				z[1] = v
			}
		})
	}
	for _, c := range []struct {
		name  string
		src   *memory
		f     func(row []float32, call int) []float32
		level Level
		find  string // empty: nothing but what is fine
		says  []string
		also  []string // other findings that follow from it
		o     DoctorOptions
		in    string // Options.Input
	}{
		{name: "healthy", f: healthy},
		{name: "healthy, few rows", src: clusters(150, k), f: healthy},
		{name: "not a number", in: "raw", f: onRow(float32(math.NaN())), level: Problem, find: "finite", says: []string{"1 of 1500 rows", "the first row 17 of rows.csv", dataset.IDOf(sick).String()}},
		{name: "infinite", in: "raw", f: onRow(float32(math.Inf(1))), level: Problem, find: "finite", says: []string{"row 17 of rows.csv"}},
		{name: "never a number", f: with(func(_, z []float32, _ int) { z[0] = float32(math.NaN()) }), level: Problem, find: "finite", says: []string{"of 512 rows"}},
		{name: "constant", f: func([]float32, int) []float32 { return []float32{1, 2, 3, 4} }, level: Problem, find: "constant", also: []string{"accuracy"}},
		{name: "one class", f: with(func(_, z []float32, _ int) { z[2] += 100 }), level: Problem, find: "one class", says: []string{`"class-c"`}, also: []string{"accuracy"}},
		{name: "knows nothing", f: func(row []float32, _ int) []float32 {
			z := make([]float32, k)
			z[int(coin(row)*k)] = 3
			return z
		}, level: Problem, find: "accuracy", says: []string{"useless", "always saying the commonest", "mean row"}, also: []string{"coarse", "hard"}},
		{name: "worse than mean rows", f: with(func(row, z []float32, _ int) {
			if coin(row) < 0.3 {
				z[0], z[1], z[2], z[3] = z[1], z[2], z[3], z[0]
			}
		}), level: Problem, find: "accuracy", says: []string{"labels alone would teach", "mean row gets 9"}},
		{name: "classes mixed up", f: with(func(_, z []float32, _ int) { z[0], z[1], z[2], z[3] = z[1], z[2], z[3], z[0] }), level: Problem, find: "class order",
			says: []string{"mixed up"}, also: []string{"accuracy"}},
		{name: "saturated", f: with(func(_, z []float32, _ int) { scaleBy(z, 2) }), level: Note, find: "saturation", says: []string{"more than 99.9 % sure"}},
		{name: "saturated, T of 1", f: with(func(_, z []float32, _ int) { scaleBy(z, 4) }), level: Warning, find: "saturation", says: []string{"at a temperature of 1"}, o: DoctorOptions{Temperature: 1}},
		{name: "saturated for good", f: with(func(_, z []float32, _ int) { scaleBy(z, 1000) }), level: Note, find: "saturation", says: []string{"even a temperature of 20"}},
		{name: "label smoothing", f: with(func(_, z []float32, _ int) { smoothed(z) }), level: Warning, find: "label smoothing", says: []string{"about 0.1"}},
		{name: "over-confident", src: mislabelled, f: healthy, level: Note, find: "calibration", says: []string{"sure and right on"}},
		{name: "no logits", f: with(func(_, z []float32, _ int) { scaleBy(z, 1e-3) }), level: Warning, find: "calibration"},
		{name: "never given", f: with(func(_, z []float32, _ int) { z[3] -= 100 }), level: Warning, find: "classes never given", says: []string{`"class-d"`}, also: []string{"accuracy"}},
		{name: "no rows of a class", src: lacks, f: healthy, level: Note, find: "classes without rows", says: []string{"1 of its 4 classes", `"class-d"`}},
		{name: "two classes", src: clusters(n, 2), f: func(row []float32, _ int) []float32 { return knows(row, 2) }, level: Note, find: "few classes", also: []string{"saturation"}},
		{name: "few labels", src: clusters(60, k), f: healthy, level: Note, find: "few labels", says: []string{"anything from"}},
		{name: "no labels", src: unlabelled(src), f: healthy, level: Note, find: "labels", also: []string{"contract"}},
		{name: "eight bits", f: with(func(_, z []float32, _ int) {
			for j := range z {
				z[j] = float32(math.Round(float64(z[j])*4) / 4)
			}
		}), level: Note, find: "coarse"},
		{name: "hard", f: with(func(_, z []float32, _ int) { hardened(z) }), level: Warning, find: "hard"},
		{name: "random", f: with(func(_, z []float32, call int) { z[call%k] += float32(call%7) / 10 }), level: Warning, find: "repeats", says: []string{"asked for twice"}, also: []string{"contract"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := c.src
			if rows == nil {
				rows = src
			}
			classes := rows.spec.Size() - 1
			d := diagnose(t, rowsFake(classes+1, classes, c.f), rows, Options{Input: c.in}, c.o)
			checkFindings(t, d, c.find, c.level, c.says, c.also)
		})
	}
}

// checkFindings requires the finding at its level, and no other that is not
// fine but those of also.
func checkFindings(t *testing.T, d *Diagnosis, find string, level Level, says, also []string) {
	t.Helper()
	f, ok := found(d, find)
	if find != "" && (!ok || f.Level != level) {
		t.Errorf("no %s of %q:\n%v", level, find, d)
	}
	for _, w := range says {
		if !strings.Contains(f.Says, w) {
			t.Errorf("%q does not say %q", f.Says, w)
		}
	}
	for _, f := range d.Findings {
		if f.Level != Fine && f.Name != find && !slices.Contains(also, f.Name) && !(f.Name == "labels" && d.Labelled == 0) {
			t.Errorf("false alarm: %+v", f)
		}
		if strings.Contains(f.Says+f.Advice, "\n") || strings.Contains(f.Says+f.Advice, "%!") {
			t.Errorf("%+v", f)
		}
	}
	if !slices.IsSortedFunc(d.Findings, func(a, b Finding) int { return slices.Index(levels, b.Level) - slices.Index(levels, a.Level) }) {
		t.Errorf("not the worst first:\n%v", d)
	}
	raw, err := json.Marshal(d)
	var back Diagnosis
	if err == nil {
		err = json.Unmarshal(raw, &back)
	}
	if err != nil || back.Worst() != d.Worst() {
		t.Errorf("%v: %s", err, raw)
	}
}

func scaleBy(z []float32, by float32) {
	for j := range z {
		z[j] *= by
	}
}

// smoothed makes z that of a class with 0.925 of 1, as an ε of 0.1 over four
// classes leaves it.
func smoothed(z []float32) {
	best := slices.Index(z, slices.Max(z))
	for j := range z {
		z[j] *= 1e-2
	}
	z[best] = float32(math.Log(0.925 / 0.025))
}

// hardened makes z 1 for the class and 0 for the others.
func hardened(z []float32) {
	best := slices.Index(z, slices.Max(z))
	clear(z)
	z[best] = 1
}

// TestDoctorMixing finds a model with a fixed batch whose rows look at each
// other.
func TestDoctorMixing(t *testing.T) {
	const k = 4
	src := clusters(400, k)
	for _, sick := range []bool{false, true} {
		f := rowsFake(k+1, k, nil)
		f.inputs[0].Shape[0], f.outputs[0].Shape[0] = 8, 8
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			x := floatsOf(in[0])
			var out []float32
			for r := range n {
				z := knows(x[r*(k+1):(r+1)*(k+1)], k)
				if sick {
					for j := range z {
						z[j] -= 0.1 * x[j] * float32(r) // the first row of the batch
					}
				}
				out = append(out, z...)
			}
			return []ort.Value{value(onnx.Float32, out, int64(n), k)}, nil
		}
		d := diagnose(t, f, src, Options{}, DoctorOptions{})
		if sick {
			checkFindings(t, d, "repeats", Problem, []string{"in another order"}, []string{"accuracy"})
		} else {
			checkFindings(t, d, "", "", nil, nil)
		}
	}
}

// TestDoctorLabelsAlone is about a model without scores.
func TestDoctorLabelsAlone(t *testing.T) {
	const k = 4
	f := rowsFake(k+1, 1, nil)
	f.outputs[0] = tensor("label", onnx.Int64, -1)
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		var out []float32
		for r := range n {
			z := knows(x[r*(k+1):(r+1)*(k+1)], k)
			out = append(out, float32(slices.Index(z, slices.Max(z))))
		}
		return []ort.Value{value(onnx.Int64, out, int64(n))}, nil
	}
	checkFindings(t, diagnose(t, f, clusters(500, k), Options{}, DoctorOptions{}), "labels alone", Note, []string{"0.1"}, nil)
}

// targets are rows of size features with k values to predict.
func targetRows(n, size, k int, task dataset.Task, f func(row []float32) []float32) *memory {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	m := &memory{spec: dataset.Spec{Shape: []int{size}, DType: dataset.Float32, Task: task}, y: make([]int32, n)}
	for j := range k {
		m.spec.Targets = append(m.spec.Targets, fmt.Sprintf("t%d", j))
	}
	for r := range n {
		row := make([]float32, size)
		for j := range row {
			row[j] = float32(rng.NormFloat64())
		}
		m.x, m.v, m.y[r] = append(m.x, row...), append(m.v, f(row)...), dataset.Unlabelled
	}
	return m
}

func TestDoctorValues(t *testing.T) {
	truth := func(row []float32) []float32 { return []float32{3*row[0] + 10, row[1] - row[2]} }
	src := targetRows(600, 3, 2, dataset.Regression, func(row []float32) []float32 {
		v := truth(row)
		v[0] += row[1] / 3 // what the teacher does not know
		return v
	})
	for _, c := range []struct {
		name  string
		f     func(row []float32) []float32
		level Level
		find  string
		says  []string
		also  []string
	}{
		{name: "healthy", f: truth},
		{"units", func(row []float32) []float32 { v := truth(row); v[0] = (v[0] - 10) / 1000; return v }, Problem, "units", []string{`"t0"`, "1005·output +10"}, []string{"accuracy"}},
		{"offset", func(row []float32) []float32 { v := truth(row); v[1] += 4; return v }, Problem, "units", []string{`"t1"`, "·output -4"}, []string{"accuracy"}},
		{"useless", func(row []float32) []float32 { return []float32{10 + row[2]*4, row[0] * 3} }, Problem, "accuracy", []string{"useless", "R²"}, nil},
		{"constant", func(row []float32) []float32 { return []float32{1, 2} }, Problem, "constant", nil, []string{"accuracy"}},
		{"one constant", func(row []float32) []float32 { return []float32{truth(row)[0], 0} }, Note, "constant", []string{`"t1"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := diagnose(t, rowsFake(3, 2, func(row []float32, _ int) []float32 { return c.f(row) }), src, Options{Input: "raw"}, DoctorOptions{})
			checkFindings(t, d, c.find, c.level, c.says, c.also)
		})
	}
}

func TestDoctorLabels(t *testing.T) {
	src := targetRows(600, 3, 3, dataset.MultiLabel, func(row []float32) []float32 {
		out := make([]float32, 3)
		for j := range out {
			if row[j]+0.3*row[(j+1)%3] > 0.5 {
				out[j] = 1
			}
		}
		return out
	})
	truth := func(row []float32) []float32 {
		return []float32{4*row[0] - 2, 4*row[1] - 2, 4*row[2] - 2}
	}
	for _, c := range []struct {
		name  string
		f     func(row []float32) []float32
		level Level
		find  string
		says  []string
		also  []string
	}{
		{name: "healthy", f: truth},
		{"never", func(row []float32) []float32 { z := truth(row); z[1] -= 30; return z }, Warning, "classes never given", []string{`"t1"`}, []string{"rates"}},
		{"constant", func(row []float32) []float32 { z := truth(row); z[2] = -1; return z }, Warning, "constant", []string{`"t2"`}, nil},
		{"too often", func(row []float32) []float32 { z := truth(row); z[0] += 3; return z }, Note, "rates", []string{`"t0"`}, nil},
		{"useless", func(row []float32) []float32 { z := truth(row); z[0], z[1], z[2] = -z[0], -z[1], -z[2]; return z }, Problem, "accuracy", []string{"useless"}, []string{"rates"}},
		{"saturated", func(row []float32) []float32 { z := truth(row); scaleBy(z, 1000); return z }, Note, "saturation", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := diagnose(t, rowsFake(3, 3, func(row []float32, _ int) []float32 { return c.f(row) }), src, Options{Input: "raw"}, DoctorOptions{})
			checkFindings(t, d, c.find, c.level, c.says, c.also)
		})
	}
}

// reds are images whose red says the class, and whose blue says nothing.
func reds(n int) *memory {
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	m := &memory{spec: dataset.Spec{Shape: []int{2, 2, 3}, Image: true, DType: dataset.Uint8, Classes: []string{"dark", "medium", "bright"}}}
	for r := range n {
		for range 4 {
			m.x = append(m.x, float32(40+60*(r%3)+rng.IntN(20)), 200, float32(40+rng.IntN(140)))
		}
		m.y = append(m.y, int32(r%3))
	}
	return m
}

// TestDoctorTries requires that the preprocessing which mends a teacher is
// found, and that its flag does mend it.
func TestDoctorTries(t *testing.T) {
	same := func(v float32) float32 { return v }
	turned := greyFake(onnx.Float32, same, Logits, -1, 1, side, side)
	inner := turned.f
	turned.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x, back := floatsOf(in[0]), []float32(nil)
		for r := range n {
			for p := range side * side {
				back = append(back, x[r*side*side+p%side*side+p/side])
			}
		}
		return inner([]ort.Value{value(onnx.Float32, back, int64(n), 1, side, side)}, n)
	}
	bgr := &fake{inputs: []ort.Info{tensor("x", onnx.Float32, -1, 3, 2, 2)}, outputs: []ort.Info{tensor("y", onnx.Float32, -1, 3)}}
	bgr.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x, out := floatsOf(in[0]), []float32(nil)
		for r := range n {
			for k := range 3 {
				off := x[r*12+8]*255 - float32(50+60*k) // the third channel is red
				out = append(out, -off*off/300)
			}
		}
		return []ort.Value{value(onnx.Float32, out, int64(n), 3)}, nil
	}
	for _, c := range []struct {
		name string
		f    *fake
		src  *memory
		flag string
	}{
		{"inverted", greyFake(onnx.Float32, func(v float32) float32 { return 1 - max(0, min(1, v)) }, Logits, -1, 1, side, side), greys(900, 1), "scale=-1/255 mean=-1"},
		{"turned", turned, greys(900, 1), "transpose scale=1/255"},
		{"BGR", bgr, reds(900), "bgr scale=1/255"},
		{"raw", greyFake(onnx.Float32, unitOf["raw"], Logits, -1, 1, side, side), greys(900, 1), "scale=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{}
			if c.name == "raw" { // which Detect would find by itself
				o.Input = "unit"
			}
			d := diagnose(t, c.f, c.src, o, DoctorOptions{})
			f, _ := found(d, "preprocessing")
			if d.Preprocess != c.flag || f.Level != Problem || !strings.Contains(f.Advice, fmt.Sprintf("--teacher-preprocess %q", c.flag)) {
				t.Errorf("got %q:\n%v", d.Preprocess, d)
			}
			if d.Tries == nil {
				t.Fatal("none tried")
			}
			if best := d.Tries[0]; !best.Now || best.Rows != maxLook || !strings.Contains(d.String(), "← clearly better") {
				t.Errorf("got %+v:\n%v", best, d)
			}
			p, err := dataset.ParsePreprocess(d.Preprocess)
			if err != nil {
				t.Fatal(err)
			}
			again := diagnose(t, c.f, c.src, Options{Preprocess: &p}, DoctorOptions{Try: true})
			if *again.Accuracy < 0.95 || again.Worst() == Problem || again.Preprocess != "" {
				t.Errorf("with the flag:\n%v", again)
			}
			if f, ok := found(again, "preprocessing"); !ok || f.Level != Fine {
				t.Errorf("with the flag:\n%v", again)
			}
		})
	}
	t.Run("none mends", func(t *testing.T) {
		f := greyFake(onnx.Float32, same, Logits, -1, 1, side, side)
		inner := f.f
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			x := floatsOf(in[0])
			for i := range x { // nothing left of the row but noise
				x[i] = float32(math.Abs(math.Sin(float64(x[i])*1e4))) / 2
			}
			return inner([]ort.Value{value(onnx.Float32, x, int64(n), 1, side, side)}, n)
		}
		d := diagnose(t, f, greys(900, 1), Options{}, DoctorOptions{})
		if f, _ := found(d, "accuracy"); f.Level != Problem || !strings.Contains(f.Advice, "no preprocessing mends that") || d.Preprocess != "" {
			t.Errorf("got\n%v", d)
		}
	})
	t.Run("not asked", func(t *testing.T) {
		d := diagnose(t, greyFake(onnx.Float32, same, Logits, -1, 1, side, side), greys(900, 1), Options{}, DoctorOptions{})
		if d.Tries != nil || d.Worst() == Problem {
			t.Errorf("got\n%v", d)
		}
	})
}

// TestGlance is the short form: on the rows of Detect, once, and at the cost of
// a few calls.
func TestGlance(t *testing.T) {
	const k = 4
	ctx := context.Background()
	src := clusters(1500, k)
	f := rowsFake(k+1, k, func(row []float32, _ int) []float32 { z := knows(row, k); z[3] -= 100; return z })
	x := f.teach(t, Options{})
	detect(t, x, src)
	calls := f.calls
	d, err := x.Glance(ctx, DoctorOptions{})
	if err != nil || f.calls > calls+3 || d.Rows != maxLook {
		t.Fatalf("%v, %d calls, %v", err, f.calls-calls, d)
	}
	if w := d.Warnings(); len(w) == 0 || len(d.Short()) > 3 || !strings.Contains(strings.Join(d.Short(), "\n"), `"class-d"`) {
		t.Errorf("warnings %q, %q", w, d.Short())
	}
	if d, err = x.Glance(ctx, DoctorOptions{}); err != nil || d.Rows != 0 {
		t.Errorf("a second time: %v, %v", d, err)
	}
	useless := rowsFake(k+1, k, func(row []float32, _ int) []float32 { return []float32{row[4], row[4] * 2, -row[4], 0} })
	x = useless.teach(t, Options{})
	c := detect(t, x, src)
	if d, err = x.Glance(ctx, DoctorOptions{}); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, w := range d.Warnings() {
		if strings.Contains(w, "useless") {
			found++
			if !strings.Contains(w, "mean row") || !strings.Contains(w, "kdonnx doctor") {
				t.Errorf("got %q", w)
			}
		}
	}
	if found != 1 || len(c.Warnings) == 0 {
		t.Errorf("said %d times: %q and %q", found, c.Warnings, d.Warnings())
	}
	f.onRun = func(int) error { return fault.New(fault.Teacher, "fake.onnx", "", "died") }
	if _, err := f.teach(t, Options{}).Diagnose(ctx, src, DoctorOptions{}); err == nil {
		t.Error("a dead teacher is an error")
	} else {
		faulttest.Want(t, err, fault.Teacher, "died")
	}
}

// TestInterval holds the textbook's numbers.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		p         float64
		n         int
		low, high float64
	}{{0.5, 10, 0.2366, 0.7634}, {1, 20, 0.8389, 1}, {0, 20, 0, 0.1611}, {0.92, 50, 0.8116, 0.9684}} {
		if low, high := interval(c.p, c.n); math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("%v of %d: got %v to %v", c.p, c.n, low, high)
		}
	}
}
