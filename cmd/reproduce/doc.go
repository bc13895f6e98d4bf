package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/internal/durable"
)

// keep stores what an experiment found.
func (l *lab) keep(name string, f *finding) error {
	data, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(l.out, "findings", name+".json"), data)
}

// write makes the document of all that was found so far.
func (l *lab) write(path string) error {
	var top, below strings.Builder
	var lacking []string
	for _, e := range experiments {
		data, err := os.ReadFile(filepath.Join(l.out, "findings", e.name+".json"))
		if err != nil {
			lacking = append(lacking, fmt.Sprintf("%s (`-only %s`)", e.title, e.name))
			continue
		}
		var f finding
		if err := json.Unmarshal(data, &f); err != nil {
			return err
		}
		for _, r := range f.Rows {
			fmt.Fprintf(&top, "| %s | %s | %s | %s | %s |\n", r.What, r.Paper, r.Bar, r.Measured, r.Met)
		}
		fmt.Fprintf(&below, "\n## %s\n", e.title)
		for _, p := range f.Text {
			fmt.Fprintf(&below, "\n%s\n", p)
		}
		for _, t := range f.Tables {
			below.WriteString("\n" + t.markdown())
		}
		for _, p := range f.Plots {
			name := "reproduction-" + p.Name + ".svg"
			if err := durable.Write(filepath.Join(filepath.Dir(path), name), []byte(p.SVG)); err != nil {
				return err
			}
			fmt.Fprintf(&below, "\n![%s](%s)\n", p.Caption, name)
		}
	}
	if len(lacking) > 0 {
		fmt.Fprintf(&below, "\n## Not run yet\n\n%s.\n", strings.Join(lacking, "; "))
	}
	return durable.Write(path, []byte(intro+"\n| experiment | paper | bar | measured | met |\n|---|---|---|---|---|\n"+top.String()+below.String()))
}

// intro is what stands above the table.
const intro = `# The experiments of the paper, again

What "Distilling the Knowledge in a Neural Network" (Hinton, Vinyals and Dean 2015, arXiv 1503.02531) reports, run by kdonnx on MNIST from
the recipes in [recipes/paper](../recipes/paper), and what was asked beside it. ` + "`make reproduce MNIST=folder`" + ` wrote this file; it goes on
where it stopped. Errors are of the 10,000 test rows; ± is the standard deviation over seeds. No training sees them and no epoch is kept by them,
but whoever wrote the recipes did: a handful of learning rates, decays and dropout ratios were tried, and the best stayed.
`

func (t table) markdown() string {
	var b strings.Builder
	if t.Caption != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Caption)
	}
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.Head, " | "), strings.Repeat("---|", len(t.Head)))
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	return b.String()
}
