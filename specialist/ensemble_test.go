package specialist

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist/fuse"
	"github.com/kdonnx/kdonnx/student"
)

// table is a Source of rows in memory.
type table struct {
	d int
	x []float32
}

func (s *table) Spec() dataset.Spec { return dataset.Spec{Shape: []int{s.d}} }
func (s *table) Len() int           { return len(s.x) / s.d }
func (s *table) Close() error       { return nil }
func (s *table) Read(_ context.Context, rows []int, b *dataset.Batch) error {
	b.ResetTo(len(rows), s.Spec())
	for j, i := range rows {
		copy(b.X[j*s.d:(j+1)*s.d], s.x[i*s.d:(i+1)*s.d])
		b.Y[j] = dataset.Unlabelled
	}
	return nil
}

// normals are n rows of d normal values.
func normals(rng *rand.Rand, n, d int) *table {
	s := &table{d, make([]float32, n*d)}
	for i := range s.x {
		s.x[i] = float32(rng.NormFloat64())
	}
	return s
}

// drawn writes a bundle of random nets over rows of 6 values. The sharper, the
// surer they are.
func drawn(t testing.TB, rng *rand.Rand, classes, specialists, top int, sharp float32) *Bundle {
	t.Helper()
	dir := t.TempDir()
	b := &Bundle{Top: top, Generalist: Member{File: "generalist.onnx"}}
	for k := range classes {
		b.Classes = append(b.Classes, fmt.Sprintf("class %d", k))
	}
	build := func(name string, outputs int) {
		m, err := models.Build("mlp:9", models.Input{Shape: []int{6}, Scale: []float32{sharp}}, outputs, rng.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Write(filepath.Join(dir, name), m); err != nil {
			t.Fatal(err)
		}
	}
	build(b.Generalist.File, classes)
	for m := range specialists {
		set := rng.Perm(classes)[:1+rng.IntN(classes)]
		slices.Sort(set)
		x := Expert{Member: Member{File: fmt.Sprintf("specialist-%03d.onnx", m)}, Classes: set, Head: []Head{Dustbin, Full, Dustbin}[m%3], Fraction: 0.5}
		b.Specialists = append(b.Specialists, x)
		build(x.File, x.outputs(classes))
	}
	if err := b.Write(dir); err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b *Bundle, o EnsembleOptions) *Ensemble {
	t.Helper()
	e, err := OpenEnsemble(context.Background(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// logits are those of one model for one row, by itself.
func logits(t testing.TB, path string, x []float32) []float64 {
	t.Helper()
	st, err := student.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, st.Classes())
	if err := st.Predict(context.Background(), x, 1, z); err != nil {
		t.Fatal(err)
	}
	wide := make([]float64, len(z))
	for i, v := range z {
		wide[i] = float64(v)
	}
	return wide
}

// exponentials over their sum.
func softmaxed(z []float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for _, v := range z {
		sum += math.Exp(v)
	}
	for i, v := range z {
		p[i] = math.Exp(v) / sum
	}
	return p
}

// TestPredict holds answers against the steps of the paper, taken one by one.
func TestPredict(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	seen, heads := map[int]int{}, map[Head]int{}
	for range 6 {
		b := drawn(t, rng, 7, 4, 1+rng.IntN(2), 1)
		src := normals(rng, 10, 6)
		e := open(t, b, EnsembleOptions{Rows: src})
		err := e.Each(context.Background(), src, func(row int, q []float32, about Fused) error {
			x := src.x[row*6 : (row+1)*6]
			g := logits(t, b.Path(b.Generalist), x)
			order := []int{0, 1, 2, 3, 4, 5, 6}
			slices.SortStableFunc(order, func(i, j int) int {
				if g[i] > g[j] {
					return -1
				}
				return 1
			})
			f := make([]float64, 7) // a_k/q_k + s_k, which is N everywhere
			for k, p := range softmaxed(g) {
				f[k] = p / float64(q[k])
			}
			var active []int
			for m, s := range b.Specialists {
				if !slices.ContainsFunc(order[:b.Top], func(k int) bool { return slices.Contains(s.Classes, k) }) {
					continue
				}
				active = append(active, m)
				if len(s.Classes) < 6 {
					heads[s.Head]++
				}
				z := logits(t, b.Path(s.Member), x)
				if s.Head == Dustbin && len(s.Classes) == 7 {
					z = z[:7] // its dustbin is without a class
				}
				p := softmaxed(z)
				said, mass, dustbin := make([]float64, 7), 0.0, 0.0
				for k := range 7 {
					i, in := slices.BinarySearch(s.Classes, k)
					switch {
					case in && s.Head == Dustbin:
						said[k] = p[i]
					case in:
						said[k] = p[k]
					default:
						mass += float64(q[k])
						if s.Head == Full {
							dustbin += p[k]
						} else {
							dustbin = p[len(s.Classes)]
						}
					}
				}
				for k := range 7 {
					if slices.Contains(s.Classes, k) {
						f[k] += said[k] / float64(q[k])
					} else {
						f[k] += dustbin / mass
					}
				}
			}
			seen[len(active)]++
			if !slices.Equal(active, about.Active) || about.Residual > 1e-8 {
				t.Errorf("row %d: active %v with residual %g, expected %v", row, about.Active, about.Residual, active)
			}
			for k, v := range f {
				if math.Abs(v-1-float64(len(active))) > 1e-5 {
					t.Errorf("row %d: the condition of class %d gives %v, expected %d", row, k, v, 1+len(active))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 3 || len(heads) < 2 {
		t.Errorf("only so many were active: %v, %v", seen, heads)
	}
}

// TestRowAlone asks about rows in other company and on other cores.
func TestRowAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	b, src, ctx := drawn(t, rng, 12, 5, 2, 2), normals(rng, 300, 6), context.Background()
	var want []float32
	e := open(t, b, EnsembleOptions{Rows: src})
	all := func() (list []float32) {
		err := e.Each(ctx, src, func(_ int, q []float32, _ Fused) error { list = append(list, q...); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	want = all()
	before := runtime.GOMAXPROCS(1)
	if got := all(); !slices.Equal(got, want) {
		t.Error("one core gives other bits")
	}
	runtime.GOMAXPROCS(before)
	for lo := 0; lo < 300; {
		n := min(1+rng.IntN(9), 300-lo)
		q, about := make([]float32, n*12), make([]Fused, n)
		if err := e.Predict(ctx, &dataset.Batch{N: n, X: src.x[lo*6 : (lo+n)*6]}, q, about); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(q, want[lo*12:(lo+n)*12]) {
			t.Fatalf("rows %d to %d by themselves have other bits", lo, lo+n)
		}
		lo += n
	}
	gd := open(t, b, EnsembleOptions{Rows: src, Solver: fuse.Descent})
	err := gd.Each(ctx, src, func(row int, q []float32, _ Fused) error {
		for k, v := range q {
			if math.Abs(float64(v-want[row*12+k])) > 1e-6 {
				return fmt.Errorf("row %d: descent gives %v, EM %v", row, q, want[row*12:(row+1)*12])
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestEnsembleRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	b, src := drawn(t, rng, 5, 3, 5, 1), normals(rng, 3, 6)
	path := b.Path(b.Specialists[1].Member)
	e := open(t, b, EnsembleOptions{Rows: src})
	src.x[7] = float32(math.NaN())
	err := e.Each(context.Background(), src, func(int, []float32, Fused) error { return nil })
	if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "generalist.onnx: row 1") {
		t.Errorf("a row of NaN: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := e.Each(stopped, src, func(int, []float32, Fused) error { return nil }); err == nil {
		t.Error("goes on when cancelled")
	}
	m, err := models.Build("mlp:5", models.Input{Shape: []int{6}}, 9, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Graph.Outputs[0]
	for _, c := range []struct {
		want  string
		spoil func()
	}{
		{"with 9 outputs", func() {}},
		{"is a softmax", func() {
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Softmax", Inputs: []string{out.Name}, Outputs: []string{"p"}})
			m.Graph.Outputs[0].Name = "p"
		}},
	} {
		c.spoil()
		if err := onnx.Write(path, m); err != nil {
			t.Fatal(err)
		}
		_, err := OpenEnsemble(context.Background(), b, EnsembleOptions{Rows: src})
		if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("expected %q of %s: %v", c.want, path, err)
		}
	}
	if _, err := OpenEnsemble(context.Background(), b, EnsembleOptions{Rows: src, Solver: "x"}); fault.KindOf(err) != fault.Usage {
		t.Errorf("solver x: %v", err)
	}
}

// Of equal logits the first come first, as in ONNX's TopK.
func TestTop(t *testing.T) {
	z := []float32{1, 3, 3, 2, 3}
	for n, want := range [][]int{{}, {1}, {1, 2}, {1, 2, 4}, {1, 2, 4, 3}, {1, 2, 4, 3, 0}} {
		if got := top(nil, z, n); !slices.Equal(got, want) {
			t.Errorf("the first %d are %v, expected %v", n, got, want)
		}
	}
	for n, want := range []bool{1: true, 2: true, 3: false, 4: false, 5: false} {
		if n > 0 && tied(z, n) != want {
			t.Errorf("tied at %d: %v", n, !want)
		}
	}
}

// BenchmarkEnsemble has 100 classes and 20 specialists of random sets, of which a
// row asks about ten.
func BenchmarkEnsemble(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 9))
	bundle, src := drawn(b, rng, 100, 20, 1, 3), normals(rng, 512, 6)
	e := open(b, bundle, EnsembleOptions{Rows: src})
	for b.Loop() {
		if err := e.Each(context.Background(), src, func(int, []float32, Fused) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*src.Len())/b.Elapsed().Seconds(), "rows/s")
}
