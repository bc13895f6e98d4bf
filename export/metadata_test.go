package export

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student/graph"
)

// TestMetadata reads an export back: keys, order, values, axes and versions.
func TestMetadata(t *testing.T) {
	c := zooCase{"mlp", "mlp:8?dropout=0.5", models.Input{Name: "pixels", Shape: []int{6}, Scale: []float32{0.5}}}
	st := trained(t, c)
	names := []string{"two\nlines", "nul\x00", `back\slash`, "Bäume 木", "bad \xff"}
	meta := []onnx.Entry{
		{Key: "seed", Value: "3"}, {Key: "alpha", Value: "0.9"}, {Key: "empty", Value: ""},
		{Key: ClassesKey, Value: JoinClasses(names)}, {Key: "note", Value: "two\nlines, Bäume 木"},
	}
	path := filepath.Join(t.TempDir(), "student.onnx")
	if _, err := Write(context.Background(), st, path, rows(5, 6, 1), 5, Options{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range m.Metadata {
		keys = append(keys, e.Key)
		if !strings.HasPrefix(e.Key, MetaPrefix) {
			t.Errorf("key %q does not begin with %s", e.Key, MetaPrefix)
		}
	}
	want := []string{"alpha", "architecture", "classes", "empty", "frozen", "note", "seed"}
	for i := range want {
		want[i] = MetaPrefix + want[i]
	}
	if !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}
	for _, e := range meta {
		if got, ok := m.Meta(MetaPrefix + e.Key); !ok || got != e.Value {
			t.Errorf("%s is %q, want %q", e.Key, got, e.Value)
		}
	}
	value, _ := m.Meta(MetaPrefix + ClassesKey)
	if got := SplitClasses(value); !slices.Equal(got, names) {
		t.Errorf("class names %q, want %q", got, names)
	}
	if got, _ := m.Meta(graph.FrozenKey); got != "input_scale,dropout_ratio_1" {
		t.Errorf("frozen are %q", got)
	}
	in, out := m.Graph.Inputs[0], m.Graph.Outputs[0]
	if len(m.Graph.Inputs) != 1 || in.Name != "pixels" || in.Shape[0].Param != "batch" || in.Shape[1].Value != 6 {
		t.Errorf("input %+v", in)
	}
	if len(m.Graph.Outputs) != 1 || out.Name != "logits" || out.Shape[0].Param != "batch" || out.Shape[1].Value != classes {
		t.Errorf("output %+v", out)
	}
	if m.IRVersion > 8 || m.Opset("") > 17 || m.ProducerName != "kdonnx" || m.ProducerVersion != "" {
		t.Errorf("IR %d, opset %d, producer %q %q: more than ONNX 1.12 and ONNX Runtime 1.16 read", m.IRVersion, m.Opset(""), m.ProducerName, m.ProducerVersion)
	}
	s, err := ort.Open(path, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if in := s.Inputs()[0]; in.Name != "pixels" || !slices.Equal(in.Shape, []int64{-1, 6}) {
		t.Errorf("ONNX Runtime sees the input %+v", in)
	}
}

// TestForeignProducer requires that a student from another program's file does
// not keep that program's version.
func TestForeignProducer(t *testing.T) {
	m, err := models.Build("mlp:4", models.Input{Shape: []int{3}}, classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.ProducerName, m.ProducerVersion = "pytorch", "2.1.0"
	data := mustBytes(t, fromModel(t, m))
	again, err := onnx.Parse("student.onnx", data, onnx.ReadOptions{})
	if err != nil || again.ProducerName != "kdonnx" || again.ProducerVersion != "" {
		t.Errorf("producer %q %q, %v", again.ProducerName, again.ProducerVersion, err)
	}
}

func TestMetadataRefused(t *testing.T) {
	st := trained(t, small)
	for _, c := range []struct {
		e    onnx.Entry
		kind fault.Kind
		want string
	}{
		{onnx.Entry{Key: "note", Value: "a\x00b"}, fault.Input, "kdonnx.note"},
		{onnx.Entry{Key: "note", Value: "\xff"}, fault.Input, "UTF-8"},
		{onnx.Entry{Key: "a\x00b", Value: "x"}, fault.Input, "NUL"},
		{onnx.Entry{Key: "frozen", Value: "fc1.weight"}, fault.Usage, "kdonnx.frozen"},
		{onnx.Entry{Key: "", Value: "x"}, fault.Usage, "kdonnx."},
		{onnx.Entry{Key: ClassesKey, Value: "a\nb\nc\nd\ne\nf"}, fault.Input, "6 lines"},
		{onnx.Entry{Key: ClassesKey, Value: ""}, fault.Input, "1 lines"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "student.onnx")
		_, err := Write(context.Background(), st, path, rows(2, 6, 1), 2, Options{Metadata: []onnx.Entry{c.e}})
		faulttest.Want(t, err, c.kind, path, c.want)
		wantEmpty(t, dir)
	}
}

func TestClasses(t *testing.T) {
	for _, names := range [][]string{
		{"a"}, {""}, {"", ""}, {"zero", "one two", "drei\n", "\n", "\x00", `\n`, `"`, `\`, "木", "\xff\xfe", "\u2028", "\r"},
	} {
		value := JoinClasses(names)
		if got := SplitClasses(value); !slices.Equal(got, names) {
			t.Errorf("%q came back as %q", names, got)
		}
		if strings.Count(value, "\n") != len(names)-1 || strings.ContainsAny(value, "\x00\r") {
			t.Errorf("%q is written %q", names, value)
		}
	}
	if got := JoinClasses([]string{"T-shirt/top", "Trouser", "it's ä"}); got != "T-shirt/top\nTrouser\nit's ä" {
		t.Errorf("plain names are written %q", got)
	}
	if got := SplitClasses("say \"a\"\n5\\"); !slices.Equal(got, []string{`say "a"`, `5\`}) {
		t.Errorf("names of another writer are read %q", got)
	}
}
