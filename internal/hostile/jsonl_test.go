package hostile

import (
	"fmt"
	"strings"
)

// jsonRows are F-63 as lines of JSON, and as one array of them.
func jsonRows() []row {
	var c dataCases
	text := func(name, file, s, says string) { c.bad("F-63", "JSON: "+name, file, []byte(s), says) }
	const one = `{"a":1,"b":2,"c":3,"d":4}`
	deep := func(n int) string { // the last of four features, n objects deep with the outermost
		return `{"a":1,"b":2,"c":3,"d":` + strings.Repeat(`{"d":`, n-1) + "4" + strings.Repeat("}", n) + "\n"
	}
	text("empty", "t.jsonl", "", `t\.jsonl: is empty`)
	text("only a byte order mark", "t.jsonl", "\xef\xbb\xbf\n\n", `is empty`)
	text("objects without keys", "t.jsonl", "{}\n{}\n", `holds no objects with keys`)
	text("an array of nothing", "t.json", "[]", `holds no objects with keys`)
	text("NUL byte", "t.jsonl", one+"\n{\"a\":\x001}\n", `line 2: byte 6 is '\\x00'`)
	text("escapes in a key", "t.jsonl", `{"\u001b[2J":1,"\u001b[2J":2}`, `line 1, key "\\x1b\[2J": given twice`)
	text("a line of 1 MiB and a byte", "t.jsonl", one+"\n{\"a\":\""+strings.Repeat("x", 1<<20-7)+"\"}", `line 2: longer than 1048576 bytes`)
	text("64 objects deep and one", "t.jsonl", deep(65), `line 1, key ".*": nested deeper than 64`)
	text("20,000 objects deep", "t.jsonl", deep(20_000), `nested deeper than 64`)
	text("20,000 objects deep, without end", "t.json", "["+strings.Repeat(`{"d":`, 20_000), `t\.json: line 1: the object has no end`)
	text("20,000 lists deep", "t.jsonl", `{"d":`+strings.Repeat("[", 20_000), `key "d": a list of other than numbers`)
	text("a key twice", "t.jsonl", one+"\n"+`{"a":1,"b":2,"c":3,"d":4,"a":5}`, `line 2, key "a": given twice`)
	text("a key twice, once by a dot", "t.jsonl", `{"a":{"b":1},"a.b":3}`, `line 1, key "a\.b": given twice`)
	text("a key twice, once by its escape", "t.jsonl", `{"a":1,"\u0061":3}`, `line 1, key "a": given twice`)
	text("ids twice", "t.jsonl", "{\"id\":1,\"a\":1}\n{\"id\":2,\"a\":1}\n{\"id\":1,\"a\":2}\n", `line 3, key "id": id occurs twice`)
	text("invalid UTF-8", "t.jsonl", one+"\n{\"a\":\"\xff\"}", `line 2: invalid UTF-8`)
	text("invalid UTF-8 in an array", "t.json", "["+one+",\n{\"a\":\"\xff\"}]", `line 2: invalid UTF-8`)
	text("half a surrogate", "t.jsonl", `{"a": "\ud800"}`, `line 1, byte 8: an escape that JSON does not have`)
	text("an object without end", "t.jsonl", one+"\n"+`{"a":1`, `line 2, byte 7: the end, expected a comma`)
	text("an object with two ends", "t.jsonl", one+"}\n", `line 1, byte 26: '}' after the object`)
	text("a text without end, 30 MB behind it", "t.jsonl", one+"\n{\"a\":\"1\n"+strings.Repeat(one+"\n", 1_200_000), `line 2, byte 8: a text without a closing quote`)
	text("an array without end", "t.json", "["+one+",", `line 1: the array has no end`)
	text("an array and more", "t.json", "["+one+"]]", `line 1: byte '\]' after the array`)
	text("bytes behind the object", "t.jsonl", one+" x\n", `line 1, byte 27: 'x' after the object`)
	text("two objects in a line", "t.jsonl", one+one, `line 1, byte 26: '\{' after the object`)
	text("an array in a line", "t.jsonl", one+"\n[1,2,3,4]\n", `line 2, byte 1: '\[', expected an object`)
	text("null for a row", "t.jsonl", one+"\nnull\n", `line 2, byte 1: 'n', expected an object`)
	text("null for a row of an array", "t.json", "["+one+",\nnull]", `line 2: byte 'n', expected an object`)
	text("lists of two lengths", "t.jsonl", "{\"x\":[1,2,3,4]}\n{\"x\":[1,2,3]}\n", `line 2, key "x": a list of 3 numbers, expected 4 as in the rows before`)
	text("a list of lists", "t.jsonl", `{"x":[[1,2],[3,4]]}`, `line 1, key "x": a list of other than numbers`)
	text("a list of 40,000 numbers", "t.jsonl", `{"x":[1`+strings.Repeat(",1", 40_000)+"]}", `line 1, key "x\[\d+\]": more than 32768 keys`)
	text("1e400", "t.jsonl", one+"\n"+`{"a":1e400,"b":2,"c":3,"d":4}`, `line 2, key "a": "1e400", expected a finite`)
	text("−1e39", "t.jsonl", `{"a":-1e39,"b":2,"c":3,"d":4}`, `line 1, key "a": "-1e39", expected a finite`)
	text("NaN", "t.jsonl", `{"a":NaN,"b":2,"c":3,"d":4}`, `line 1, key "a": 'N', expected a number`)
	text("a number of 1,000,000 digits", "t.jsonl", `{"a":`+strings.Repeat("9", 1_000_000)+`}`, `line 1, key "a"`)
	text("text among numbers", "t.jsonl", one+"\n"+`{"a":"7","b":2,"c":3,"d":4}`+"\n"+one+"\n", `line 2, key "a": "7" is not a number`)
	var keys strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&keys, "{\"k%d\":1}\n", i)
	}
	text("another key in every row", "t.jsonl", keys.String(), `line \d+: \d+ keys so far, of which a row has 1 on average`)
	text("CSV by that name", "t.jsonl", "a,b,c,d\n1,2,3,4\n", `line 1, byte 1: 'a', expected an object`)
	c.rows = append(c.rows, row{id: "F-63", name: "JSON: a line of 1 GB", args: "predict --model good.onnx --data long.jsonl --engine native -o out/p.csv", exit: []int{3},
		says: `line 2: (longer than|byte 7 is '\\x00')`, make: func(d folder) { d.sparse("long.jsonl", []byte(one+"\n{\"a\":\""), 1<<30) }})
	c.rows = append(c.rows, row{id: "F-63", name: "JSON: an object of 1 GB", args: "inspect good.onnx --data long.json", exit: []int{3},
		says: `line 2: object longer than 1048576 bytes`, make: func(d folder) { d.sparse("long.json", []byte("["+one+",\n{\"a\":\""), 1<<30) }})
	c.rows = append(c.rows, row{id: "F-63", name: "JSON: null for every value of a row", args: "targets --teacher good.onnx --data t.jsonl -o out/store", file: "good.onnx", exit: []int{3}, runs: true,
		says: `row 1 .*the teacher's output is not finite`, make: func(d folder) {
			d.put("t.jsonl", []byte(one+"\n"+`{"a":null,"b":null,"c":null,"d":null}`+"\n"+one+"\n"))
		}})
	c.good("F-63", "JSON: byte order mark and CRLF", "t.jsonl", []byte("\xef\xbb\xbf"+one+"\r\n\r\n"+one+"\r\n"), 2)
	c.good("F-63", "JSON: no newline at the end", "t.jsonl", []byte(one+"\n"+one), 2)
	c.good("F-63", "JSON: 64 objects deep", "t.jsonl", []byte(deep(64)), 1)
	c.good("F-63", "JSON: an array over many lines", "t.json", []byte("\xef\xbb\xbf [\r\n {\"a\":1,\r\n\"b\":2,\"c\":-0,\"d\":4e-1}\r\n,"+one+"]\r\n"), 2)
	c.good("F-63", "JSON: NUL byte and escapes in a class", "t.jsonl", []byte(`{"a":1,"b":2,"c":3,"d":4,"label":"\u0000\u001b[2J"}`+"\n"+`{"a":1,"b":2,"c":3,"d":4,"label":"b"}`+"\n"+`{"a":1,"b":2,"c":3,"d":4,"label":"c"}`), 3)
	return c.rows
}
