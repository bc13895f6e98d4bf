package main

import (
	"context"
	"fmt"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// experiment is one row of the table, or several.
type experiment struct {
	name  string // for -only, and of its files
	title string
	needs func(*lab) string // "" when its data are there, else what is missing
	run   func(context.Context, *lab) (*finding, error)
}

// finding is what an experiment came to, in Markdown.
type finding struct {
	Rows   []row    `json:"rows"`   // of the table at the top
	Text   []string `json:"text"`   // paragraphs
	Tables []table  `json:"tables"` // below them
	Plots  []plot   `json:"plots"`
}

// row is one line of the table at the top.
type row struct {
	What, Paper, Bar, Measured string
	Met                        verdict
}

// verdict is whether a bar was met.
type verdict string

const (
	met      verdict = "yes"
	missed   verdict = "**no**"
	reported verdict = "reported"
)

// judge is met or missed.
func judge(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// table is one of the document's, with a heading a column.
type table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// plot is a figure in a file of its own beside the document.
type plot struct {
	Name    string // of the file, without folder and extension
	Caption string
	SVG     string
}

// experiments in the order of the document.
var experiments = []experiment{
	{name: "teacher", title: "The teachers", needs: needsMNIST, run: teachers},
	{name: "students", title: "Soft targets instead of regularisation", needs: needsMNIST, run: students},
	{name: "grid", title: "Temperature and width", needs: needsMNIST, run: grid},
	{name: "weights", title: "Weights of the two losses", needs: needsMNIST, run: weights},
	{name: "losses", title: "Newer losses on the same task", needs: needsMNIST, run: losses},
	{name: "missing", title: "Classes that the student never saw", needs: needsMNIST, run: missingClasses},
	{name: "ensemble", title: "Ten nets distilled into one", needs: needsMNIST, run: ensemble},
	{name: "few", title: "Soft targets with 3 % of the data", needs: needsMNIST, run: fewRows},
	{name: "letter", title: "A forest distilled into a perceptron: UCI Letter", needs: needsLetter, run: letter},
	{name: "iris", title: "A forest distilled into a perceptron: Iris", needs: needsIris, run: iris},
	{name: "specialists", title: "A generalist and its specialists: UCI Letter", needs: needsLetter, run: letterSpecialists},
	{name: "characters", title: "A generalist and its specialists: the embedded characters", needs: needsNothing, run: characters},
}

func needsMNIST(l *lab) string  { return missing(l.mnist, "MNIST=folder") }
func needsLetter(l *lab) string { return missing(l.letter, "LETTER=file") }
func needsIris(l *lab) string   { return missing(l.iris, "IRIS=file") }

func needsNothing(*lab) string { return "" }

func missing(path, how string) string {
	if path == "" {
		return how
	}
	return ""
}

// errorsOf are the test errors of cells.
func errorsOf(cells []cell) []float64 {
	list := make([]float64, len(cells))
	for i, c := range cells {
		list[i] = float64(c.Errors)
	}
	return list
}

// spread is mean ± standard deviation (n−1), or the one value.
func spread(x []float64) string {
	if len(x) == 1 {
		return fmt.Sprintf("%.0f", x[0])
	}
	mean, sd := stat.MeanStdDev(x, nil)
	return fmt.Sprintf("%.1f ± %.1f", mean, sd)
}

// each prints every value.
func each(x []float64) string {
	list := make([]string, len(x))
	for i, v := range x {
		list[i] = fmt.Sprint(v)
	}
	return strings.Join(list, ", ")
}

// paired is the mean of a−b over seeds with the half width of its 95 % interval.
func paired(a, b []float64) (mean, half float64) {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	t := metrics.PairedT(d)
	return t.Mean, (t.High - t.Low) / 2
}
