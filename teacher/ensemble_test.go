package teacher

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// pair is two fakes of unlike contracts: raw bytes to logits row by row, and
// 0 to 1 to probabilities.
func pair(t *testing.T, o EnsembleOptions) (*Ensemble, [2]*fake) {
	t.Helper()
	fakes := [2]*fake{
		greyFake(onnx.Float32, unitOf["raw"], Logits, 1, 1, side, side),
		greyFake(onnx.Float32, unitOf["unit"], Probabilities, -1, side*side),
	}
	e, err := NewEnsemble([]*Teacher{fakes[0].teach(t, Options{}), fakes[1].teach(t, Options{})}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, fakes
}

func TestEnsemble(t *testing.T) {
	ctx := context.Background()
	src := greys(90, 1)
	e, fakes := pair(t, EnsembleOptions{Weights: []float64{3, 1}, Temperatures: []float64{1, 2}})
	if _, err := e.Key(ctx, src); fault.KindOf(err) != fault.Usage {
		t.Errorf("before Detect: %v", err)
	}
	c, err := e.Detect(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	says(t, c, "2 teachers", "arithmetic mean, weights 3,1, temperatures 1,2")
	says(t, c, "together: 100.0 %")
	if len(c.Members) != 2 || c.Kind != Logits || c.Classes != kind {
		t.Errorf("got %+v", c)
	}
	z := make([]float32, 90*kind)
	if err := e.Logits(ctx, batchOf(src.x, 90), z); err != nil {
		t.Fatal(err)
	}
	// Both say the same, the second through probabilities: their mean is known.
	for r := range 90 {
		row := src.x[r*side*side : (r+1)*side*side]
		unit := make([]float32, len(row))
		for i, v := range row {
			unit[i] = v / 255
		}
		v := greyLogits(unit)
		p, q := softmax64(v, 1), softmax64(v, 2)
		for k := range kind {
			want := (3*p[k] + q[k]) / 4
			if got := softmax64(z[r*kind:(r+1)*kind], 1)[k]; math.Abs(got-want) > 1e-4 {
				t.Fatalf("row %d class %d: got %v, expected %v", r, k, got, want)
			}
		}
	}
	dir := t.TempDir()
	s, err := e.Fill(ctx, src, filepath.Join(dir, "a"), FillOptions{ShardRows: 40, Members: filepath.Join(dir, "m")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ids []dataset.RowID
	for r := range 90 {
		ids = append(ids, dataset.IDOf(src.x[r*side*side:(r+1)*side*side]))
	}
	stored := make([]float32, 90*kind)
	if err := s.Lookup(ids, stored); err != nil {
		t.Fatal(err)
	}
	for i := range z {
		if math.Abs(float64(stored[i]-z[i])) > 1e-5*(1+math.Abs(float64(z[i]))) {
			t.Fatalf("value %d: stored %v, asked %v", i, stored[i], z[i])
		}
	}
	if !e.Answers(s.Key()) {
		t.Error("the store is not known as its own")
	}
	if e.Stats().Rows != 180 {
		t.Errorf("%+v", e.Stats())
	}
	// Filled again, and with other weights, no model is asked.
	calls := fakes[0].calls + fakes[1].calls
	again, err := e.Fill(ctx, src, filepath.Join(dir, "a"), FillOptions{ShardRows: 40, Members: filepath.Join(dir, "m")})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	e.weights, e.mean = []float64{1, 3}, Geometric
	e.mix, err = newMixer(e.mean, c.Task, 2, e.weights, e.temperatures)
	if err != nil {
		t.Fatal(err)
	}
	if e.Answers(s.Key()) {
		t.Error("other weights have the key of these")
	}
	other, err := e.Fill(ctx, src, filepath.Join(dir, "b"), FillOptions{ShardRows: 40, Members: filepath.Join(dir, "m")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if fakes[0].calls+fakes[1].calls != calls {
		t.Error("a model was asked again")
	}
	if other.Content() == s.Content() {
		t.Error("other weights change nothing")
	}
}

func TestEnsembleByParts(t *testing.T) {
	ctx := context.Background()
	src := greys(90, 1)
	dir := filepath.Join(t.TempDir(), "store")
	var s *store.Store
	for part := range 3 {
		e, _ := pair(t, EnsembleOptions{})
		if _, err := e.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		var err error
		if s, err = e.Fill(ctx, src, dir, FillOptions{ShardRows: 20, ShardIndex: part, Shards: 3}); err != nil {
			t.Fatal(err)
		}
		if (s != nil) != (part == 2) {
			t.Errorf("part %d: store %v", part, s)
		}
	}
	defer s.Close()
	if s.Len() != 90 {
		t.Errorf("got %d rows", s.Len())
	}
}

// TestEnsembleOfOtherOrders has members that name their classes in another order,
// of rows without names that could tell which counts.
func TestEnsembleOfOtherOrders(t *testing.T) {
	ctx := context.Background()
	for names, same := range map[string]bool{"Top,middle,bottom": true, "middle,top,bottom": false, "0,1,2": true} {
		e, _ := pair(t, EnsembleOptions{})
		e.members[0].graph.names = []nameList{{[]string{"top", "middle", "bottom"}, "its metadata"}}
		e.members[1].graph.names = []nameList{{strings.Split(names, ","), "its metadata"}}
		_, err := e.Detect(ctx, unlabelled(greys(60, 1)))
		if same && err != nil {
			t.Errorf("%s: %v", names, err)
		} else if !same {
			faulttest.Want(t, err, fault.Input, `class 0 is "middle", but "top"`, "--class-map")
		}
		if _, err := e.Detect(ctx, greys(60, 1)); err != nil { // by their names
			t.Errorf("%s: %v", names, err)
		}
	}
}

// TestEnsemblePartsAtOnce has the parts of an array job run side by side in one
// folder: none stands in another's way, and one of them makes the whole.
func TestEnsemblePartsAtOnce(t *testing.T) {
	ctx := context.Background()
	src := greys(90, 1)
	dir := filepath.Join(t.TempDir(), "store")
	begun := make(chan int, 3)
	all := make(chan struct{})
	var parts sync.WaitGroup
	var whole atomic.Int64
	for part := range 3 {
		e, fakes := pair(t, EnsembleOptions{})
		if _, err := e.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		first := true
		fakes[0].onRun = func(int) error { // each is under way when the last begins
			if first {
				first = false
				begun <- part
				<-all
			}
			return nil
		}
		parts.Go(func() {
			s, err := e.Fill(ctx, src, dir, FillOptions{ShardRows: 20, ShardIndex: part, Shards: 3})
			if err != nil {
				t.Errorf("part %d: %v", part, err)
				begun <- part
			} else if s != nil {
				whole.Add(1)
				s.Close()
			}
		})
	}
	for range 3 {
		<-begun
	}
	close(all)
	parts.Wait()
	if whole.Load() == 0 {
		t.Error("nobody made the whole")
	}
}

func TestEnsembleRefuses(t *testing.T) {
	one := greyFake(onnx.Float32, unitOf["raw"], Logits, -1, side*side).teach(t, Options{})
	if _, err := NewEnsemble([]*Teacher{one}, EnsembleOptions{}); fault.KindOf(err) != fault.Usage {
		t.Errorf("one member: %v", err)
	}
	_, err := NewEnsemble([]*Teacher{one, one}, EnsembleOptions{Weights: []float64{1}})
	faulttest.Want(t, err, fault.Usage, "--weights: got 1 numbers, expected one for each of 2 teachers")
	_, err = NewEnsemble([]*Teacher{one, one}, EnsembleOptions{Temperatures: []float64{1, -1}})
	faulttest.Want(t, err, fault.Usage, "temperature of member 2: got -1")
	_, err = NewEnsemble([]*Teacher{one, one}, EnsembleOptions{DType: "float8"})
	if fault.KindOf(err) != fault.Usage {
		t.Errorf("dtype: %v", err)
	}
	// Without labels only the members themselves say how many classes there are.
	needLibrary(t)
	ctx := context.Background()
	wide := greyModel(free, 255, "")
	wide.Graph.Nodes = append(wide.Graph.Nodes[:len(wide.Graph.Nodes)-1],
		&onnx.Node{Name: "wide", OpType: "Concat", Inputs: []string{"logits", "logits"}, Outputs: []string{"scores"}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 1)}})
	wide.Graph.Outputs[0].Shape[1].Value = 2 * kind
	var members []*Teacher
	for _, m := range []*onnx.Model{greyModel(free, 255, ""), wide} {
		x, err := Open(ctx, writeModel(t, m), Options{Stderr: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		members = append(members, x)
	}
	e, err := NewEnsemble(members, EnsembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Detect(ctx, unlabelled(greys(60, 1)))
	faulttest.Want(t, err, fault.Input, "of 6 classes", "of 3", "expected the same of all members")
}
