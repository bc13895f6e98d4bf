package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/kdonnx/kdonnx/internal/durable"
)

// WriteSweep writes the page and the CSV of s; an empty name is not written.
func (f Files) WriteSweep(s *Sweep) error {
	if f.CSV != "" {
		if err := durable.WriteFile(durable.OS{}, f.CSV, s.CSV); err != nil {
			return err
		}
	}
	if f.HTML == "" {
		return nil
	}
	return WriteSweep(f.HTML, s)
}

// CSV writes one line a setting, the students first and the best first.
func (s *Sweep) CSV(to io.Writer) error {
	w := csv.NewWriter(to)
	head := []string{"role", "rank"}
	for _, a := range s.Axes {
		head = append(head, cell(a.Key))
	}
	name := map[string]string{"R²": "r2", "micro-F1": "micro_f1"}[s.Measure]
	if name == "" {
		name = "accuracy"
	}
	w.Write(append(head, name, "se", "sd", "loss", "behind", "behind_se", "within_noise", "params", "flops", "epochs", "left_by_halving", "seconds", "diverged"))
	for _, list := range []struct {
		role  role
		cells []SweepCell
	}{{studentRole, s.Cells}, {baselineRole, s.Baselines}} {
		for i, c := range list.cells {
			line := []string{string(list.role), strconv.Itoa(i + 1)}
			for _, a := range s.Axes {
				line = append(line, cell(c.Of(a.Key)))
			}
			for _, v := range []Number{c.Value, c.SE, c.SD, c.Loss, c.Behind, c.BehindSE} {
				line = append(line, inEight(v))
			}
			w.Write(append(line, strconv.FormatBool(c.Within), strconv.FormatInt(c.Params, 10), strconv.FormatInt(c.FLOPs, 10), strconv.Itoa(c.Epochs),
				strconv.FormatBool(c.Left), strconv.FormatFloat(float64(c.Seconds), 'f', 3, 64), cell(c.Diverged)))
		}
	}
	w.Flush()
	return w.Error()
}

// inEight is v in eight digits, empty where there is none.
func inEight(v Number) string {
	if !finite(float64(v)) {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', 8, 64)
}
