package hostile

import (
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/onnx/onnxtest"
)

// weightRows are the constants of a model that are what they say, and harm all
// the same.
func weightRows() (rows []row) {
	odd := func(value float32) *onnx.Model {
		return teacher(func(g *onnx.Graph) {
			g.Nodes = goodTeacher().Graph.Nodes
			g.Initializers[1] = onnx.FloatTensor("b", []int64{3}, []float32{0, value, 1})
		})
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		value float32
		says  string
	}{{"NaN", nan, "1 NaN, 0 infinite, 0 denormal"}, {"Inf", inf, "0 NaN, 1 infinite, 0 denormal"}, {"a denormal", 1e-40, "0 NaN, 0 infinite, 1 denormal"}} {
		m := odd(c.value)
		made := func(d folder) { d.model("odd.onnx", m) }
		named := `graph\.initializer\[1\] "b": holds ` + c.says + ` of 3 numbers`
		rows = append(rows, row{id: "F-39", name: "weight of " + c.name, args: "inspect odd.onnx", exit: []int{0}, says: `warning +` + named, make: made})
		strict := row{id: "F-39", name: "weight of " + c.name + ", --strict", args: "inspect odd.onnx --strict", exit: []int{3}, says: named + `, expected finite ones`, make: made}
		if c.value == 1e-40 {
			strict.exit, strict.says = []int{0}, `warning +`+named
		}
		rows = append(rows, strict)
	}
	external := func(d folder) {
		d.put("odd.onnx", externalModel)
		d.put("w.bin", floatBytes(1, 2, nan, 4, inf, 6))
		d.put("two.csv", twoRows)
	}
	named := `graph\.initializer\[0\] "w": holds 1 NaN, 1 infinite, 0 denormal of 6 numbers`
	rows = append(rows,
		row{id: "F-39", name: "NaN in external data", args: "inspect odd.onnx", exit: []int{0}, says: `warning +` + named, make: external},
		row{id: "F-39", name: "NaN in external data, --strict", args: "inspect odd.onnx --strict", exit: []int{3}, says: named, make: external},
		row{id: "F-39", name: "NaN in external data, targets --strict", args: "targets --teacher odd.onnx --data two.csv --strict -o out/store", exit: []int{3}, says: named, make: external},
		row{id: "F-39", name: "NaN in external data, recipe", args: "distill --recipe strict.yaml", file: "odd.onnx", exit: []int{3}, says: named, make: func(d folder) {
			external(d)
			d.put("strict.yaml", []byte("teacher: {model: odd.onnx, strict: true}\ndata: {train: two.csv, test: two.csv, val_split: 0}\nstudent: {arch: linear}\noutput: {model: out/s.onnx}\n"))
		}},
		row{id: "F-39", name: "NaN in a student", args: "distill --teacher good.onnx --train rows.csv --student odd.onnx -o out/s.onnx", exit: []int{3}, says: `"b": holds 1 NaN`,
			make: func(d folder) { d.model("odd.onnx", odd(nan)) }},
		row{id: "F-39", name: "NaN, predict", args: "predict --model odd.onnx --data rows.csv --engine native -o out/p.csv", exit: []int{3}, says: `"b": holds 1 NaN`,
			make: func(d folder) { d.model("odd.onnx", odd(nan)) }},
	)

	// F-37: nothing in the file is large, what it computes is.
	for _, c := range []struct {
		name string
		made *onnx.Model
	}{
		{"Expand to 2^40", grows("Expand", onnx.Int64Tensor("n", []int64{2}, []int64{1 << 20, 1 << 20}))},
		{"Expand to 2^31", grows("Expand", onnx.Int64Tensor("n", []int64{2}, []int64{1 << 21, 1 << 10}))},
		{"Tile by 2^40", grows("Tile", onnx.Int64Tensor("n", []int64{2}, []int64{1 << 20, 1 << 20}))},
		{"Tile by 2^30", grows("Tile", onnx.Int64Tensor("n", []int64{2}, []int64{1 << 28, 4}))},
		{"Pad to 2^40", grows("Pad", onnx.Int64Tensor("n", []int64{4}, []int64{0, 0, 1 << 20, 1 << 20}))},
		{"Pad by 2^62", grows("Pad", onnx.Int64Tensor("n", []int64{4}, []int64{1 << 62, 0, 1 << 62, 0}))},
		{"ConstantOfShape of 2^40", constantOfShape(1<<20, 1<<20)},
		{"ConstantOfShape of 2^30", constantOfShape(1<<15, 1<<15)},
		{"ConstantOfShape of 2^63", constantOfShape(1<<62, 2)},
		{"Range of 2^40", ranged(1 << 40)},
		{"products that square", squares(30)},
	} {
		rows = append(rows, row{id: "F-37", name: c.name, args: "targets --teacher huge.onnx --data rows.csv --teacher-memory 512 -o out/store",
			exit: []int{3, 5}, runs: true, peak: 1024, says: `huge\.onnx`, make: func(d folder) { d.model("huge.onnx", c.made) }})
	}
	return slices.Concat(rows, savedRows())
}

// externalModel is onnxtest's model with its weight in w.bin.
var (
	externalModel = onnxtest.External("w.bin")
	upModel       = onnxtest.External("../elsewhere/kept.bin", "length", "24")
)

// grows is the good teacher whose scores op makes larger by the input "n".
func grows(op string, n *onnx.Tensor) *onnx.Model {
	m := then(op)
	m.Graph.Initializers = append(m.Graph.Initializers, n)
	last := m.Graph.Nodes[len(m.Graph.Nodes)-1]
	last.Inputs = append(last.Inputs, "n")
	if op == "Expand" { // from (N, 1)
		m.Graph.Initializers = append(m.Graph.Initializers, onnx.Int64Tensor("axis", []int64{1}, []int64{1}))
		m.Graph.Nodes = append(m.Graph.Nodes[:2], &onnx.Node{Name: "sum", OpType: "ReduceSum", Inputs: []string{"scores", "axis"}, Outputs: []string{"s"}},
			&onnx.Node{Name: "first", OpType: "ReduceMax", Inputs: []string{"s"}, Outputs: []string{"one"}}, last)
		last.Inputs[0] = "one"
	}
	return m
}

// constantOfShape adds to the scores the sum of a constant of shape dims.
func constantOfShape(dims ...int64) *onnx.Model {
	m := goodTeacher()
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.Int64Tensor("n", []int64{int64(len(dims))}, dims))
	m.Graph.Nodes = append(m.Graph.Nodes,
		&onnx.Node{Name: "fill", OpType: "ConstantOfShape", Inputs: []string{"n"}, Outputs: []string{"large"}},
		&onnx.Node{Name: "sum", OpType: "ReduceSum", Inputs: []string{"large"}, Outputs: []string{"s"}, Attrs: []*onnx.Attr{onnx.IntAttr("keepdims", 0)}},
		&onnx.Node{Name: "add", OpType: "Add", Inputs: []string{"scores", "s"}, Outputs: []string{"y"}})
	m.Graph.Outputs[0].Name = "y"
	return m
}

// ranged adds the sum of 0, 1, … n − 1 to the scores.
func ranged(n int64) *onnx.Model {
	m := goodTeacher()
	for name, v := range map[string]int64{"from": 0, "to": n, "by": 1} {
		m.Graph.Initializers = append(m.Graph.Initializers, onnx.Int64Tensor(name, []int64{}, []int64{v}))
	}
	m.Graph.Nodes = append(m.Graph.Nodes,
		&onnx.Node{Name: "range", OpType: "Range", Inputs: []string{"from", "to", "by"}, Outputs: []string{"large"}},
		&onnx.Node{Name: "cast", OpType: "Cast", Inputs: []string{"large"}, Outputs: []string{"f"}, Attrs: []*onnx.Attr{onnx.IntAttr("to", 1)}},
		&onnx.Node{Name: "sum", OpType: "ReduceSum", Inputs: []string{"f"}, Outputs: []string{"s"}, Attrs: []*onnx.Attr{onnx.IntAttr("keepdims", 0)}},
		&onnx.Node{Name: "add", OpType: "Add", Inputs: []string{"scores", "s"}, Outputs: []string{"y"}})
	m.Graph.Outputs[0].Name = "y"
	return m
}

// squares doubles the width of the scores n times.
func squares(n int) *onnx.Model {
	m := goodTeacher()
	from := "scores"
	for i := range n {
		to := fmt.Sprint("d", i)
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: to, OpType: "Concat", Inputs: []string{from, from}, Outputs: []string{to}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 1)}})
		from = to
	}
	m.Graph.Outputs = []*onnx.Value{{Name: from, Kind: onnx.KindTensor, DType: onnx.Float32}}
	return m
}

// savedRows are F-40: what is written stays where it was sent.
func savedRows() []row {
	distil := "distill --teacher good.onnx --train rows.csv --student linear --epochs 1 --no-baseline -o "
	target := func(d folder) {
		d.put("elsewhere/kept.bin", []byte("not to be touched"))
	}
	return []row{
		{id: "F-40", name: "student over a link", args: distil + "link.onnx", exit: []int{4}, says: `link\.onnx: .*symbolic link`, make: func(d folder) {
			target(d)
			check(os.Symlink("elsewhere/kept.bin", d.at("link.onnx")))
		}},
		{id: "F-40", name: "report over a link", args: distil + "out/new.onnx --report link.html", file: "link.html", exit: []int{4}, says: `link\.html: .*symbolic link`, make: func(d folder) {
			target(d)
			check(os.Symlink("elsewhere/kept.bin", d.at("link.html")))
		}},
		{id: "F-40", name: "predictions over a link", args: "predict --model good.onnx --data rows.csv --engine native -o link.csv", file: "link.csv", exit: []int{4}, says: `link\.csv: .*symbolic link`, make: func(d folder) {
			target(d)
			check(os.Symlink("elsewhere/kept.bin", d.at("link.csv")))
		}},
		{id: "F-40", name: "student whose file named weights above its folder", args: "distill --teacher good.onnx --train rows.csv --student up.onnx --epochs 1 -o out/new.onnx", exit: []int{3}, says: `leads out of the model's folder`,
			make: func(d folder) { target(d); d.put("up.onnx", upModel) }},
	}
}
