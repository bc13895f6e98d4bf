package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// teacherRows are models that are sound and fit neither the rows nor any
// meaning of their output.
func teacherRows() (rows []row) {
	add := func(id, name string, m *onnx.Model, args string, exit []int, says string) {
		rows = append(rows, row{id: id, name: name, args: args, exit: exit, says: says, runs: true, peak: 256, make: func(d folder) { d.model("odd.onnx", m) }})
	}
	const targets = "targets --teacher odd.onnx --data rows.csv -o out/store"

	none := goodTeacher()
	none.Graph.Inputs = nil
	none.Graph.Nodes[0] = &onnx.Node{OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"h"}}
	none.Graph.Initializers = append(none.Graph.Initializers, onnx.FloatTensor("x", []int64{1, 4}, make([]float32, 4)))
	add("F-41", "no inputs", none, targets, []int{3, 64}, `found 0 inputs and 1 outputs, wanted at least one of each|has no input`)
	noOutputs := goodTeacher()
	noOutputs.Graph.Outputs = nil
	add("F-41", "no outputs", noOutputs, targets, []int{3, 64}, `output`)
	five := goodTeacher()
	five.Graph.Outputs = nil
	for i := range 5 {
		name := fmt.Sprint("head", i)
		five.Graph.Nodes = append(five.Graph.Nodes, &onnx.Node{OpType: "Neg", Inputs: []string{"scores"}, Outputs: []string{name}})
		five.Graph.Outputs = append(five.Graph.Outputs, rowsOf(name, 3))
	}
	add("F-41", "five outputs", five, targets, []int{3, 64}, `"head0" float32 \(N, 3\).*"head4" float32 \(N, 3\)`)
	add("F-41", "five outputs, a sixth asked for", five, targets+" --teacher-output head5", []int{3, 64}, `head5`)
	add("F-41", "five outputs, one asked for", five, targets+" --teacher-output head3", []int{0}, `24 rows of 3 logits`)
	inputs := goodTeacher()
	inputs.Graph.Inputs = append(inputs.Graph.Inputs, rowsOf("mask", 4), rowsOf("more", 2))
	add("F-41", "three inputs for one row", inputs, targets, []int{3, 64}, `"x" float32 \(N, 4\).*"mask" float32 \(N, 4\).*"more" float32 \(N, 2\)`)

	output := func(m *onnx.Model, v *onnx.Value) *onnx.Model {
		v.Name = "y"
		m.Graph.Outputs = []*onnx.Value{v}
		return m
	}
	vector := func(d onnx.DType) *onnx.Value {
		return &onnx.Value{Kind: onnx.KindTensor, DType: d, HasShape: true, Shape: []onnx.Dim{{Value: -1, Param: "N"}}}
	}
	sequence := output(then("SplitToSequence", onnx.IntAttr("axis", 1)), &onnx.Value{Kind: onnx.KindSequence, DType: onnx.Float32})
	add("F-42", "a sequence of tensors", sequence, targets, []int{3}, `"y" sequence`)
	add("F-42", "labels alone", output(then("ArgMax", onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)), vector(onnx.Int64)), targets, []int{0, 3}, `"y"`)
	words := output(then("ArgMax", onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)), vector(onnx.String))
	last := words.Graph.Nodes[2]
	last.Outputs = []string{"k"}
	words.Graph.Nodes = append(words.Graph.Nodes, &onnx.Node{OpType: "LabelEncoder", Domain: "ai.onnx.ml", Inputs: []string{"k"}, Outputs: []string{"y"}, Attrs: []*onnx.Attr{
		{Name: "keys_int64s", Type: onnx.AttrInts, Ints: []int64{0, 1, 2}}, {Name: "values_strings", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("x"), []byte("y"), []byte("z\x1b[2J")}}, onnx.StringAttr("default_string", "none")}})
	add("F-42", "labels as text", words, targets, []int{0, 3}, `"y"`)
	optional := output(then("Optional"), &onnx.Value{Kind: onnx.KindOptional, DType: onnx.Float32})
	add("F-42", "an optional tensor", optional, targets, []int{0, 3}, `"y"`)
	add("F-42", "complex numbers", output(then("Identity"), &onnx.Value{Kind: onnx.KindTensor, DType: onnx.Complex64}), targets, []int{3}, `y`)

	wide := goodTeacher()
	wide.Graph.Inputs[0].Shape[1].Value = 5
	wide.Graph.Initializers[0] = onnx.FloatTensor("w", []int64{5, 3}, make([]float32, 15))
	add("F-43", "five features wanted, four given", wide, targets, []int{3}, `takes float32 \(N, 5\), the rows are \(4\) features`)
	images := func(shape ...int64) *onnx.Model {
		m := teacher(func(g *onnx.Graph) {
			g.Inputs[0].Shape = []onnx.Dim{{Value: -1, Param: "N"}}
			size := int64(1)
			for _, d := range shape {
				g.Inputs[0].Shape = append(g.Inputs[0].Shape, onnx.Dim{Value: d})
				size *= d
			}
			g.Nodes = []*onnx.Node{{OpType: "Flatten", Inputs: []string{"x"}, Outputs: []string{"f"}}, {OpType: "MatMul", Inputs: []string{"f", "w"}, Outputs: []string{"scores"}}}
			g.Initializers = []*onnx.Tensor{onnx.FloatTensor("w", []int64{size, 3}, make([]float32, 3*size))}
		})
		return m
	}
	add("F-43", "images wanted, a table given", images(1, 28, 28), targets, []int{3}, `takes float32 \(N, 1, 28, 28\), the rows are \(4\) features`)
	pictures := func(name string, m *onnx.Model, exit int, says string) {
		rows = append(rows, row{id: "F-43", name: name, args: "targets --teacher odd.onnx --data images:pics -o out/store", exit: []int{exit}, says: says, runs: true, peak: 256, make: func(d folder) {
			d.model("odd.onnx", m)
			for _, class := range []string{"a", "b", "c"} {
				for i := range 4 {
					d.put(fmt.Sprintf("pics/%s/%d.png", class, i), datasettest.PNG(datasettest.Colour(6, 8, i)))
				}
			}
		}})
	}
	pictures("NCHW wanted, images given", images(3, 6, 8), 0, `4 rows of 3 logits`)
	pictures("NHWC wanted, images given", images(6, 8, 3), 0, `4 rows of 3 logits`)
	pictures("five channels wanted, images given", images(5, 6, 8), 3, `takes float32 \(N, 5, 6, 8\), the rows are \(6, 8, 3\)`)
	integers := images(3, 6, 8)
	integers.Graph.Inputs[0].DType = onnx.Uint8
	integers.Graph.Nodes = append([]*onnx.Node{{OpType: "Cast", Inputs: []string{"x"}, Outputs: []string{"c"}, Attrs: []*onnx.Attr{onnx.IntAttr("to", 1)}}}, integers.Graph.Nodes...)
	integers.Graph.Nodes[1].Inputs[0] = "c"
	pictures("bytes wanted, images given", integers, 0, `4 rows of 3 logits`)
	text := goodTeacher()
	text.Graph.Inputs[0].DType = onnx.String
	text.Graph.Nodes[0] = &onnx.Node{OpType: "Cast", Inputs: []string{"x"}, Outputs: []string{"c"}, Attrs: []*onnx.Attr{onnx.IntAttr("to", 1)}}
	text.Graph.Nodes = append(text.Graph.Nodes, &onnx.Node{OpType: "MatMul", Inputs: []string{"c", "w"}, Outputs: []string{"h"}})
	text.Graph.Nodes[1], text.Graph.Nodes[2] = text.Graph.Nodes[2], text.Graph.Nodes[1]
	add("F-43", "text wanted, numbers given", text, targets, []int{0, 3}, `x`)

	// Whatever reads the labels names the row of the file that shows it.
	labels := func(name, args, says string, label func(i int) string) {
		rows = append(rows, row{id: "F-44", name: name, args: args, file: "good.onnx", runs: true, peak: 256, exit: []int{3}, says: `: output scores: the teacher has 3 classes, the rows have 4: ` + says,
			make: func(d folder) { d.put("many.csv", tableOf(40, label)) }})
	}
	four := func(i int) string { return string(rune('w' + min(i/5, 3))) }
	of := func(y ...int) func(i int) string { return func(i int) string { return fmt.Sprint(y[i%4]) } }
	const distill = "distill --teacher good.onnx --train many.csv --student linear --epochs 1 -o out/new.onnx"
	labels("four classes, the teacher knows three", distill, `row 15 of many\.csv has label 3 \(z\)`, four)
	labels("four classes, inspect", "inspect good.onnx --data many.csv", `row 15 of many\.csv has label 3 \(z\)`, four)
	labels("four classes, targets", "targets --teacher good.onnx --data many.csv -o out/store", `row 15 of many\.csv has label 3 \(z\)`, four)
	labels("four classes, eval", "eval --model good.onnx --data many.csv", `row 15 of many\.csv has label 3 \(z\)`, four)
	labels("four classes, of fewer rows", distill+" --labelled 20 --test rows.csv", `row (1[5-9]|[23]\d) of many\.csv has label 3 \(z\)`, four)
	labels("a label of 1000", distill, `row 3 of many\.csv has label 3 \(1000\)`, of(0, 1, 2, 1000))
	labels("a label of −1", distill, `row 2 of many\.csv has label 3 \(2\)`, of(0, 1, 2, -1))
	labels("a label of 2^40", distill, `row 3 of many\.csv has label 3 \(1099511627776\)`, of(0, 1, 2, 1<<40))

	// F-46: one row of many, behind those that are tried first.
	for _, c := range []struct{ name, op, says string }{{"NaN", "Sqrt", `row`}, {"−Inf", "Log", `row`}} {
		m := then("Concat", onnx.IntAttr("axis", 1))
		m.Graph.Nodes[2] = &onnx.Node{Name: "last", OpType: c.op, Inputs: []string{"x"}, Outputs: []string{"l"}}
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "sum", OpType: "MatMul", Inputs: []string{"l", "w"}, Outputs: []string{"y"}})
		poisoned := tableOf(3000, func(i int) string { return string(rune('x' + i%3)) })
		bad := map[string]string{"Sqrt": "-1", "Log": "0"}[c.op]
		lines := strings.Split(string(poisoned), "\n")
		lines[2718] = bad + lines[2718][strings.Index(lines[2718], ","):]
		rows = append(rows, row{id: "F-46", name: "teacher gives " + c.name + " for one row", args: "targets --teacher odd.onnx --data poison.csv -o out/store", file: "odd.onnx",
			exit: []int{3, 6}, says: `row [0-9a-f]+|row 2717`, runs: true, peak: 256, writes: true,
			make: func(d folder) { d.model("odd.onnx", m); d.put("poison.csv", []byte(strings.Join(lines, "\n"))) },
			inspect: func(t *testing.T, d folder, o outcome) {
				if shards, _ := filepath.Glob(d.at("out/store/*.npy")); len(shards) > 0 {
					t.Errorf("wrote %v", shards)
				}
			}})
	}
	softmax := then("Softmax", onnx.IntAttr("axis", 1))
	add("F-47", "probabilities, detected", softmax, targets, []int{0}, `probabilities`)
	add("F-47", "probabilities, said to be logits", softmax, targets+" --teacher-kind logits", []int{0}, `warning: output "y" was said to be logits, but looks like probabilities`)
	add("F-47", "logits, said to be probabilities", goodTeacher(), targets+" --teacher-kind probabilities", []int{0, 3}, `warning: output "scores" was said to be probabilities|probabilities`)
	return rows
}

// tableOf is n rows of four small positive features and a label.
func tableOf(n int, label func(i int) string) []byte {
	var b strings.Builder
	b.WriteString("a,b,c,d,label\n")
	for i := range n {
		fmt.Fprintf(&b, "%d.5,%d.25,%d.125,%d.75,%s\n", 1+i%7, 1+i%11, 1+i%13, i, label(i))
	}
	return []byte(b.String())
}

// processRows are teachers whose process dies, hangs or grows, by their model
// or by a library that misbehaves when the row says so.
func processRows() (rows []row) {
	fixture := func(d folder, name string) {
		d.put(name, must(os.ReadFile(filepath.Join("..", "..", "runtime", "ort", "testdata", name))))
		d.put("one.csv", []byte("a,label\n1,x\n2,y\n3,x\n4,y\n"))
	}
	rows = append(rows,
		row{id: "F-50", name: "a Loop without end", args: "inspect loop.onnx --data one.csv --teacher-timeout 1s", exit: []int{5}, says: `loop\.onnx.*(no answer|longer|time)`, runs: true, peak: 256,
			make: func(d folder) { fixture(d, "loop.onnx") }},
		row{id: "F-51", name: "a Loop that appends without end", args: "inspect eater.onnx --data one.csv --teacher-memory 400", exit: []int{5}, says: `eater\.onnx.*memory of \d+ MiB passed the limit of 400 MiB`, runs: true, peak: 800,
			make: func(d folder) { fixture(d, "eater.onnx") }},
	)
	// The poison is a feature's value that the teacher's rows hold once.
	table := string(tableOf(2000, func(i int) string { return string(rune('x' + i%3)) }))
	poisoned := []byte(strings.Replace(table, "1000.75,", "31337,", 1))
	shimmed := func(d folder) {
		d.put("poison.csv", poisoned)
		check(os.Symlink(misbehaving(), d.at("shim.so")))
	}
	for _, c := range []struct{ id, how, name, says string }{
		{"F-49", "segv", "a segmentation fault on one row", `signal 11 \(segmentation fault\)`},
		{"F-49", "abort", "abort() on one row", `signal 6`},
		{"F-49", "exit", "exit(0) on one row", `exit status 0|died`},
		{"F-50", "hang", "a hang on one row", `no answer|longer|time`},
		{"F-51", "eat", "memory without bound on one row", `memory of \d+ MiB passed the limit of 400 MiB`},
	} {
		args := "targets --teacher good.onnx --data poison.csv --teacher-batch 64 --teacher-timeout 3s --teacher-memory 400 -o out/store --ort-lib shim.so"
		rows = append(rows, row{id: c.id, name: c.name, args: args, file: "good.onnx", exit: []int{5}, says: `batch \d+.*` + c.says + `|` + c.says + `.*batch \d+`, runs: true, peak: 800, writes: true,
			env: []string{"HOSTILE_LIBRARY=" + c.how}, make: shimmed,
			inspect: func(t *testing.T, d folder, o outcome) { // the same library, cured, goes on
				if o, err := start(string(d), hangs, nil, append([]string{program}, strings.Fields(args)...)...); err != nil || o.Code != 0 {
					t.Errorf("once cured: exit code %d, %v: %s", o.Code, err, o.stderr)
				}
			}})
	}
	rows = append(rows, row{id: "F-49", name: "garbage on stdout and stderr", args: "targets --teacher good.onnx --data poison.csv -o out/store --ort-lib shim.so", exit: []int{0}, says: `2000 rows of 3 logits`, runs: true, peak: 256,
		env: []string{"HOSTILE_LIBRARY=garbage"}, make: shimmed})
	return rows
}
