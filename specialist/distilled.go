package specialist

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// Distilled is what Distil came to, on the test rows. Generalist, Ensemble and
// Gain are nil where none of these has a label.
type Distilled struct {
	Teacher    string          `json:"teacher"` // the bundle in one file
	TestRows   string          `json:"test_rows"`
	Generalist *metrics.Result `json:"generalist"` // alone
	Ensemble   *metrics.Result `json:"ensemble"`   // with its specialists
	Gain       *metrics.Paired `json:"gain"`       // the generalist (A) against the ensemble (B), row by row
	Students   []*Back         `json:"students"`
	WallS      float64         `json:"wall_s"` // of this call
}

// Back is a student that generalist and specialists were distilled back into.
type Back struct {
	Arch           string          `json:"architecture"`
	Params         int64           `json:"params"`
	FLOPs          int64           `json:"flops"`
	Student        *metrics.Result `json:"student"`
	Control        *metrics.Result `json:"control"`         // the same net, start, loss, steps and rows, taught by the generalist alone
	AgainstControl metrics.Paired  `json:"against_control"` // the control (A) against the student (B), row by row
	Hard           *metrics.Result `json:"baseline"`        // on hard labels; nil without
	AgainstHard    *metrics.Paired `json:"against_baseline"`
	Kept           *float64        `json:"kept"` // share of the ensemble's gain over the generalist; nil where there is none to keep
	Verdict        string          `json:"verdict"`
	Parity         *report.Parity  `json:"parity"`
	Files          distill.Files   `json:"files"`
}

// evaluated takes over what generalist and ensemble came to.
func (r *Distilled) evaluated(v *Evaluation) {
	r.Generalist, r.Ensemble = bare(v.Generalist), bare(v.Ensemble)
	r.Gain = &metrics.Paired{Rows: v.Paired.Rows, OnlyA: v.Paired.OnlyB, OnlyB: v.Paired.OnlyA, P: v.Paired.P}
}

// judge says what share of the gain the student keeps,
//
//	(errors of the generalist − errors of the student) / (errors of the generalist − errors of the ensemble),
//
// and whether that is more than the control has.
func (s *Back) judge(r *Distilled) {
	if r.Gain == nil {
		s.Verdict = "No verdict: no test row has a label."
		return
	}
	alone, together, p := r.Generalist.Errors, r.Ensemble.Errors, s.AgainstControl
	if gain := alone - together; gain > 0 {
		kept := float64(alone-s.Student.Errors) / float64(gain)
		s.Kept = &kept
		s.Verdict = fmt.Sprintf("Keeps %.0f %% of the gain of %d errors", 100*kept, gain)
		if r.Gain.P >= report.Significance {
			s.Verdict += fmt.Sprintf(", which may be chance itself (McNemar P = %.2g)", r.Gain.P)
		}
	} else {
		s.Verdict = fmt.Sprintf("No gain to keep: the generalist makes %d errors with its specialists and %d without", together, alone)
	}
	s.Verdict += "; "
	switch fewer := s.Control.Errors - s.Student.Errors; {
	case p.P >= report.Significance:
		s.Verdict += fmt.Sprintf("what the specialists teach is within chance: %d errors, %d of the same student taught by the generalist alone (McNemar P = %.2g).", s.Student.Errors, s.Control.Errors, p.P)
	case fewer > 0:
		s.Verdict += fmt.Sprintf("the specialists teach something: %d errors fewer than the same student taught by the generalist alone (McNemar P = %.2g).", fewer, p.P)
	default:
		s.Verdict += fmt.Sprintf("the specialists mislead: %d errors more than the same student taught by the generalist alone (McNemar P = %.2g).", -fewer, p.P)
	}
}

// Table prints generalist, ensemble and students for people.
func (r *Distilled) Table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\taccuracy\terrors\tlog loss\tECE\tparameters\tof the gain kept\t")
	line := func(name string, s *metrics.Result, params int64, kept *float64) {
		if s == nil {
			return
		}
		size, share := "", ""
		if params > 0 {
			size = fmt.Sprint(params)
		}
		if kept != nil {
			share = fmt.Sprintf("%.0f %%", 100**kept)
		}
		if s.Labelled == 0 {
			fmt.Fprintf(tw, "%s\t-\t-\t-\t-\t%s\t%s\t\n", name, size, share)
			return
		}
		fmt.Fprintf(tw, "%s\t%.2f %%\t%d of %d\t%.4f\t%.4f\t%s\t%s\t\n", name, 100*s.Accuracy, s.Errors, s.Labelled, s.NLL, s.ECE, size, share)
	}
	line("generalist", r.Generalist, 0, nil)
	line("with its specialists", r.Ensemble, 0, nil)
	for _, s := range r.Students {
		line(s.Arch, s.Student, s.Params, s.Kept)
		line("taught by the generalist alone", s.Control, s.Params, nil)
		line("on hard labels", s.Hard, s.Params, nil)
	}
	return tw.Flush()
}

// bare is r without its lists.
func bare(r metrics.Result) *metrics.Result {
	r.Bins, r.Confusion, r.PerClass = nil, nil, nil
	return &r
}
