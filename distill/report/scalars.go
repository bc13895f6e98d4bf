package report

import "github.com/kdonnx/kdonnx/dataset"

// Scalar is one number of an epoch by name, such as loss/soft.
type Scalar struct {
	Name  string
	Value Number
}

// Scalars are the numbers of an epoch in a fixed order: what streams, event
// files and CSV have of it. A number that an epoch lacks is left out.
func (e Epoch) Scalars() []Scalar {
	s := []Scalar{{"loss/total", e.Train.Total}, {"loss/soft", e.Train.Soft}, {"loss/hard", e.Train.Hard}}
	if e.Train.Hint != 0 {
		s = append(s, Scalar{"loss/hint", e.Train.Hint})
	}
	for _, g := range []Scalar{{"gradient/soft", e.Train.SoftGradient}, {"gradient/hard", e.Train.HardGradient}} {
		if g.Value != 0 { // of a term that is not there
			s = append(s, g)
		}
	}
	if w := e.Weights; w != nil {
		s = append(s, Scalar{"weight/temperature", w.Temperature}, Scalar{"weight/alpha", w.Alpha}, Scalar{"weight/beta", w.Beta})
	}
	if e.Val != nil {
		s = append(s, Scalar{"val/" + metricKey(e.Val.Metric), e.Val.Accuracy}, Scalar{"val/loss", e.Val.Loss})
	}
	return append(s, Scalar{"lr", e.LR})
}

// metricKey is a metric's name as a key.
func metricKey(metric string) string {
	switch metric {
	case "micro-F1":
		return "micro_f1"
	case "R²":
		return "r2"
	}
	return "accuracy"
}

// Scores are the numbers of a model on the rows that it is judged on, and its
// size, by the names that they have in metrics.json. What is not known is left
// out.
func (b *Block) Scores() []Scalar {
	var s []Scalar
	add := func(is bool, name string, v Number) {
		if is {
			s = append(s, Scalar{name, v})
		}
	}
	labelled, compared := b.Labelled > 0, b.Compared > 0
	add(true, "n", Number(b.N))
	add(true, "labelled", Number(b.Labelled))
	add(b.Task != dataset.Regression && labelled, "errors", Number(b.Errors))
	add(b.Task != dataset.Regression && labelled, "accuracy", Number(b.Accuracy))
	if b.MultiLabel != nil && labelled {
		add(true, "label_accuracy", Number(b.LabelAccuracy))
		add(true, "micro_f1", Number(b.MicroF1))
		add(true, "macro_f1", Number(b.MacroF1))
		if b.MAP != nil {
			add(true, "map", Number(*b.MAP))
		}
	}
	if b.Regression != nil {
		add(labelled, "rmse", Number(b.RMSE))
		add(labelled, "mae", Number(b.MAE))
		add(labelled, "r2", Number(b.R2))
		add(compared, "teacher_rmse", Number(b.TeacherRMSE))
	}
	add(compared, "agreement", Number(b.Agreement))
	add(b.Task != dataset.Regression && labelled, "ece", Number(b.ECE))
	add(b.Task != dataset.Regression && labelled, "nll", Number(b.NLL))
	add(b.Params > 0, "params", Number(b.Params))
	add(b.Bytes > 0, "bytes", Number(b.Bytes))
	add(b.FLOPs > 0, "flops", Number(b.FLOPs))
	add(b.LatencyMS > 0, "latency_ms", b.LatencyMS)
	return s
}
