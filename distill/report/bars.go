package report

import (
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// barChart compares the three models in one number; bars start at 0.
type barChart struct {
	ID, Title, Note, Alt string
	W, H                 px
	Bars                 []bar
}

type bar struct {
	Role       role
	Name       string
	Y, X, W    px // the bar, 18 high
	TextY      px
	ValueX     px
	Value      string
	Background px // width of the track
}

// model is one of the three blocks that the run has.
type model struct {
	Role  role
	Label string
	*Block
}

// modelsOf are the models that the run has, in the order of the page.
func modelsOf(r *Report) []model {
	var list []model
	for _, m := range []model{{teacherRole, "teacher", r.Teacher}, {baselineRole, "baseline", r.Baseline}, {studentRole, "student", r.Student}} {
		if m.Block != nil {
			list = append(list, m)
		}
	}
	return list
}

// newBarChart is nil when fewer than two models have the number: get gives it
// and its text, and false when the model does not have it.
func newBarChart(title, note string, models []model, get func(*Block) (float64, string, bool)) *barChart {
	const left, full, row = 66, 136, 30
	c := &barChart{Title: title, Note: note, W: 310}
	values, top := []float64{}, 0.0
	c.Alt = title
	for _, m := range models {
		v, text, ok := get(m.Block)
		if !ok || !finite(v) || v < 0 {
			continue
		}
		values = append(values, v)
		top = max(top, v)
		y := px(4 + row*len(c.Bars))
		c.Bars = append(c.Bars, bar{Role: m.Role, Name: m.Label, X: left, Y: y, TextY: y + 13, Value: text, Background: full})
		c.Alt += fmt.Sprintf("; %s %s", m.Label, text)
	}
	if len(values) < 2 {
		return nil
	}
	for i, v := range values {
		if top > 0 {
			c.Bars[i].W = px(full * v / top)
		}
		if v > 0 && c.Bars[i].W < 1 {
			c.Bars[i].W = 1
		}
		c.Bars[i].ValueX = left + c.Bars[i].W + 7
	}
	c.H = px(row*len(c.Bars) + 2)
	return c
}

// comparisons are the bar charts of a run.
func comparisons(models []model) []*barChart {
	var all []*barChart
	add := func(c *barChart) {
		if c != nil {
			c.ID = fmt.Sprintf("bars%d", len(all)+1)
			all = append(all, c)
		}
	}
	add(newBarChart("Errors", "fewer is better", models, func(b *Block) (float64, string, bool) {
		return float64(b.Errors), fmt.Sprintf("%s (%s)", thousands(int64(b.Errors)), percent(b.Accuracy, 2)), b.Labelled > 0 && b.Task == dataset.MultiClass
	}))
	add(newBarChart("Rows with a wrong label", "fewer is better", models, func(b *Block) (float64, string, bool) {
		return float64(b.Errors), fmt.Sprintf("%s (%s right)", thousands(int64(b.Errors)), percent(b.Accuracy, 2)), b.Labelled > 0 && b.Task == dataset.MultiLabel
	}))
	add(newBarChart("Calibration error", "ECE, smaller is better", models, func(b *Block) (float64, string, bool) {
		return b.ECE, percent(b.ECE, 2), b.Labelled > 0 && b.Task != dataset.Regression
	}))
	for _, c := range []struct {
		name string
		get  func(metrics.NumberScores) float64
	}{{"Root mean squared error", func(s metrics.NumberScores) float64 { return s.RMSE }}, {"Mean absolute error", func(s metrics.NumberScores) float64 { return s.MAE }}} {
		add(newBarChart(c.name, "smaller is better", models, func(b *Block) (float64, string, bool) {
			if b.Regression == nil {
				return 0, "", false
			}
			return c.get(b.NumberScores), general(c.get(b.NumberScores)), b.Labelled > 0
		}))
	}
	add(newBarChart("Parameters", "trainable values", models, func(b *Block) (float64, string, bool) {
		return float64(b.Params), count(b.Params), b.Params > 0
	}))
	add(newBarChart("File size", "of the .onnx file", models, func(b *Block) (float64, string, bool) {
		return float64(b.Bytes), size(b.Bytes), b.Bytes > 0
	}))
	add(newBarChart("Work for one row", "floating-point operations", models, func(b *Block) (float64, string, bool) {
		return float64(b.FLOPs), count(b.FLOPs), b.FLOPs > 0
	}))
	add(newBarChart("Latency of one row", "median", models, func(b *Block) (float64, string, bool) {
		return float64(b.LatencyMS), seconds(float64(b.LatencyMS) / 1000), b.LatencyMS > 0
	}))
	return all
}
