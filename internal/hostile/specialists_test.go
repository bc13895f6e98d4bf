package hostile

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// specialistRows are what people and programs write for specialists: sets of
// classes, the manifest of a bundle and its models, priors, and the sections of
// recipes.
func specialistRows() (rows []row) {
	return append(append(append(setsRows(), bundleRows()...), priorRows()...), recipeRows()...)
}

// goodSets are three classes in two sets, goodManifest the manifest of a generalist
// and two specialists, whose digests stand for @0, @1 and @2.
const (
	goodSets     = `{"format": "kdonnx clusters 1", "classes": ["x", "y", "z"], "sets": [[0, 1], [1, 2]], "about": "by hand"}`
	goodManifest = `{"format": "kdonnx specialists 1", "classes": ["x", "y", "z"], "top": 1,
"generalist": {"file": "generalist.onnx", "digest": "@0"},
"specialists": [{"file": "one.onnx", "digest": "@1", "classes": [0, 1], "head": "dustbin", "fraction": 0.5, "correction": 0},
{"file": "two.onnx", "digest": "@2", "classes": [2], "head": "full", "fraction": 0.5, "correction": 0}]}`
)

// wild is what a terminal would obey: the end of a line, an escape code, and
// writing from right to left.
const wild = `a\n\u001b[2J\u202ecod`

// texts are what may be wrong with any JSON file that good is, by name; each
// with the exit code and what is said.
func texts(good string) map[string]struct {
	data []byte
	exit int
	says string
} {
	type text = struct {
		data []byte
		exit int
		says string
	}
	head, _, _ := strings.Cut(good, ",")
	utf16 := []byte{0xff, 0xfe}
	for _, c := range []byte(good) {
		utf16 = append(utf16, c, 0)
	}
	return map[string]text{
		"empty":             {nil, 3, `the file is empty, expected `},
		"white space":       {[]byte(" \r\n\t"), 3, `the file is empty, expected `},
		"cut":               {[]byte(good[:len(good)/2]), 3, `byte \d+: unexpected end of JSON|ends early, after \d+ bytes`},
		"UTF-16":            {utf16, 3, `is text in UTF-16, expected `},
		"no UTF-8":          {[]byte(strings.Replace(good, `"x"`, "\"\xff\"", 1)), 3, `byte \d+: got 0xff, which is no UTF-8`},
		"a list":            {[]byte("[" + good + "]"), 3, `got array, expected an object`},
		"a number":          {[]byte("1e999"), 3, `got number.*, expected an object`},
		"null":              {[]byte("null"), 3, `format: got "", expected|got null, expected a value`},
		"NaN":               {[]byte(strings.Replace(good, `["x"`, `[NaN`, 1)), 3, `byte \d+: invalid character 'N'.*, expected `},
		"more after it":     {[]byte(good + good), 3, `byte \d+: got more after the JSON object`},
		"key twice":         {[]byte(strings.Replace(good, `"classes"`, `"classes": ["a", "b", "c"], "classes"`, 1)), 3, `classes: is given twice, expected it once`},
		"key in two cases":  {[]byte(strings.Replace(good, `"classes"`, `"CLASSES": ["a", "b", "c"], "classes"`, 1)), 3, `classes: is given twice, expected it once`},
		"unknown key":       {[]byte(strings.Replace(good, `{`, `{"`+wild+`": 1, `, 1)), 3, `unknown field "a\\n\\x1b\[2J\\u202ecod"`},
		"another format":    {[]byte(strings.Replace(head, " 1\"", " 2\"", 1) + good[len(head):]), 3, `format: got "kdonnx \w+ 2", expected "kdonnx \w+ 1"`},
		"format of 1 MB":    {[]byte(strings.Replace(good, "kdonnx", strings.Repeat("k", 1<<20), 1)), 3, `format: got "k{60}…", expected`},
		"format is a list":  {[]byte(strings.Replace(head, `"kdonnx`, `["kdonnx`, 1) + "]" + good[len(head):]), 3, `format: got array, expected a text`},
		"class is a number": {[]byte(strings.Replace(good, `"x"`, `1`, 1)), 3, `classes: got number, expected a text`},
		"class is null":     {[]byte(strings.Replace(good, `"x"`, `null`, 1)), 3, `classes\[0\]: got null, expected a value`},
		"class twice":       {[]byte(strings.Replace(good, `"y"`, `"x"`, 1)), 3, `classes\[1\]: got "x", as classes\[0\] is`},
		"wild class twice":  {[]byte(strings.Replace(strings.Replace(good, `"x"`, `"`+wild+`"`, 1), `"y"`, `"`+wild+`"`, 1)), 3, `classes\[1\]: got "a\\n\\x1b\[2J\\u202ecod", as classes\[0\] is`},
		"no class":          {[]byte(strings.Replace(good, `["x", "y", "z"]`, `[]`, 1)), 3, `classes: got 0, expected at least 2`},
		"9,000 lists deep":  {[]byte(strings.Replace(good, `["x"`, strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`, ["x"`, 1)), 3, `byte \d+: invalid character|got array`},
		"20,000 lists deep": {[]byte(strings.Replace(good, `["x"`, strings.Repeat("[", 20_000), 1)), 3, `exceeded max depth`},
		"9 MiB":             {[]byte(good + strings.Repeat(" ", 9<<20)), 3, `more than the limit of 8388608 bytes`},
	}
}

// special makes what is no file of text at a place.
var special = map[string]struct {
	make func(path string)
	says string
}{
	"a folder":       {func(path string) { check(os.Mkdir(path, 0o755)) }, `is a folder, device or pipe`},
	"a pipe":         {mkfifo, `is a folder, device or pipe`},
	"/dev/zero":      {func(path string) { check(os.Symlink("/dev/zero", path)) }, `is a folder, device or pipe`},
	"a link in ring": {func(path string) { check(os.Symlink(path, path)) }, `too many levels of symbolic links`},
}

// setsRows are files of sets of classes.
func setsRows() (rows []row) {
	const args = "specialist train --model good.onnx --train rows.csv --clusters bad.json --epochs 1 -o out/new"
	add := func(name string, exit int, says string, data []byte) {
		rows = append(rows, row{id: "F-69", name: "sets: " + name, args: args, exit: []int{exit}, says: says, make: func(d folder) { d.put("bad.json", data) }})
	}
	all := texts(goodSets)
	for _, name := range sorted(all) {
		add(name, all[name].exit, all[name].says, all[name].data)
	}
	for _, name := range sorted(special) {
		c := special[name]
		rows = append(rows, row{id: "F-69", name: "sets: " + name, args: args, exit: []int{4}, says: c.says, make: func(d folder) { c.make(d.at("bad.json")) }})
	}
	for _, c := range []struct{ sets, says string }{
		{`[]`, `sets: got none, expected at least one`},
		{`null`, `sets: got none|sets: got null`},
		{`[[0, 1], []]`, `sets\[1\]: is empty`},
		{`[[0, -1]]`, `sets\[0\]: got class -1, expected 0 to 2`},
		{`[[0, 3]]`, `sets\[0\]: got class 3, expected 0 to 2`},
		{`[[1, 0]]`, `sets\[0\]: got class 0 after 1, expected ascending`},
		{`[[1, 1]]`, `sets\[0\]: got class 1 after 1, expected ascending`},
		{`[[0.5]]`, `sets: got number 0\.5, expected a whole number`},
		{`[[1e99]]`, `sets: got number 1e99, expected a whole number`},
		{`[[99999999999999999999]]`, `sets: got number 99999999999999999999, expected a whole number`},
		{`[["x"]]`, `sets: got string, expected a whole number`},
		{`[[null]]`, `sets\[0\]\[0\]: got null, expected a value`},
		{`{"0": [0]}`, `sets: got object, expected a list`},
	} {
		add("is "+c.sets, 3, c.says, []byte(strings.Replace(goodSets, "[[0, 1], [1, 2]]", c.sets, 1)))
	}
	rows = append(rows, row{id: "F-69", name: "sets: all classes in one", args: args, exit: []int{64}, says: `sets\[1\]: has all 3 classes`,
		make: func(d folder) { d.put("bad.json", []byte(strings.Replace(goodSets, "[1, 2]", "[0, 1, 2]", 1))) }})
	rows = append(rows, row{id: "F-69", name: "sets: two million", args: args, exit: []int{3}, peak: 384, says: `sets\[0\]: got class 9, expected 0 to 2`,
		make: func(d folder) {
			d.put("bad.json", []byte(strings.Replace(goodSets, "[[0, 1]", "["+strings.Repeat("[9],", 2<<20-100)+"[9]", 1)))
		}})
	rows = append(rows, row{id: "F-69", name: "sets: of other classes", args: args, exit: []int{3}, runs: true, writes: true, says: `bad\.json: classes\[0\]: got "a\\n\\x1b\[2J\\u202ecod", the rows and the generalist have "x"`,
		make: func(d folder) { d.put("bad.json", []byte(strings.Replace(goodSets, `"x"`, `"`+wild+`"`, 1))) }})
	return rows
}

// weighted is the good teacher with other weights and as many scores, which says
// what its classes are if there are some.
func weighted(by float32, scores int64, classes string) *onnx.Model {
	m := teacher(func(g *onnx.Graph) {
		weights, bias := make([]float32, 4*scores), make([]float32, scores)
		for i := range weights {
			weights[i] = by * float32(i%5-2)
		}
		g.Initializers = []*onnx.Tensor{onnx.FloatTensor("w", []int64{4, scores}, weights), onnx.FloatTensor("b", []int64{scores}, bias)}
		g.Outputs = []*onnx.Value{rowsOf("scores", scores)}
		g.Nodes = goodTeacher().Graph.Nodes
	})
	if classes != "" {
		m.Metadata = []onnx.Entry{{Key: "kdonnx.version", Value: "1"}, {Key: "kdonnx.classes", Value: classes}}
	}
	return m
}

// rounding is a model whose scores are tanh(x·w) less the same by a sigmoid, 2σ(2x·w) − 1,
// which is what one rounds other than the other, a million times as large: no two
// programs agree on it.
func rounding() *onnx.Model {
	m := weighted(0.3, 3, "")
	scalar := func(name string, v float32) *onnx.Tensor { return onnx.FloatTensor(name, []int64{1}, []float32{v}) }
	m.Graph.Initializers = append(m.Graph.Initializers, scalar("one", 1), scalar("two", 2), scalar("million", 1e6))
	m.Graph.Nodes[1].Outputs[0] = "a"
	node := func(op, out string, in ...string) {
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}})
	}
	node("Tanh", "t", "a")
	node("Mul", "a2", "a", "two")
	node("Sigmoid", "s", "a2")
	node("Mul", "s2", "s", "two")
	node("Sub", "u", "s2", "one")
	node("Sub", "small", "t", "u")
	node("Mul", "scores", "small", "million")
	return m
}

// putBundle writes a bundle whose models change may change before their digests
// are taken, and whose manifest is text.
func putBundle(d folder, text string, change func(dir folder)) {
	dir := folder(d.at("bundle"))
	for i, name := range bundled {
		dir.model(name, weighted(0.1*float32(i+1), 3, ""))
	}
	if change != nil {
		change(dir)
	}
	for i, name := range bundled {
		if digest, err := onnx.Digest(dir.at(name)); err == nil {
			text = strings.ReplaceAll(text, fmt.Sprintf("@%d", i), digest)
		}
	}
	dir.put("manifest.json", []byte(text))
}

var bundled = []string{"generalist.onnx", "one.onnx", "two.onnx"}

// bundleRows are bundles of a generalist and its specialists.
func bundleRows() (rows []row) {
	commands := []string{
		"specialist predict --bundle bundle --data rows.csv -o out/new.csv", "specialist eval --bundle bundle --data rows.csv --report out/new.html",
		"specialist export --bundle bundle -o out/new.onnx", "specialist distill --bundle bundle --train rows.csv --student mlp:2 --epochs 1 -o out/new.onnx",
		"specialist rivals --bundle bundle --train rows.csv --student mlp:2 --epochs 1 -o out/new",
	}
	add := func(r row) { r.id, r.name = "F-69", "bundle: "+r.name; rows = append(rows, r) }
	n := 0
	next := func() string { n++; return commands[n%len(commands)] }
	manifest := func(name string, exit int, says, text string) {
		add(row{name: name, args: next(), file: "bundle/manifest.json", exit: []int{exit}, says: says, make: func(d folder) { putBundle(d, text, nil) }})
	}
	all := texts(goodManifest)
	for _, name := range sorted(all) {
		manifest(name, all[name].exit, all[name].says, string(all[name].data))
	}
	for _, name := range sorted(special) {
		add(row{name: name, args: next(), file: "bundle/manifest.json", exit: []int{4}, says: special[name].says, make: func(d folder) {
			check(os.Mkdir(d.at("bundle"), 0o755))
			special[name].make(d.at("bundle/manifest.json"))
		}})
	}
	for _, c := range []struct{ name, from, to, says string }{
		{"top 0", `"top": 1`, `"top": 0`, `top: got 0, expected 1 to 3`},
		{"top above the classes", `"top": 1`, `"top": 4`, `top: got 4, expected 1 to 3`},
		{"top 1e99", `"top": 1`, `"top": 1e99`, `top: got number 1e99, expected a whole number`},
		{"top is a text", `"top": 1`, `"top": "1"`, `top: got string, expected a whole number`},
		{"no generalist", `"file": "generalist.onnx", `, ``, `generalist\.file: got "", expected the name of a file beside`},
		{"file above", `"one.onnx"`, `"../one.onnx"`, `specialists\[0\]\.file: got "\.\./one\.onnx", expected the name of a file beside`},
		{"file deep above", `"one.onnx"`, `"sub/../../one.onnx"`, `specialists\[0\]\.file: got "sub/\.\./\.\./one\.onnx"`},
		{"file is the folder above", `"generalist.onnx"`, `".."`, `generalist\.file: got "\.\."`},
		{"absolute file", `"two.onnx"`, `"/etc/passwd"`, `specialists\[1\]\.file: got "/etc/passwd", expected the name of a file beside`},
		{"wild file", `"two.onnx"`, `"/` + wild + `"`, `specialists\[1\]\.file: got "/a\\n\\x1b\[2J\\u202ecod"`},
		{"file twice", `"file": "one.onnx"`, `"file": "a.onnx", "file": "one.onnx"`, `specialists\[0\]\.file: is given twice`},
		{"class outside", `[0, 1]`, `[0, 3]`, `specialists\[0\]\.classes: got class 3, expected 0 to 2`},
		{"no classes of a specialist", `[0, 1]`, `[]`, `specialists\[0\]\.classes: is empty`},
		{"classes descend", `[0, 1]`, `[1, 0]`, `specialists\[0\]\.classes: got class 0 after 1`},
		{"head", `"full"`, `"` + wild + `"`, `specialists\[1\]\.head: got "a\\n\\x1b\[2J\\u202ecod", expected "dustbin" or "full"`},
		{"fraction below 0", `0.5`, `-0.5`, `specialists\[0\]\.fraction: got -0\.5, expected 0 to 1`},
		{"fraction above 1", `0.5`, `1e300`, `specialists\[0\]\.fraction: got 1e\+300, expected 0 to 1`},
		{"fraction beyond float64", `0.5`, `1e999`, `specialists\.fraction: got number 1e999, expected a number`},
		{"correction is null", `"correction": 0`, `"correction": null`, `specialists\[0\]\.correction: got null, expected a value`},
		{"digest is a number", `"@1"`, `1`, `specialists\.digest: got number, expected a text`},
		{"mistyped key", `"top"`, `"topp"`, `unknown field "topp"`},
	} {
		manifest(c.name, 3, c.says, strings.Replace(goodManifest, c.from, c.to, 1))
	}
	add(row{name: "byte order mark and CRLF", args: commands[0], exit: []int{0}, make: func(d folder) {
		putBundle(d, "\uFEFF"+strings.ReplaceAll(goodManifest, "\n", "\r\n"), nil)
	}})
	add(row{name: "none", args: commands[1], file: "bundle", exit: []int{3}, says: `has no manifest\.json: expected the folder of a bundle`, make: func(d folder) { check(os.Mkdir(d.at("bundle"), 0o755)) }})
	add(row{name: "is a file", args: commands[2], file: "bundle", exit: []int{4}, says: `not a directory`, make: func(d folder) { d.put("bundle", nil) }})

	// models of the bundle; changed after their digests where after is given
	model := func(name, file string, exit int, says string, before, after func(dir folder)) {
		add(row{name: name, args: next(), file: "bundle/" + file, exit: []int{exit}, says: says, make: func(d folder) {
			putBundle(d, goodManifest, before)
			if after != nil {
				after(folder(d.at("bundle")))
			}
		}})
	}
	swap := func(a, b string) func(dir folder) {
		return func(dir folder) {
			check(os.Rename(dir.at(a), dir.at("t")))
			check(os.Rename(dir.at(b), dir.at(a)))
			check(os.Rename(dir.at("t"), dir.at(b)))
		}
	}
	link := func(name, to string) func(dir folder) {
		return func(dir folder) {
			data := must(os.ReadFile(dir.at(name)))
			check(os.Remove(dir.at(name)))
			folder(dir.at("..")).put("outside.onnx", data)
			check(os.Symlink(to, dir.at(name)))
		}
	}
	model("a specialist is missing", "one.onnx", 4, `cannot be opened: no such file`, nil, func(dir folder) { check(os.Remove(dir.at("one.onnx"))) })
	model("specialists swapped", "one.onnx", 8, `is not the model that the bundle was made with: digest`, nil, swap("one.onnx", "two.onnx"))
	model("generalist and specialist swapped", "generalist.onnx", 8, `is not the model that the bundle was made with: digest`, nil, swap("generalist.onnx", "two.onnx"))
	model("a specialist is empty", "two.onnx", 3, `no graph: the file is empty`, nil, func(dir folder) { dir.put("two.onnx", nil) })
	model("the generalist is cut", "generalist.onnx", 3, `truncated`, nil, func(dir folder) {
		data := must(os.ReadFile(dir.at("generalist.onnx")))
		dir.put("generalist.onnx", data[:len(data)/2])
	})
	model("a bit of a weight is another", "two.onnx", 8, `is not the model that the bundle was made with`, nil, func(dir folder) {
		data := must(os.ReadFile(dir.at("two.onnx")))
		data[bytes.Index(data, []byte{0, 0, 0, 0})] ^= 1
		dir.put("two.onnx", data)
	})
	model("a specialist is /dev/zero", "one.onnx", 3, `is a link to no file in the bundle's folder`, nil, link("one.onnx", "/dev/zero"))
	model("a specialist lies outside", "one.onnx", 3, `is a link to no file in the bundle's folder, expected the model itself`, link("one.onnx", "../outside.onnx"), nil)
	model("the generalist lies outside", "generalist.onnx", 3, `is a link to no file in the bundle's folder`, link("generalist.onnx", "../outside.onnx"), nil)
	model("a link in a ring", "two.onnx", 3, `is a link to no file in the bundle's folder`, nil, link("two.onnx", "two.onnx"))
	for i, command := range []string{commands[0], commands[2]} {
		add(row{name: fmt.Sprintf("a specialist of other outputs %d", i), args: command, file: "bundle/one.onnx", exit: []int{3}, says: `(5 values a row|with 5 outputs), expected (\(N, 3\)|3) logits`,
			make: func(d folder) {
				putBundle(d, goodManifest, func(dir folder) { dir.model("one.onnx", weighted(1, 5, "")) })
			}})
	}
	add(row{name: "a specialist answers by its rounding errors", args: commands[2] + " --data rows.csv", file: "out/new.onnx", exit: []int{7}, runs: true, varies: true,
		says: `row \d+: ONNX Runtime does not reproduce the ensemble: max .* OUTSIDE tolerance 1e-05`,
		make: func(d folder) { putBundle(d, goodManifest, func(dir folder) { dir.model("one.onnx", rounding()) }) }})
	add(row{name: "the generalist names other classes", args: next(), file: "bundle/manifest.json", exit: []int{3}, says: `classes: got "x" as number 0, expected "a\\n\\x1b\[2J", as generalist\.onnx says`,
		make: func(d folder) {
			putBundle(d, goodManifest, func(dir folder) { dir.model("generalist.onnx", weighted(1, 3, `a\n\x1b[2J`+"\ny\nz")) })
		}})
	add(row{name: "the generalist names more classes", args: next(), file: "bundle/manifest.json", exit: []int{3}, says: `classes: got 3, expected 4, as generalist\.onnx says`,
		make: func(d folder) {
			putBundle(d, goodManifest, func(dir folder) { dir.model("generalist.onnx", weighted(1, 4, "x\ny\nz\nw")) })
		}})
	return rows
}

// priorRows are files of priors.
func priorRows() (rows []row) {
	const args = "recalibrate --model ours.onnx --data rows.csv --prior bad.prior -o out/new.onnx"
	good := "x=0.2\ny=0.3\n"
	add := func(name string, exit int, says string, put func(d folder)) {
		rows = append(rows, row{id: "F-69", name: "prior: " + name, args: args, file: "bad.prior", exit: []int{exit}, runs: true, says: says, make: func(d folder) {
			d.model("ours.onnx", weighted(1, 3, "x\ny\nz"))
			put(d)
		}})
	}
	for _, c := range []struct{ name, text, says string }{
		{"empty", "", `names no class, expected lines of CLASS=SHARE`},
		{"only remarks", "# a\n\n", `names no class, expected lines of CLASS=SHARE`},
		{"NaN", "x=nan", `line 1: got "nan" for class "x", expected a share above 0 and below 1`},
		{"negative", "x=0.1\r\ny=-1\r\n", `line 2: got "-1" for class "y"`},
		{"above 1", "x=1e300", `line 1: got "1e300" for class "x"`},
		{"beyond float64", "x=1e999", `line 1: got "1e999" for class "x"`},
		{"class twice", good + "x=0.1", `line 3: class "x" is named twice`},
		{"no pair", "x 0.1", `line 1: got "x 0\.1", expected CLASS=SHARE`},
		{"JSON", `{"x": 0.1}`, `line 1: got "\{\\"x\\": 0\.1\}", expected CLASS=SHARE`},
		{"unknown class", "q=0.1", `line 1: got class "q", expected one of x, y, z`},
		{"wild class", "\x1b[2J\u202ecod=0.1", `line 1: got class "\\x1b\[2J\\u202ecod", expected one of x, y, z`},
		{"class of 1 MB", strings.Repeat("q", 1<<20) + "=0.1", `line 1: got class "q{60}…", expected one of x, y, z`},
		{"UTF-16", "\xff\xfex\x00=\x000\x00", `line 1: got `},
		{"no UTF-8", "\xff=0.1", `line 1: got class "\\xff", expected one of`},
		{"four million lines", strings.Repeat("\n", 1<<22), `names no class`},
		{"5 MiB", strings.Repeat("#", 5<<20), `more than the limit of 4194304 bytes`},
	} {
		add(c.name, 3, c.says, func(d folder) { d.put("bad.prior", []byte(c.text)) })
	}
	for _, name := range sorted(special) {
		add(name, 4, special[name].says, func(d folder) { special[name].make(d.at("bad.prior")) })
	}
	rows = append(rows, row{id: "F-69", name: "prior: more than all", args: args, file: "bad.prior", exit: []int{3}, runs: true, says: `--prior: bad\.prior: priors of all 3 classes sum to 2\.7, expected 1`, make: func(d folder) {
		d.model("ours.onnx", weighted(1, 3, "x\ny\nz"))
		d.put("bad.prior", []byte("x=0.9\ny=0.9\nz=0.9"))
	}})
	rows = append(rows, row{id: "F-69", name: "prior: byte order mark and CRLF", args: args, exit: []int{0}, runs: true, writes: true, make: func(d folder) {
		d.model("ours.onnx", weighted(1, 3, "x\ny\nz"))
		d.put("bad.prior", []byte("\uFEFF"+strings.ReplaceAll(good, "\n", "\r\n")))
	}})
	return rows
}

// recipeRows are sections of recipes that only some commands follow.
func recipeRows() (rows []row) {
	add := func(command, name, says, text string) {
		rows = append(rows, row{id: "F-69", name: "recipe: " + command + ": " + name, args: command + " --recipe bad.yaml", exit: []int{64}, says: says,
			file: "kdonnx: ", make: func(d folder) { d.put("bad.yaml", []byte(text)) }})
	}
	for _, c := range []struct{ command, section string }{{"sweep", "sweep"}, {"specialist run", "specialist"}} {
		head := "teacher: {model: good.onnx}\ndata: {train: rows.csv}\n" + c.section + ":\n"
		for _, one := range []struct{ name, says, body string }{
			{"unknown key", `bad\.yaml: .*"?nope"?`, "  nope: 1\n"},
			{"wild key", `bad\.yaml: `, "  \"" + wild + "\": 1\n"},
			{"key twice", `bad\.yaml: .*(twice|duplicate|already)`, "  parallel: 1\n  parallel: 2\n"},
			{"number is a text", `bad\.yaml: `, "  parallel: many\n"},
			{"number is a list", `bad\.yaml: `, "  parallel: [1]\n"},
			{"negative", `parallel.*got -1`, "  parallel: -1\n  temperature: 2\n"},
			{"beyond int64", `bad\.yaml: `, "  parallel: 99999999999999999999\n"},
			{"half", `bad\.yaml: `, "  parallel: 1.5\n"},
			{"is a list", `bad\.yaml: `, "  - 1\n"},
			{"60,000 deep", `bad\.yaml: .*nested`, "  output: " + strings.Repeat("[", 60_000) + "\n"},
			{"1 MiB", `bad\.yaml: .*more than the limit`, "  output: " + strings.Repeat("a", 1<<20) + "\n"},
			{"aliases", `bad\.yaml: `, "  output: &a [1]\n  parallel: *a\n"},
			{"UTF-16", `bad\.yaml: `, "\xff\xfe"},
			{"no output", `output|-o`, "  output: \"\"\n  temperature: 2\n"},
			{"temperature NaN", `--specialist-temperature: got NaN|bad\.yaml: \[4:16\] got Nan`, "  temperature: .nan\n"},
		} {
			if c.command == "sweep" { // one of what a specialist has one of
				one.body = strings.Replace(one.body, "temperature: 2", "temperature: [1, 2]", 1)
			}
			add(c.command, one.name, one.says, head+one.body)
		}
	}
	add("specialist run", "method", `--method: got "`, "teacher: {model: good.onnx}\ndata: {train: rows.csv}\nspecialist: {method: \""+wild+"\"}\n")
	add("specialist run", "head", `--head: got "x"`, "teacher: {model: good.onnx}\ndata: {train: rows.csv}\nspecialist: {head: x}\n")
	add("specialist run", "student twice", `--students: got "mlp:2" twice`, "teacher: {model: good.onnx}\ndata: {train: rows.csv}\nspecialist: {students: [\"mlp:2\", \"mlp:2\"]}\n")
	add("specialist run", "sets 1e9", `--sets: got 1e\+09|--sets: got 1000000000`, "teacher: {model: good.onnx}\ndata: {train: rows.csv}\nspecialist: {sets: 1000000000}\n")
	return rows
}

// sorted are the keys of m, so that the cases have an order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
