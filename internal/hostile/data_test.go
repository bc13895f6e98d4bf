package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

// read are the commands that read rows; the cases take turns.
var read = []string{
	"predict --model good.onnx --data %s --engine native -o out/p.csv",
	"targets --teacher good.onnx --data %s -o out/store",
	"eval --model good.onnx --data %s --engine native",
	"distill --teacher good.onnx --train %s --student linear -o out/new.onnx",
	"inspect good.onnx --data %s",
}

// dataCases collects cases of one kind of file.
type dataCases struct{ rows []row }

// bad adds a file that must be refused.
func (c *dataCases) bad(id, name, file string, data []byte, says string) {
	command := read[len(c.rows)%len(read)]
	c.rows = append(c.rows, row{id: id, name: name, args: strings.ReplaceAll(command, "%s", file), file: file[strings.LastIndexAny(file, ":/")+1:], exit: []int{3}, says: says,
		make: func(d folder) { d.put(file[strings.Index(file, ":")+1:], data) }})
}

// good adds a file that is odd and right: the program reads n rows of it.
func (c *dataCases) good(id, name, file string, data []byte, n int) {
	c.rows = append(c.rows, row{id: id, name: name, args: "eval --model good.onnx --engine native --data " + file, exit: []int{0}, says: fmt.Sprintf(`rows +%d\n`, n), runs: true,
		make: func(d folder) { d.put(file, data) }})
}

// npyOf is an array of (n, 4) in the given type and order.
func npyOf(descr string, fortran string, n int, put func(b []byte, v int) []byte) []byte {
	var b []byte
	for i := range 4 * n {
		b = put(b, i%5)
	}
	return datasettest.NPY(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%d, 4), }", descr, fortran, n), b)
}

func arrayRows() []row {
	var c dataCases
	head := func(dict string, n int) []byte { return datasettest.NPY(1, dict, make([]byte, n)) }
	of := func(descr, shape string) string {
		return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }"
	}
	float := func(b []byte, v int) []byte { return append(b, floatBytes(float32(v))...) }
	good := npyOf("<f4", "False", 6, float)
	liar := datasettest.NPY(2, "{", nil)
	copy(liar[8:], "\xff\xff\xff\xff")
	unended := bytes.Clone(good)
	unended[bytes.IndexByte(unended, '\n')] = ' '

	c.bad("F-53", "object array", "a.npy", head(of("|O", "(2, 4)"), 64), `object arrays are not supported`)
	c.bad("F-53", "pickle behind the header", "a.npy", append(head(of("|O", "(1,)"), 0), "\x80\x02cposix\nsystem\nq\x00."...), `object arrays are not supported`)
	c.bad("F-53", "structured array", "a.npy", head("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 4), }", 32), `structured arrays are not supported`)
	c.bad("F-54", "version 2, header of 4 GiB", "a.npy", liar, `4294967295 bytes long, limit 10000`)
	c.bad("F-54", "version 9", "a.npy", datasettest.NPY(9, of("<f4", "(2, 4)"), make([]byte, 32)), `version 9\.0`)
	c.bad("F-54", "no newline", "a.npy", unended, `newline|truncated`)
	c.bad("F-54", "missing key", "a.npy", head("{'descr': '<f4', 'shape': (2, 4), }", 32), `no key "fortran_order"`)
	c.bad("F-54", "extra key", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), 'x': 1}", 32), `unknown key "x"`)
	c.bad("F-54", "key twice", "a.npy", head("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 4)}", 32), `key "descr" twice`)
	c.bad("F-54", "unicode", "a.npy", head("{'déscr\u202e': '<f4'}", 32), `unknown key`)
	c.bad("F-54", "code for a header", "a.npy", head("__import__('os').system('true')", 0), `expected '\{'`)
	c.bad("F-54", "10,000 brackets", "a.npy", head("{'descr': "+strings.Repeat("(", 9000)+"}", 0), `a\.npy`)
	c.bad("F-54", "PNG", "a.npy", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), `a\.npy`)
	for _, version := range []byte{2, 3} {
		c.good("F-54", fmt.Sprint("version ", version), "a.npy", datasettest.NPY(version, of("<f4", "(6, 4)"), bytes.Repeat(floatBytes(1, 2, 3, 4), 6)), 6)
	}
	c.good("F-54", "keys in another order", "a.npy", datasettest.NPY(1, "{'shape': (6, 4), 'fortran_order': False, 'descr': '<f4'}", bytes.Repeat(floatBytes(1, 2, 3, 4), 6)), 6)
	c.bad("F-56", "shape (-1,)", "a.npy", head(of("<f4", "(-1,)"), 4), `dimension -1 is negative`)
	c.bad("F-56", "shape (0, 5)", "a.npy", head(of("<f4", "(0, 5)"), 0), `holds no values`)
	c.bad("F-56", "shape ()", "a.npy", head(of("<f4", "()"), 4), `shape \[\]`)
	c.bad("F-56", "rank 1000", "a.npy", head(of("<f4", "("+strings.Repeat("1,", 1000)+")"), 4), `more than 16 dimensions`)
	c.bad("F-56", "product overflows", "a.npy", head(of("<f4", "(4294967296, 4294967296)"), 32), `overflows`)
	c.bad("F-56", "petabyte", "a.npy", head(of("<f4", "(281474976710656, 4)"), 32), `takes`)
	c.bad("F-56", "petabyte in Fortran order", "a.npy", head("{'descr': '<f4', 'fortran_order': True, 'shape': (281474976710656, 4), }", 32), `takes`)
	c.bad("F-56", "a million dimensions' digits", "a.npy", head(of("<f4", "("+strings.Repeat("9", 9000)+", 4)"), 32), `a\.npy`)
	c.bad("F-56", "complex", "a.npy", head(of("<c8", "(2, 4)"), 64), `type "<c8", expected`)
	c.good("F-56", "big-endian", "a.npy", npyOf(">f4", "False", 6, func(b []byte, v int) []byte { return binary.BigEndian.AppendUint32(b, math.Float32bits(float32(v))) }), 6)
	c.good("F-56", "Fortran order", "a.npy", npyOf("<f4", "True", 6, float), 6)
	c.good("F-56", "float16", "a.npy", npyOf("<f2", "False", 6, func(b []byte, v int) []byte { return binary.LittleEndian.AppendUint16(b, 0x3c00) }), 6)
	c.good("F-56", "int64", "a.npy", npyOf("<i8", "False", 6, func(b []byte, v int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) }), 6)
	c.good("F-56", "bool", "a.npy", npyOf("|b1", "False", 6, func(b []byte, v int) []byte { return append(b, byte(v%2)) }), 6)
	c.bad("F-57", "one byte short", "a.npy", good[:len(good)-1], `takes`)
	c.bad("F-57", "one byte more", "a.npy", append(bytes.Clone(good), 0), `takes`)
	for i := 1; i < 8; i++ {
		c.bad("F-57", fmt.Sprintf("cut at %d/8", i), "a.npy", good[:len(good)*i/8], `a\.npy`)
	}

	// No reader of kdonnx takes safetensors: it says what it sees, whatever the
	// header claims.
	tensors := func(header string, data int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, data)...)
	}
	one := func(dtype, shape, from, to string) string {
		return `{"w":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":[` + from + `,` + to + `]}}`
	}
	long := binary.LittleEndian.AppendUint64(nil, 1<<63)
	many := strings.Builder{}
	for i := range 100_001 {
		fmt.Fprintf(&many, `,"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"sound", tensors(one("F32", "[2,4]", "0", "32"), 32)}, {"header longer than the file", append(binary.LittleEndian.AppendUint64(nil, 1000), `{"w":{`...)},
		{"header of 2^63 bytes", append(long, `{"w":{`...)}, {"key twice", tensors(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4)},
		{"overlap", tensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6)},
		{"hole", tensors(one("F32", "[1]", "4", "8"), 8)}, {"offsets reversed", tensors(one("F32", "[1]", "4", "0"), 4)},
		{"one offset", tensors(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, 4)}, {"shape of other bytes", tensors(one("F32", "[9]", "0", "4"), 4)},
		{"type F7", tensors(one("F7", "[1]", "0", "4"), 4)}, {"100,001 tensors", tensors("{"+many.String()[1:]+"}", 0)},
	} {
		c.bad("F-60", f.name, "a.safetensors", f.data, `format not recognised: it looks like a safetensors file, expected`)
		c.rows = append(c.rows, row{id: "F-60", name: f.name + ", for a model", args: "inspect a.safetensors", exit: []int{3}, says: `it looks like a safetensors file`, make: func(d folder) { d.put("a.safetensors", f.data) }})
	}
	c.bad("F-60", "header [", "a.safetensors", tensors("[1,2,3]", 0), `format not recognised`)
	return c.rows
}

func idxRows() []row {
	var c dataCases
	images := datasettest.IDXImages(6, 2, 2)
	changed := func(at int, with string) []byte {
		b := bytes.Clone(images)
		copy(b[at:], with)
		return b
	}
	c.bad("F-64", "wrong magic", "idx:x-ubyte", changed(2, "\x0d"), `magic number 0x00000d03, expected 0x00000803`)
	c.bad("F-64", "labels for images", "x-ubyte", datasettest.IDXLabels(6, 3), `holds labels, expected images`)
	c.bad("F-64", "a byte short", "x-ubyte", images[:len(images)-1], `39 bytes, but its header says \[6 2 2\], which takes 40`)
	c.bad("F-64", "a byte more", "x-ubyte", append(bytes.Clone(images), 0), `41 bytes, but its header says \[6 2 2\], which takes 40`)
	c.bad("F-64", "2^32 of everything", "x-ubyte", changed(4, strings.Repeat("\xff", 12)), `overflow`)
	c.bad("F-64", "petabyte", "x-ubyte", changed(4, "\x10\x00\x00\x00\x00\x01\x00\x00\x00\x00\x10\x00"), `header says`)
	c.bad("F-64", "no images", "x-ubyte", datasettest.IDXImages(0, 2, 2), `has no rows`)
	c.bad("F-64", "packed bomb", "x-ubyte.gz", datasettest.Gzip(append([]byte("\x00\x00\x08\x03\x00\x00\x01\x2c\x00\x00\x03\xe8\x00\x00\x03\xe8"), make([]byte, 300_000_000)...)), `limit 100 times`)
	c.bad("F-64", "packed, wrong sum", "x-ubyte.gz", func() []byte { b := datasettest.Gzip(images); b[len(b)-6] ^= 1; return b }(), `checksum`)
	pair := func(name string, labels []byte, says string) {
		c.rows = append(c.rows, row{id: "F-64", name: name, args: "targets --teacher good.onnx --data digits -o out/store", file: "train-", exit: []int{3}, says: says, make: func(d folder) {
			d.put("digits/train-images-idx3-ubyte", images)
			d.put("digits/train-labels-idx1-ubyte", labels)
		}})
	}
	pair("7 labels of 6 images", datasettest.IDXLabels(7, 3), `7 labels, but .* has 6 images`)
	pair("labels cut", datasettest.IDXLabels(6, 3)[:10], `10 bytes, but its header says \[6\], which takes 14`)
	return c.rows
}

func tableRows() []row {
	var c dataCases
	text := func(name, file, s, says string) { c.bad("F-63", name, file, []byte(s), says) }
	text("empty", "t.csv", "", `t\.csv: is empty`)
	text("only a byte order mark", "t.csv", "\xef\xbb\xbf", `is empty`)
	text("header only", "t.csv", "a,b,c,d,label\n", `line 1: .*no rows`)
	text("NUL byte", "t.csv", "a,b,c,d\n1,2,3,4\n1,2,\x003,4\n", `line 3`)
	text("unbalanced quote", "t.csv", "a,b,c,d\n1,2,3,4\n\"1,2,3,4\n5,6,7,8\n", `line 3, column 1`)
	text("unbalanced quote, 30 MB behind it", "t.csv", "a,b,c,d\n\"1,2,3,4\n"+strings.Repeat("5,6,7,8\n", 4_000_000), `line 2`)
	text("ragged, short", "t.csv", "a,b,c,d\n1,2,3,4\n1,2,3\n", `line 3: 3 columns, expected 4`)
	text("ragged, long", "t.csv", "a,b,c,d\n1,2,3,4,5\n", `line 2: 5 columns, expected 4`)
	text("ids twice", "t.csv", "id,a,b,c,d\n1,1,2,3,4\n2,1,2,3,4\n1,5,6,7,8\n", `line 4, column 1: id occurs twice`)
	text("invalid UTF-8", "t.csv", "a,b,c,d\n1,2,3,\xff\xfe\n", `line 2: invalid UTF-8`)
	text("escapes in a cell", "t.csv", "a,b,c,d\n1,2,3,4\n1,2,3,\x1b[2J\n", `line 3`)
	text("carriage returns for line ends", "t.csv", "1,2,3,4\r5,6,7,8\r", `line 1`)
	text("100,000 columns", "t.csv", strings.Repeat("1,", 100_000)+"1\n", `t\.csv|features|columns|good\.onnx`)
	c.rows[len(c.rows)-1].file, c.rows[len(c.rows)-1].peak = "kdonnx:", 256 // what is known of each column
	text("2,000,000 columns", "t.csv", strings.Repeat("1,", 2_000_000)+"1\n", `line 1: longer than`)
	c.rows = append(c.rows, row{id: "F-63", name: "a line of 1 GB", args: "predict --model good.onnx --data long.csv --engine native -o out/p.csv", exit: []int{3}, says: `line 2: longer than`,
		make: func(d folder) { d.sparse("long.csv", []byte("a,b,c,d\n1,2,3,4"), 1<<30) }})
	c.rows[len(c.rows)-1].says = `line 2: (longer than|byte 8 is '\\x00')`
	c.good("F-63", "byte order mark and CRLF", "t.csv", []byte("\xef\xbb\xbfa,b,c,d\r\n1,2,3,4\r\n5,6,7,8\r\n"), 2)
	c.good("F-63", "no newline at the end", "t.csv", []byte("a,b,c,d\n1,2,3,4\n5,6,7,8"), 2)
	c.good("F-63", "quotes where none are needed", "t.csv", []byte("\"a\",\"b\",c,d\n\"1\",2,3,4\n5,6,7,\"8\"\n"), 2)
	return c.rows
}
