package hostile

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// table is where the outcome table is written; empty: nowhere.
var table = flag.String("table", "", "write the table of outcomes to this file")

// wanted are the rows of the list of faults that must have cases here.
var wanted = strings.Fields(`
	F-01 F-02 F-03 F-04 F-05 F-08 F-09 F-11 F-12 F-13 F-14 F-16 F-17 F-18
	F-20 F-21 F-22 F-23 F-27 F-28 F-29 F-30 F-32 F-33 F-34 F-35 F-37 F-39 F-40
	F-41 F-42 F-43 F-44 F-46 F-47 F-49 F-50 F-51 F-52
	F-53 F-54 F-56 F-57 F-58 F-60 F-61 F-62 F-63 F-64 F-65 F-67 F-68 F-69`)

// manifest is every case, in the order of the list.
var manifest = sync.OnceValue(func() []row {
	rows := slices.Concat(modelRows(), bulkRows(), externalRows(), weightRows(), teacherRows(), processRows(), libraryRows(),
		arrayRows(), archiveRows(), imageRows(), tableRows(), jsonRows(), parquetRows(), idxRows(), cifarRows(), wavRows(), npyDirRows(), datasetRows(), folderRows(), settingRows(), sweepRows(), specialistRows())
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.id, b.id) })
	return rows
})

// TestManifest runs every case through the program.
func TestManifest(t *testing.T) {
	rows := manifest()
	outcomes := make([]outcome, len(rows))
	passed := make([]bool, len(rows))
	for i, r := range rows {
		t.Run(r.id+" "+r.name, func(t *testing.T) {
			t.Parallel()
			outcomes[i] = r.run(t)
			passed[i] = !t.Failed()
		})
	}
	t.Cleanup(func() { // after the cases, which run beside one another
		text := report(rows, outcomes, passed)
		t.Log("\n" + text)
		t.Log(costs(rows, outcomes))
		if *table != "" {
			if err := os.WriteFile(*table, []byte(text), 0o644); err != nil {
				t.Error(err)
			}
		}
	})
	for _, id := range wanted {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) {
			t.Errorf("%s has no case", id)
		}
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if !slices.Contains(wanted, r.id) {
			t.Errorf("%s %s: no such row", r.id, r.name)
		}
		if seen[r.id+r.name] {
			t.Errorf("%s %s: twice", r.id, r.name)
		}
		seen[r.id+r.name] = true
	}
}

// costs is the processor time of the runs, and which take the most of it.
func costs(rows []row, outcomes []outcome) string {
	order := make([]int, len(rows))
	all := time.Duration(0)
	for i := range rows {
		order[i] = i
		all += outcomes[i].CPU
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(outcomes[b].CPU, outcomes[a].CPU) })
	text := fmt.Sprintf("%.1f s of processor time in %d runs, most in", all.Seconds(), len(rows))
	for _, i := range order[:min(5, len(order))] {
		text += fmt.Sprintf(" %s %s (%.1f s)", rows[i].id, rows[i].name, outcomes[i].CPU.Seconds())
	}
	return text
}

// TestTable holds that the table in docs lists the cases that are run.
func TestTable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "hostile.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range manifest() {
		if !strings.Contains(string(data), "| "+r.id+" | "+cell(r.name)+" |") {
			t.Errorf("docs/hostile.md lacks %s %s: make hostile", r.id, r.name)
		}
	}
}

// report is the table of outcomes, without what differs from run to run.
func report(rows []row, outcomes []outcome, passed []bool) string {
	var b strings.Builder
	good := 0
	for _, p := range passed {
		if p {
			good++
		}
	}
	fmt.Fprintf(&b, "# Hostile inputs\n\nWritten by `make hostile`: %d cases, %d kept the contract.\n\n", len(rows), good)
	b.WriteString(`Each case is a folder made anew, in which the command was run. Held for all: the exit code; one line of error, last
on stderr, that names the file; no stack trace; no character that a terminal obeys; no process left behind; every file that
was there as it was, and no new one; at most 5 s of processor time and 64 MiB above a good run of the same command, where
the manifest grants no more. Exit codes: 0 done, 3 bad input, 4 I/O, 5 teacher process, 6 diverged, 7 parity, 8 integrity, 64 usage.

| row | case | command | exit | what it says |
|---|---|---|---|---|
`)
	for i, r := range rows {
		o, verdict := outcomes[i], ""
		if !passed[i] {
			verdict = " **broken**"
		}
		said := o.line()
		if o.Code == 0 {
			said = ""
			if found := regexp.MustCompile(r.says).FindString(o.stdout + o.stderr); r.says != "" {
				said = found
			}
		}
		code := fmt.Sprint(o.Code)
		if r.varies || r.during != nil {
			said, code = "", strings.Trim(fmt.Sprint(r.exit), "[]")
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s%s | %s |\n", r.id, cell(r.name), r.args, code, verdict, cell(stable(said)))
	}
	return b.String()
}

// changing are the parts of a message that differ from run to run.
var changing = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`/[^ "]*/\d{3}/`), ""},
	{regexp.MustCompile(`/[^ "]*/(libonnxruntime|kdonnx-hostile)`), "…/$1"},
	{regexp.MustCompile(`[0-9a-f]{40,}`), "…"},
	{regexp.MustCompile(`memory of \d+ MiB`), "memory of … MiB"},
}

// stable is a message without its changing parts, cut to one cell.
func stable(said string) string {
	said = strings.TrimPrefix(said, "kdonnx: ")
	for _, c := range changing {
		said = c.what.ReplaceAllString(said, c.by)
	}
	if r := []rune(said); len(r) > 110 {
		said = string(r[:110]) + "…"
	}
	return said
}

// cell is text that Markdown takes for itself.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`).Replace(s)
}
