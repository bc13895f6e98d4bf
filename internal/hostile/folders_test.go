package hostile

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

// datasetRows are F-65: rows that are well-formed and hardly a data set.
func datasetRows() (rows []row) {
	const short = " --student linear --epochs 2 --no-baseline -o out/new.onnx"
	add := func(name, data, args string, exit []int, says string) {
		rows = append(rows, row{id: "F-65", name: name, args: "distill --teacher good.onnx " + args + short, file: "kdonnx:", exit: exit, says: says, runs: true, peak: 256, writes: true,
			make: func(d folder) { d.put("few.csv", []byte(data)) },
			inspect: func(t *testing.T, d folder, o outcome) {
				if strings.Contains(o.stderr, "NaN") && o.Code == 0 || strings.Contains(strings.ToLower(o.stdout), "nan") {
					t.Error("NaN in the result")
				}
			}})
	}
	full := string(rowsCSV(40))
	lines := strings.SplitAfter(full, "\n")
	constant := strings.Builder{}
	constant.WriteString(lines[0])
	for _, l := range lines[1:41] {
		constant.WriteString("7," + l[strings.Index(l, ",")+1:])
	}
	alike := lines[0] + strings.Repeat("1,2,3,4,x\n", 20)
	oneClass := lines[0]
	for _, l := range lines[1:31] {
		oneClass += l[:strings.LastIndex(l, ",")] + ",x\n"
	}
	add("empty", "", "--train few.csv", []int{3}, `few\.csv: is empty`)
	add("no rows", lines[0], "--train few.csv", []int{3}, `few\.csv: line 1`)
	add("one row", lines[0]+lines[1], "--train few.csv", []int{3}, `few\.csv: .*1 rows?`)
	add("one row, judged elsewhere", lines[0]+lines[1], "--train few.csv --test rows.csv --val-split 0", []int{0, 3}, ``)
	add("one class", oneClass, "--train few.csv", []int{0, 3}, ``)
	add("batch of more than all rows", full, "--train few.csv --batch 65536", []int{0}, ``)
	add("rows that are all the same", alike, "--train few.csv", []int{0, 3}, ``)
	add("a feature that is constant", constant.String(), "--train few.csv", []int{0}, ``)
	add("a feature that is NaN", strings.Replace(full, lines[5][:strings.Index(lines[5], ",")], "NaN", 1), "--train few.csv", []int{3}, `row 4 .*the teacher's output is not finite`) // a missing value, which this teacher cannot take
	add("a feature that is Inf", strings.Replace(full, lines[5][:strings.Index(lines[5], ",")], "Inf", 1), "--train few.csv", []int{3}, `few\.csv: line 6, column 1`)
	add("a feature of 3e38", strings.Replace(full, lines[5][:strings.Index(lines[5], ",")], "3e38", 1), "--train few.csv", []int{0, 3, 6}, ``)
	add("a feature of 1e39", strings.Replace(full, lines[5][:strings.Index(lines[5], ",")], "1e39", 1), "--train few.csv", []int{3}, `few\.csv: line 6, column 1`)
	add("no labels at all", strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.Replace(full, ",label", "", 1), ",x\n", "\n"), ",y\n", "\n"), ",z\n", "\n"), "--train few.csv", []int{0, 3}, ``)
	return rows
}

// folderRows are F-67: folders that never end, hide or have odd names.
func folderRows() (rows []row) {
	png := datasettest.PNG(datasettest.Colour(20, 20, 1))
	add := func(name, file string, exit []int, says string, make func(d folder)) {
		rows = append(rows, row{id: "F-67", name: name, args: "targets --teacher image.onnx --data images:pics -o out/store", file: file, exit: exit, says: says, runs: true, peak: 512, make: func(d folder) {
			d.model("image.onnx", imageTeacher(20, 20))
			d.put("pics/k/good.png", png)
			make(d)
		}})
	}
	add("a link to itself", "a.png", []int{3, 4}, `a\.png`, func(d folder) { check(os.Symlink("a.png", d.at("pics/k/a.png"))) })
	add("a folder that links to the one above", "kdonnx:", []int{0, 3, 4}, ``, func(d folder) { check(os.Symlink("..", d.at("pics/up"))) })
	add("a folder in a class that links to the top", "kdonnx:", []int{0, 3, 4}, ``, func(d folder) { check(os.Symlink("../..", d.at("pics/k/up"))) })
	add("a link out of the folder", "a.png", []int{3, 4}, `a\.png: a symbolic link that leads nowhere inside`, func(d folder) {
		d.put("secret.png", png)
		check(os.Symlink("../../secret.png", d.at("pics/k/a.png")))
	})
	add("a pipe", "a.png", []int{3, 4}, `a\.png`, func(d folder) { mkfifo(d.at("pics/k/a.png")) })
	add("a name with a line feed", `a\nb.png`, []int{3}, `a\\nb\.png: is empty`, func(d folder) { d.put("pics/k/a\nb.png", nil) })
	add("a name with escapes", `\x1b[2J.png`, []int{3}, `\\x1b\[2J\.png: is empty`, func(d folder) { d.put("pics/k/\x1b[2J.png", nil) })
	add("a name that is no UTF-8", `\xff`, []int{3}, `a\\xffb\.png`, func(d folder) { d.put("pics/k/a\xffb.png", nil) })
	add("a class with escapes", "", []int{0}, `2 rows of 3 logits`, func(d folder) {
		d.put("pics/\x1b[2J/b.png", png)
		d.put("pics/z/c.png", datasettest.PNG(datasettest.Colour(20, 20, 9)))
	})
	add("a folder that may not be read", "kdonnx:", []int{0, 3, 4}, ``, func(d folder) {
		d.put("pics/l/a.png", png)
		check(os.Chmod(d.at("pics/l"), 0))
	})
	rows[len(rows)-1].varies = true // nothing is closed to root
	rows = append(rows, row{id: "F-67", name: "100,000 files", args: "targets --teacher image.onnx --data images:bulk -o out/store", file: "bulk", exit: []int{3}, says: `bulk: holds no images`, peak: 128, make: func(d folder) {
		d.model("image.onnx", imageTeacher(20, 20))
		check(os.MkdirAll(d.at("bulk/k"), 0o755))
		first := d.at("bulk/k/0.txt")
		check(os.WriteFile(first, nil, 0o644))
		for i := range 100_000 {
			if os.Link(first, d.at(fmt.Sprintf("bulk/k/f%d.txt", i))) != nil { // the file system's limit of links
				first = d.at(fmt.Sprintf("bulk/k/f%d.txt", i))
				check(os.WriteFile(first, nil, 0o644))
			}
		}
	}})
	return rows
}
