package hostile

import "strings"

// goodSweep is what kdonnx sweep leaves, of one setting beside its baseline.
const goodSweep = `{"measure": "accuracy", "rows": 8, "judged_on": "8 rows", "axes": [{"key": "loss.temperature", "label": "T", "values": ["4"]}],
"cells": [{"name": "T=4", "settings": [{"key": "loss.temperature", "value": "4"}], "value": 0.5, "epochs": 1}],
"baselines": [{"name": "hard labels", "settings": [], "value": 0.25, "epochs": 1}]}`

// sweepRows are what kdonnx report may find in the place of a sweep's file.
func sweepRows() (rows []row) {
	const manyCells, largeFile = "200,000 cells", "80 MiB"
	peakOf := map[string]int64{manyCells: 256, largeFile: 256} // MiB: the file is read, up to its limit, before it is refused
	add := func(name string, exit int, says, text string) {
		rows = append(rows, row{id: "F-69", name: "sweep: " + name, args: "report bad -o out/new.html", file: "bad/sweep.json", exit: []int{exit}, says: says,
			peak: peakOf[name], writes: exit == 0, make: func(d folder) { d.put("bad/sweep.json", []byte(text)) }})
	}
	with := func(from, to string) string { return strings.Replace(goodSweep, from, to, 1) }
	add("empty", 3, `ends early, after 0 bytes`, "")
	add("cut", 3, `ends early`, goodSweep[:len(goodSweep)/2])
	add("a list", 3, `got array, expected an object`, "["+goodSweep+"]")
	add("more after it", 3, `got more after the JSON object`, goodSweep+goodSweep)
	add("not a sweep", 3, `measure: missing`, `{}`)
	add("no cells", 3, `cells: got 0`, `{"measure": "accuracy", "cells": []}`)
	add("cells are a text", 3, `cells: got string, expected a list`, `{"measure": "accuracy", "cells": "many"}`)
	add("key twice, of which the last counts", 0, `out/new\.html`, with(`"rows"`, `"measure": "R²", "rows"`))
	add("NaN", 3, `invalid character 'N'`, with(`0.5`, `NaN`))
	add("no value", 3, `cells\[0\]\.value: got no number`, with(`"value": 0.5`, `"value": null`))
	add("value 1e999", 3, `value: got number 1e999`, with(`0.5`, `1e999`))
	add("rows below 0", 3, `rows: got -1, expected at least 0`, with(`"rows": 8`, `"rows": -1`))
	add("20,000 lists deep", 3, `exceeded max depth`, with(`["4"]`, strings.Repeat("[", 20_000)))
	add(manyCells, 3, `cells: got 200001`, with(`"cells": [`, `"cells": [`+strings.Repeat(`{"value":1},`, 200_000)))
	add(largeFile, 3, `more than`, goodSweep+strings.Repeat(" ", 80<<20))
	add("wild rows", 0, `out/new\.html`, with(`"8 rows"`, `"`+wild+`<script>"`))
	return rows
}
