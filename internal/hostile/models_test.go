package hostile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/onnx/onnxtest"
)

// meet are the commands that read a model; the cases take turns, so that none
// of them trusts a file.
var meet = []string{
	"inspect %s",
	"targets --teacher %s --data rows.csv -o out/store",
	"eval --model %s --data rows.csv",
	"predict --model %s --data rows.csv --engine native -o out/p.csv",
	"distill --teacher %s --train rows.csv -o out/s.onnx",
	"distill --teacher good.onnx --train rows.csv --student %s -o out/s.onnx",
	"distill --recipe recipe.yaml",
}

// modelRows are sections 1 and 2 as files: what the reader refuses.
func modelRows() []row {
	var rows []row
	for i, c := range onnxtest.Small() {
		command := meet[i%len(meet)]
		rows = append(rows, row{
			id: c.ID, name: c.Name, exit: []int{3}, file: "bad.onnx", says: c.Want,
			make: func(d folder) {
				d.put("bad.onnx", c.Data)
				if strings.Contains(command, "recipe") {
					d.put("recipe.yaml", []byte("teacher: {model: bad.onnx}\ndata: {train: rows.csv}\noutput: {model: out/s.onnx}\n"))
				}
			},
			args: strings.ReplaceAll(command, "%s", "bad.onnx"),
		})
	}
	file := func(id, name, file string, data []byte, says string) {
		rows = append(rows, row{id: id, name: name, args: "inspect " + file, exit: []int{3}, says: says, make: func(d folder) { d.put(file, data) }})
	}
	for _, command := range meet[:6] {
		rows = append(rows, row{id: "F-01", name: "0 bytes, " + strings.ReplaceAll(command, "%s", "model"), args: strings.ReplaceAll(command, "%s", "empty.onnx"),
			exit: []int{3}, says: `empty.onnx: no graph: the file is empty`, make: func(d folder) { d.put("empty.onnx", nil) }})
	}
	file("F-01", "one byte", "one.onnx", []byte{8}, `one.onnx: byte \d`)
	file("F-01", "only white space", "blank.onnx", []byte("\n\n  \n"), `blank.onnx: `)
	file("F-04", "pt", "model.onnx", append([]byte("PK\x03\x04\x00\x00\x08\x08"), make([]byte, 500)...), `ZIP archive \(PyTorch \.pt`)
	file("F-04", "page of an error", "model.onnx", []byte("\r\n<!DOCTYPE html>\n<html><head><title>404 Not Found</title>"), `HTML page: download the file itself`)
	file("F-04", "git-lfs pointer with its digest", "model.onnx", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"), `git-lfs pointer: run git lfs pull`)
	file("F-04", "random bytes", "model.onnx", randomBytes(4096), `byte \d+`)

	big := func(name, head string, size int64, says string) {
		rows = append(rows, row{id: "F-05", name: name, args: "inspect big.onnx", exit: []int{3}, says: says, make: func(d folder) { d.sparse("big.onnx", []byte(head), size) }})
	}
	big("2 GiB", "\x08\x08", 1<<31, `2147483648 bytes, which exceeds the 2 GiB protobuf limit; use external data`)
	big("1 TiB", "\x08\x08", 1<<40, `exceeds the 2 GiB protobuf limit`)
	big("2 GiB less a byte of zeros", "", 1<<31-1, `byte 0: broken field tag`)

	for _, opset := range []int64{7, 6, 1} {
		m := goodTeacher()
		m.Opsets = []onnx.Opset{{Version: opset}}
		rows = append(rows, row{id: "F-12", name: fmt.Sprintf("opset %d", opset), args: "inspect old.onnx --data rows.csv", runs: true, peak: 256,
			exit: []int{0, 3}, says: `opset_import: got version \d, ONNX Runtime supports 7 and newer|output +"scores"`, make: func(d folder) { d.model("old.onnx", m) }})
	}
	for _, c := range []struct{ name, op, domain, says string }{
		{"unknown op", "Frobnicate", "", `"odd", Frobnicate.*domain_version of 17`},
		{"unknown domain", "Frobnicate", "com.example", `com\.example`},
		{"domain that wants a library", "CustomOp", "ai.onnx.contrib", `ai\.onnx\.contrib`},
		{"op of another provider", "NhwcConv", "com.ms.internal.nhwc", `NhwcConv|com\.ms\.internal\.nhwc`},
		{"contrib op that the CPU has not", "LongformerAttention", "com.microsoft", `LongformerAttention`},
		{"name of a domain with an escape", "X", "com.\x1b[31mexample", `com\.\\x1b\[31mexample`},
	} {
		m := goodTeacher()
		if c.domain != "" {
			m.Opsets = append(m.Opsets, onnx.Opset{Domain: c.domain, Version: 1})
		}
		in := []string{"scores"}
		if c.op == "LongformerAttention" {
			in = []string{"scores", "scores", "scores", "scores", "scores", "scores", "scores"}
		}
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "odd", OpType: c.op, Domain: c.domain, Inputs: in, Outputs: []string{"y"}})
		m.Graph.Outputs[0].Name = "y"
		id := "F-13"
		if strings.Contains(c.name, "library") {
			id = "F-34"
		}
		rows = append(rows, row{id: id, name: c.name, args: "inspect op.onnx --data rows.csv", exit: []int{3}, runs: true, says: c.says, make: func(d folder) { d.model("op.onnx", m) }})
	}
	m := goodTeacher()
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "odd", OpType: "X", Domain: "com.absent", Inputs: []string{"scores"}, Outputs: []string{"y"}})
	m.Graph.Outputs[0].Name = "y"
	rows = append(rows, row{id: "F-13", name: "domain that is not imported", args: "inspect op.onnx --data rows.csv", exit: []int{3}, runs: true, says: `com\.absent`, make: func(d folder) { d.model("op.onnx", m) }})
	return slices.Concat(rows, truncatedRows(), flippedRows(), terminalRows())
}

// truncatedRows cut the good model; the reader's own tests cut at every byte.
func truncatedRows() (rows []row) {
	for i := 1; i < 16; i++ {
		n := len(goodBytes) * i / 16
		rows = append(rows, row{id: "F-02", name: fmt.Sprintf("cut at %d/16", i), args: "inspect cut.onnx", exit: []int{3}, says: `byte \d+|no graph|ir_version|opset_import`,
			make: func(d folder) { d.put("cut.onnx", goodBytes[:n]) }})
	}
	return rows
}

// flippedRows flip a bit of the good model and run what is left of it; the
// reader's own tests flip every bit.
func flippedRows() (rows []row) {
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 24 {
		at, bit := rng.IntN(len(goodBytes)), rng.IntN(8)
		rows = append(rows, row{id: "F-03", name: fmt.Sprintf("flip %d: bit %d of byte %d", i, bit, at), args: "inspect flip.onnx --data rows.csv", exit: []int{0, 3}, runs: true, peak: 256,
			make: func(d folder) {
				data := bytes.Clone(goodBytes)
				data[at] ^= 1 << bit
				d.put("flip.onnx", data)
			}})
	}
	return rows
}

// bulkRows are small or large files that would grow.
func bulkRows() []row {
	var rows []row
	for _, c := range onnxtest.Cases()[len(onnxtest.Small()):] {
		rows = append(rows, row{id: c.ID, name: c.Name, args: "inspect bulk.onnx", exit: []int{3}, says: c.Want, peak: max(64, min(1, int64(len(c.Data)>>20))*(int64(2*len(c.Data)>>20)+256)),
			make: func(d folder) { d.put("bulk.onnx", c.Data) }})
	}
	grown := func(name, says string, exit int, peak int64, change func(m *onnx.Model)) {
		rows = append(rows, row{id: "F-18", name: name, args: "inspect grown.onnx", exit: []int{exit}, says: says, peak: peak, make: func(d folder) {
			m := goodTeacher()
			change(m)
			d.model("grown.onnx", m)
		}})
	}
	grown("a name of 100 MB", `name of 100000000 bytes, limit 65536`, 3, 264, func(m *onnx.Model) { m.Graph.Nodes[0].Name = strings.Repeat("n", 100_000_000) })
	grown("a description of 100 MB", `nodes +2`, 0, 456, func(m *onnx.Model) { m.Doc = strings.Repeat("d", 100_000_000) })
	grown("a metadata value of 100 MB", `metadata +"k": "vvv+"…`, 0, 456, func(m *onnx.Model) {
		m.Metadata = []onnx.Entry{{Key: "k", Value: strings.Repeat("v", 100_000_000)}}
	})
	grown("100,000 operators of different names", `and 9\d+ more`, 0, 256, func(m *onnx.Model) {
		for i := range 100_000 {
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: fmt.Sprint("Op", i), Domain: "d", Outputs: []string{fmt.Sprint("o", i)}})
		}
		m.Opsets = append(m.Opsets, onnx.Opset{Domain: "d", Version: 1})
	})
	grown("10,000,000 numbers in an attribute", `nodes`, 0, 512, func(m *onnx.Model) {
		m.Graph.Nodes[0].Attrs = []*onnx.Attr{onnx.IntsAttr("a", make([]int64, 10_000_000)...)}
	})
	grown("a node of 200,000 inputs", `nodes`, 0, 128, func(m *onnx.Model) {
		n := &onnx.Node{OpType: "Sum", Outputs: []string{"sum"}}
		for range 200_000 {
			n.Inputs = append(n.Inputs, "scores")
		}
		m.Graph.Nodes = append(m.Graph.Nodes, n)
	})
	return rows
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// terminalRows are good models whose names would move a terminal's cursor.
func terminalRows() []row {
	evil := "\x1b[2J\u009b31m\u202egpj\r\n\x07"
	m := goodTeacher()
	m.ProducerName, m.Doc, m.Metadata = evil, evil, []onnx.Entry{{Key: evil, Value: evil}}
	m.Opsets = append(m.Opsets, onnx.Opset{Domain: evil, Version: 1})
	for _, v := range m.Graph.Inputs {
		v.Shape[0].Param = evil
	}
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: evil, OpType: "Op" + evil, Domain: evil, Outputs: []string{evil}})
	made := func(d folder) { d.model("names.onnx", m) }
	named := goodTeacher()
	named.Graph.Name = evil
	named.Graph.Inputs[0].Name, named.Graph.Nodes[0].Inputs[0] = "x"+evil, "x"+evil
	named.Graph.Outputs[0].Name, named.Graph.Nodes[1].Outputs[0] = "y"+evil, "y"+evil
	return []row{
		{id: "F-18", name: "escapes in every name, shown", args: "inspect names.onnx", exit: []int{0}, says: `producer`, make: made},
		{id: "F-18", name: "escapes in every name, as JSON", args: "inspect names.onnx --json", exit: []int{0}, says: `"producer"`, make: made},
		{id: "F-18", name: "escapes in every name, run", args: "inspect names.onnx --data rows.csv", exit: []int{3}, runs: true, make: made},
		{id: "F-18", name: "escapes in the names of input and output", args: "targets --teacher named.onnx --data rows.csv -o out/store", exit: []int{0}, runs: true, peak: 256, make: func(d folder) { d.model("named.onnx", named) }},
	}
}
