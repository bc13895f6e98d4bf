package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// maxRuns is the largest number of runs that are compared.
const maxRuns = 200

func newReport(a *app) *cobra.Command {
	var (
		to     report.Files
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "Rebuild a run's report, or compare several runs",
		Long: `Reads the metrics.json of runs: RUN is one, or a folder that holds one. Of one run it
writes report.html and report.csv again, byte for byte. Several go on one page,
comparison.html, with comparison.csv: what the students come to, what they cost, their
courses one over another, and the settings that differ. Runs that were judged on other
rows, or are of another task, are not compared: the page says so. RUN may also be what
sweep, specialist run or specialist eval --report left: its page and CSV are written
again.`,
		Example: `  kdonnx report out/
  kdonnx report runs/t1/ runs/t4/ runs/t20/ -o compared.html
  kdonnx report runs/*/metrics.json --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("report: missing RUN, expected a metrics.json or a folder that holds one (see --help)")
			}
			if len(args) > maxRuns {
				return usage("report: got %d runs, expected at most %d", len(args), maxRuns)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if file, ok := report.FindSpecialists(args[0]); ok && len(args) == 1 {
				return a.rebuildSpecialists(file, to, asJSON)
			}
			if file, ok := report.FindSweep(args[0]); ok && len(args) == 1 {
				return a.rebuildSweep(file, to, asJSON)
			}
			runs, err := readRuns(args)
			if err != nil {
				return err
			}
			name, dir := "report", filepath.Dir(report.Find(args[0]))
			if len(runs) > 1 {
				name, dir = "comparison", "."
			}
			if to.HTML == "" {
				to.HTML = filepath.Join(dir, name+".html")
			}
			if to.CSV == "" {
				to.CSV = filepath.Join(filepath.Dir(to.HTML), name+".csv")
			}
			if err := outputsOfReport(to, args); err != nil {
				return err
			}
			if len(runs) == 1 {
				return a.rebuild(runs[0].Report, to, asJSON)
			}
			return a.compare(report.Compare(runs), to, asJSON)
		},
	}
	cmd.Flags().StringVarP(&to.HTML, "output", "o", "", "HTML page (default: report.html beside the run's metrics, of several runs comparison.html here)")
	cmd.Flags().StringVar(&to.CSV, "csv", "", "CSV of everything that is shown (default: report.csv or comparison.csv beside the page)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// readRuns reads the metrics of every run, none twice.
func readRuns(args []string) ([]report.Named, error) {
	var runs []report.Named
	var seen []os.FileInfo
	for _, arg := range args {
		if _, ok := report.FindSweep(arg); ok {
			return nil, usage("report: %s is a sweep, whose page compares its settings: expected it alone, or runs", arg)
		}
		path := report.Find(arg)
		r, err := report.Read(path)
		if err != nil {
			return nil, err
		}
		st, err := os.Stat(path)
		if err == nil && slices.ContainsFunc(seen, func(s os.FileInfo) bool { return os.SameFile(s, st) }) {
			return nil, usage("report: %s is given twice", path)
		}
		seen = append(seen, st)
		runs = append(runs, report.Named{Name: filepath.Clean(arg), Report: r})
	}
	return runs, nil
}

// outputsOfReport refuses outputs that cannot be written, that are one file, or
// that are read.
func outputsOfReport(to report.Files, args []string) error {
	if filepath.Clean(to.HTML) == filepath.Clean(to.CSV) {
		return fault.New(fault.Usage, to.CSV, "--csv", "the file is two outputs, -o too, expected another file")
	}
	for flag, path := range map[string]string{"-o": to.HTML, "--csv": to.CSV} {
		for _, arg := range args {
			there, err := os.Stat(path)
			read, err2 := os.Stat(report.Find(arg))
			if err == nil && err2 == nil && os.SameFile(there, read) {
				return fault.New(fault.Usage, path, flag, "the output is a run's metrics, expected another file")
			}
		}
		if err := durable.Writable(path); err != nil {
			return err
		}
	}
	return nil
}

// rebuild writes the page of one run and says what it came to.
func (a *app) rebuild(r *report.Report, to report.Files, asJSON bool) error {
	if err := to.Write(r); err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, r)
	}
	fmt.Fprintf(a.out, "%s\n\n", fault.Printable(r.Title))
	if err := (&distill.Result{Report: *r}).Table(a.out); err != nil {
		return err
	}
	if s := r.Verdict.Sentence; s != "" {
		fmt.Fprintf(a.out, "\n%s\n", fault.Printable(strings.ReplaceAll(s, "\u00a0", " ")))
	}
	a.reported(to)
	return nil
}

// rebuildSweep writes the page and the table of a sweep again from its JSON,
// beside it unless to says otherwise.
func (a *app) rebuildSweep(file string, to report.Files, asJSON bool) error {
	s, err := report.ReadSweep(file)
	if err != nil {
		return err
	}
	to = besideJSON(to, file)
	if err := outputsOfReport(to, []string{file}); err != nil {
		return err
	}
	if err := to.WriteSweep(s); err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, s)
	}
	fmt.Fprintf(a.out, "%s\n\n", fault.Printable(s.Title))
	for _, line := range s.Sentences {
		fmt.Fprintln(a.out, fault.Printable(line))
	}
	a.reported(to)
	return nil
}

// besideJSON gives to the names of file, a JSON, where it has none.
func besideJSON(to report.Files, file string) report.Files {
	if to.HTML == "" {
		to.HTML = strings.TrimSuffix(file, filepath.Ext(file)) + ".html"
	}
	if to.CSV == "" {
		to.CSV = strings.TrimSuffix(to.HTML, filepath.Ext(to.HTML)) + ".csv"
	}
	return to
}

// rebuildSpecialists writes the page of specialists again from its JSON, beside
// it and under its name unless to says otherwise.
func (a *app) rebuildSpecialists(file string, to report.Files, asJSON bool) error {
	s, err := report.ReadSpecialists(file)
	if err != nil {
		return err
	}
	to = besideJSON(to, file)
	if err := outputsOfReport(to, []string{file}); err != nil {
		return err
	}
	if err := to.WriteSpecialists(s); err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, s)
	}
	fmt.Fprintf(a.out, "%s\n\n%s\n", fault.Printable(s.Title), fault.Printable(strings.ReplaceAll(s.Verdict.Sentence, "\u00a0", " ")))
	a.reported(to)
	return nil
}

// compare writes the page of several runs and their table.
func (a *app) compare(c *report.Comparison, to report.Files, asJSON bool) error {
	page, err := c.HTML()
	if err != nil {
		return fault.New(fault.IO, to.HTML, "", "cannot render: %w", err)
	}
	if err := durable.Write(to.HTML, page); err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS{}, to.CSV, func(w io.Writer) error { return c.CSV(w) }); err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, c)
	}
	if err := c.Text(a.out); err != nil {
		return err
	}
	a.reported(to)
	return nil
}

func (a *app) reported(to report.Files) {
	fmt.Fprintf(a.out, "\nreport  %s\ncsv     %s\n", to.HTML, to.CSV)
}
