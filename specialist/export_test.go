package specialist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestExport holds ONNX Runtime against native answers: bundles of few and of many
// classes and specialists, of nets that are unsure and of ones that are so sure that
// F is all but flat, of both heads, with one class chosen and with more.
func TestExport(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	most := 0.0
	for i, c := range []struct {
		classes, specialists, top int
		sharp                     float32
	}{{12, 5, 1, 1}, {2, 3, 1, 3}, {13, 4, 1, 30}, {21, 6, 2, 30}, {40, 9, 3, 10}, {5, 0, 1, 1}} {
		b := drawn(t, rng, c.classes, c.specialists, c.top, c.sharp)
		path := filepath.Join(t.TempDir(), "one.onnx")
		p, err := Export(context.Background(), b, ExportOptions{Output: path, Rows: normals(rng, 400, 6)})
		if err != nil {
			t.Fatalf("bundle %d: %v", i, err)
		}
		if p.Rows != 400 || p.Residual > 1e-8 || p.Undecided > 0 {
			t.Errorf("bundle %d: %+v", i, p)
		}
		most = max(most, p.MaxAbs)
		m, err := onnx.Read(path, onnx.ReadOptions{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		names, _ := m.Meta(export.MetaPrefix + export.ClassesKey)
		if !slices.Equal(export.SplitClasses(names), b.Classes) || m.Graph.Outputs[0].Name != "logits" || m.Graph.Inputs[0].Name != "input" {
			t.Errorf("bundle %d: %q from %s to %s", i, names, m.Graph.Inputs[0].Name, m.Graph.Outputs[0].Name)
		}
		if again, err := Assemble(b); err != nil {
			t.Error(err)
		} else {
			describe(again, b)
			data, _ := onnx.Marshal(again)
			if was, _ := os.ReadFile(path); !slices.Equal(was, data) {
				t.Errorf("bundle %d gives other bytes again", i)
			}
		}
	}
	t.Logf("max |Δq| %.2g", most)
}

// TestExportImages proves an export of nets that take images on random ones.
func TestExportImages(t *testing.T) {
	b := drawn(t, rand.New(rand.NewPCG(5, 5)), 4, 2, 1, 1)
	for _, x := range []struct {
		file    string
		classes int
	}{{b.Generalist.File, 4}, {b.Specialists[0].File, b.Specialists[0].outputs(4)}, {b.Specialists[1].File, b.Specialists[1].outputs(4)}} {
		m, err := models.Build("cnn:3?hidden=0", models.Input{Shape: []int{2, 8, 7}, Scale: []float32{1. / 255}}, x.classes, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Write(filepath.Join(b.dir, x.file), m); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := Export(context.Background(), b, ExportOptions{Output: filepath.Join(t.TempDir(), "one.onnx")}); err != nil || p.Rows != parityRows {
		t.Errorf("%+v: %v", p, err)
	}
}

// TestExportOpsets has models of other operator sets than the zoo's.
func TestExportOpsets(t *testing.T) {
	b := drawn(t, rand.New(rand.NewPCG(10, 10)), 5, 3, 1, 2)
	as := func(m Member, opset int64) {
		model, err := onnx.Read(b.Path(m), onnx.ReadOptions{Weights: true})
		if err != nil {
			t.Fatal(err)
		}
		model.Opsets[0].Version = opset
		if err := onnx.Write(b.Path(m), model); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range b.members() {
		as(*m, 18)
	}
	path := filepath.Join(t.TempDir(), "one.onnx")
	if _, err := Export(context.Background(), b, ExportOptions{Output: path}); err != nil {
		t.Error(err)
	}
	as(b.Specialists[1].Member, 17)
	if _, err := Assemble(b); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "specialist-001.onnx: opset: got 17, expected 18") {
		t.Errorf("two opsets: %v", err)
	}
	as(b.Generalist, 12)
	if _, err := Assemble(b); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "generalist.onnx: opset: got 12, expected at least 13") {
		t.Errorf("opset 12: %v", err)
	}
}

// TestExportRefuses spoils the model in every part of it, and requires that each is
// seen and nothing written.
func TestExportRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	b := drawn(t, rng, 9, 4, 1, 2)
	src := normals(rng, 200, 6)
	for _, c := range []struct {
		name  string
		spoil func(m *onnx.Model) bool
	}{
		{"another class chosen", func(m *onnx.Model) bool {
			return initializer(m, "fuse/mask_", 16, func(d []byte) { slices.Reverse(d) })
		}},
		{"a weight of a specialist", func(m *onnx.Model) bool {
			return initializer(m, "specialist-001/net/", 16, func(d []byte) { d[2] ^= 0x80 })
		}},
		{"the classes of a specialist", func(m *onnx.Model) bool {
			return initializer(m, "specialist-000/list_", 8*9, func(d []byte) { copy(d, append(slices.Clone(d[8:]), d[:8]...)) })
		}},
		{"what a dustbin holds", func(m *onnx.Model) bool {
			return initializer(m, "fuse/active/mask_", 16, func(d []byte) { slices.Reverse(d) })
		}},
		{"the number of steps", func(m *onnx.Model) bool { return initializer(m, "fuse/active/steps_", 8, func(d []byte) { d[0] = 1 }) }},
		{"no model", func(m *onnx.Model) bool { m.Graph.Nodes[0].OpType = "None"; return true }},
	} {
		m, err := Assemble(b)
		if err != nil {
			t.Fatal(err)
		}
		if !c.spoil(m) {
			t.Fatalf("%s: not found", c.name)
		}
		data, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = prove(context.Background(), b, data, ExportOptions{Output: "one.onnx", Rows: src})
		if fault.KindOf(err) != fault.Parity || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "one.onnx")
	m, err := models.Build("mlp:5", models.Input{Shape: []int{3}}, b.Specialists[0].outputs(9), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(b.Path(b.Specialists[0].Member), m); err != nil {
		t.Fatal(err)
	}
	_, err = Export(context.Background(), b, ExportOptions{Output: path, Rows: src})
	if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "specialist-000.onnx") {
		t.Errorf("an input of another shape: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}

// eachGraph calls f with g and the graphs in it until it gives true.
func eachGraph(g *onnx.Graph, f func(g *onnx.Graph) bool) bool {
	if f(g) {
		return true
	}
	for _, n := range g.Nodes {
		for _, a := range n.Attrs {
			if a.G != nil && eachGraph(a.G, f) {
				return true
			}
		}
	}
	return false
}

// initializer changes the bytes of the first initializer whose name begins so and
// that has so many.
func initializer(m *onnx.Model, name string, least int, change func(data []byte)) bool {
	return eachGraph(m.Graph, func(g *onnx.Graph) bool {
		for _, t := range g.Initializers {
			if strings.HasPrefix(t.Name, name) && len(t.Data) >= least {
				change(t.Data)
				return true
			}
		}
		return false
	})
}

// BenchmarkOneFile runs the one file in ONNX Runtime on single rows, by the number
// of specialists that are active.
func BenchmarkOneFile(b *testing.B) {
	rng := rand.New(rand.NewPCG(8, 8))
	bundle, src := drawn(b, rng, 30, 3, 1, 3), normals(rng, 500, 6)
	m, err := Assemble(bundle)
	if err != nil {
		b.Fatal(err)
	}
	data, err := onnx.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	session, err := ort.OpenBytes("one.onnx", data, ort.Options{Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	seen := map[int]bool{}
	err = open(b, bundle, EnsembleOptions{Rows: src}).Each(context.Background(), src, func(row int, _ []float32, about Fused) error {
		n := len(about.Active)
		if seen[n] {
			return nil
		}
		seen[n] = true
		in := []ort.Value{ort.Float32([]int64{1, 6}, src.x[row*6:(row+1)*6])}
		b.Run(fmt.Sprintf("active=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := session.Run(context.Background(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
