package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/report"
)

// printCandidates shows nets within a budget: what each costs, and where they
// were compared, how it did after so many epochs.
func printCandidates(w io.Writer, list []report.Candidate, task dataset.Task) {
	timed, tried, longest := false, false, 0
	for _, c := range list {
		longest = max(longest, len(c.Arch))
		timed, tried = timed || c.Latency > 0, tried || c.Epochs > 0
	}
	columns := []string{"", "parameters", "bytes", "FLOPs"}
	if timed {
		columns = append(columns, "latency")
	}
	if tried {
		measure := "accuracy"
		switch task {
		case dataset.MultiLabel:
			measure = "micro-F1"
		case dataset.Regression:
			measure = "R²"
		}
		columns = append(columns, "epochs", "validation "+measure)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "%s\t\t\n", strings.Join(columns, "\t"))
	for _, c := range list {
		cells := []string{fmt.Sprintf("%-*s", longest, c.Arch), fmt.Sprint(c.Params), fmt.Sprint(c.Bytes), fmt.Sprint(c.FLOPs)}
		if timed {
			cells = append(cells, fmt.Sprintf("%.1f us", float64(c.Latency)/float64(time.Microsecond)))
		}
		if tried {
			score := fmt.Sprintf("%.4f", c.Score)
			switch {
			case c.Diverged:
				score = "diverged"
			case c.Epochs == 0:
				score = "-"
			case task != dataset.Regression:
				score = fmt.Sprintf("%.2f %%", 100*c.Score)
			}
			cells = append(cells, fmt.Sprint(c.Epochs), score)
		}
		mark := ""
		if c.Chosen {
			mark = "chosen"
		}
		fmt.Fprintf(tw, "%s\t%s\t\n", strings.Join(cells, "\t"), mark)
	}
	tw.Flush()
}
