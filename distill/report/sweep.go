package report

import "github.com/kdonnx/kdonnx/dataset"

// Sweep is what many settings of a training came to on held-out rows.
type Sweep struct {
	Title     string       `json:"title"`
	Method    string       `json:"method"` // in words
	Task      dataset.Task `json:"task,omitempty"`
	Measure   string       `json:"measure"` // accuracy, micro-F1 or R²
	Epochs    int          `json:"epochs"`
	Rungs     []int        `json:"rungs,omitempty"` // of halving: epochs after which cells were left behind, and the end
	Seeds     int          `json:"seeds"`
	JudgedOn  string       `json:"judged_on"`
	Rows      int          `json:"rows"` // that judge
	Axes      []SweepAxis  `json:"axes"`
	Teacher   *Number      `json:"teacher"`   // its value on the same rows; nil when it is not known
	Cells     []SweepCell  `json:"cells"`     // the best first
	Baselines []SweepCell  `json:"baselines"` // the same nets on hard labels, the best first
	Sizes     []SweepSize  `json:"sizes"`     // the best of each student beside its best baseline
	Sentences []string     `json:"sentences"` // what came out, in words
	Best      string       `json:"best"`      // recipe of the best cell, YAML; empty where none is good
	Command   string       `json:"command"`   // that follows it
	Notes     []string     `json:"notes"`
	Seconds   Number       `json:"seconds"` // of all trainings, one after the other
	WallS     Number       `json:"wall_s"`  // of this call
	Version   string       `json:"version"`
}

// SweepAxis is one key that varies.
type SweepAxis struct {
	Key    string   `json:"key"`
	Label  string   `json:"label"`            // for people
	Values []string `json:"values,omitempty"` // none of a range
}

// SweepSetting is the value of one key.
type SweepSetting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// SweepCell is one setting.
type SweepCell struct {
	Name      string          `json:"name"`
	Settings  []SweepSetting  `json:"settings"`
	Value     Number          `json:"value"`     // the measure, the mean over seeds; of a diverged one null
	SE        Number          `json:"se"`        // its standard error: of the rows, and of the seeds
	SD        Number          `json:"sd"`        // deviation over seeds, n − 1; 0 of one
	Loss      Number          `json:"loss"`      // on the same rows: −log softmax(z)_y, or RMSE of numbers
	Behind    Number          `json:"behind"`    // the best by so much
	BehindSE  Number          `json:"behind_se"` // standard error of that difference, paired by rows
	Within    bool            `json:"within"`    // the difference may be chance
	Params    int64           `json:"params"`
	FLOPs     int64           `json:"flops"`
	Epochs    int             `json:"epochs"` // that it trained
	Left      bool            `json:"left"`   // behind by halving
	Seconds   Number          `json:"seconds"`
	Diverged  string          `json:"diverged,omitempty"`
	Trainings []SweepTraining `json:"trainings"`
}

// SweepTraining is one net of a cell.
type SweepTraining struct {
	Seed   uint64 `json:"seed"`
	Value  Number `json:"value"`
	Loss   Number `json:"loss"`
	BestAt int    `json:"best_at"` // epoch that was judged
	Epochs int    `json:"epochs"`
}

// SweepSize is one architecture.
type SweepSize struct {
	Name     string  `json:"name"`
	Params   int64   `json:"params"`
	Student  Number  `json:"student"`
	Baseline *Number `json:"baseline"` // nil without one
	Gain     Number  `json:"gain"`
	GainSE   Number  `json:"gain_se"`
	Sentence string  `json:"sentence"`
}

// Remark is what there is to say in a word of the cell at a place among those of
// its role, 0 for the first.
func (c SweepCell) Remark(place int) string {
	switch {
	case c.Diverged != "":
		return "diverged"
	case c.Left:
		return "left behind"
	case place == 0:
		return "best"
	case c.Within:
		return "≈ best"
	}
	return ""
}

// Of is the setting of a key; empty where the cell has none.
func (c SweepCell) Of(key string) string {
	for _, s := range c.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
