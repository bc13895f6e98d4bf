package distill

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
)

// Recipe says everything that a run depends on. The command line's flags and
// the keys of a recipe.yaml are these fields; the zero value is not usable,
// start from Default.
type Recipe struct {
	Teacher    TeacherRecipe    `yaml:"teacher" json:"teacher"`
	Data       DataRecipe       `yaml:"data" json:"data"`
	Student    StudentRecipe    `yaml:"student" json:"student"`
	Loss       LossRecipe       `yaml:"loss" json:"loss"`
	Train      TrainRecipe      `yaml:"train" json:"train"`
	Output     OutputRecipe     `yaml:"output" json:"output"`
	Sweep      SweepRecipe      `yaml:"sweep" json:"sweep,omitzero"`           // what kdonnx sweep tries
	Specialist SpecialistRecipe `yaml:"specialist" json:"specialist,omitzero"` // what kdonnx specialist run does
}

// DataRecipe names the rows.
type DataRecipe struct {
	Train      string  `yaml:"train" json:"train"`                     // labelled rows of the transfer set, or "embedded"
	Unlabelled string  `yaml:"unlabelled" json:"unlabelled"`           // further rows whose labels, if any, are not used
	Val        string  `yaml:"val" json:"val"`                         // held-out rows that choose the best epoch; empty: split from Train
	Test       string  `yaml:"test" json:"test"`                       // rows the result is judged on; empty: the test split beside Train, else a fifth of Train
	Label      string  `yaml:"label" json:"label"`                     // label column of a table, by name or position; several between commas
	Task       string  `yaml:"task" json:"task"`                       // what the labels are, see dataset.Tasks; empty: detected
	LabelMap   string  `yaml:"label_map" json:"label_map"`             // names of the classes, as dataset.ParseLabelMap reads it; empty: labels as they are written
	Columns    string  `yaml:"columns" json:"columns"`                 // what columns of a table are, as dataset.ParseColumns reads it; empty: what they look like
	ValSplit   float64 `yaml:"val_split" json:"val_split"`             // fraction of Train held out, stratified
	Labelled   int     `yaml:"labelled" json:"labelled"`               // keep this many labels of Train, stratified; 0: all
	Limit      int     `yaml:"limit" json:"limit"`                     // use this many rows of Train; 0: all
	Synthetic  int     `yaml:"synthetic" json:"synthetic"`             // further unlabelled rows that are made of the training rows; 0: none
	Synthesis  string  `yaml:"synthesis" json:"synthesis"`             // how, as dataset.ParseSynthesis reads it; empty: munge, or mixup of images
	SkipBad    bool    `yaml:"skip_bad" json:"skip_bad"`               // leave out images that cannot be read instead of stopping
	SplitSeed  *uint64 `yaml:"split_seed" json:"split_seed,omitempty"` // of what is drawn of the rows: splits, limits, labels that are kept; nil: train.seed

	Without []string `yaml:"without,omitempty" json:"without,omitempty"` // classes whose rows are left out of Train and Val; the test rows keep them
	Only    []string `yaml:"only,omitempty" json:"only,omitempty"`       // or those that alone are kept
}

// StudentRecipe names the architecture, or the file to fine-tune.
type StudentRecipe struct {
	Arch   string   `yaml:"arch" json:"arch"`             // e.g. mlp:800,800, or an .onnx file that ends in .onnx; auto: mlp:256,128, or within a budget the family mlp
	Prep   string   `yaml:"preprocess" json:"preprocess"` // raw rows to input; empty: the teacher's layout and size, bytes to 0..1, tables to mean 0 and std 1; of a file: detected
	Freeze []string `yaml:"freeze" json:"freeze"`         // shell patterns of parameters that are not trained

	// Bounds on what the student may cost, as Budget reads them; of a family
	// without sizes, such as mlp, the best net within them is searched.
	BudgetParams  string        `yaml:"budget_params" json:"budget_params"`   // e.g. 100k; empty: none
	BudgetBytes   string        `yaml:"budget_bytes" json:"budget_bytes"`     // of the .onnx file, e.g. 400kB; empty: none
	BudgetFLOPs   string        `yaml:"budget_flops" json:"budget_flops"`     // of one row, e.g. 20M; empty: none
	BudgetLatency time.Duration `yaml:"budget_latency" json:"budget_latency"` // of one row in ONNX Runtime; 0: none
}

// TrainRecipe is the optimisation, the same for student and baseline.
type TrainRecipe struct {
	Epochs      int      `yaml:"epochs" json:"epochs"`
	Batch       int      `yaml:"batch" json:"batch"`
	Optimizer   string   `yaml:"optimizer" json:"optimizer"` // see optim.List
	LR          float64  `yaml:"lr" json:"lr"`               // peak learning rate
	Momentum    float64  `yaml:"momentum" json:"momentum"`   // of sgd and nesterov
	Beta1       float64  `yaml:"beta1" json:"beta1"`         // of adam, adamw, lamb and lion; 0: the optimiser's own
	Beta2       float64  `yaml:"beta2" json:"beta2"`         // as beta1
	WeightDecay float64  `yaml:"weight_decay" json:"weight_decay"`
	Decay       []string `yaml:"decay" json:"decay"`           // shell patterns of parameters that decay, "!" before one against; empty: those of rank 2 or more
	Schedule    string   `yaml:"schedule" json:"schedule"`     // see optim.Schedules
	Warmup      int      `yaml:"warmup" json:"warmup"`         // steps of linear warm-up
	Clip        float64  `yaml:"clip" json:"clip"`             // largest global gradient norm; 0: none
	ClipValue   float64  `yaml:"clip_value" json:"clip_value"` // largest magnitude of a gradient's value; 0: none
	MaxNorm     float64  `yaml:"max_norm" json:"max_norm"`     // largest norm of a unit's incoming weights; 0: none
	EMA         float64  `yaml:"ema" json:"ema"`               // decay of the moving average of the weights that is kept; 0: none
	Accumulate  int      `yaml:"accumulate" json:"accumulate"` // passes that each step's batch is cut into, for less memory
	Patience    int      `yaml:"patience" json:"patience"`     // stop after this many epochs without a better one; 0: never
	Augment     string   `yaml:"augment" json:"augment"`       // how training varies its rows, as dataset.ParseAugment reads it; empty: not
	Seed        uint64   `yaml:"seed" json:"seed"`
	Seeds       int      `yaml:"seeds" json:"seeds"`                           // train with so many seeds, Seed and those after it; splits of rows are those of Seed
	Parallel    int      `yaml:"parallel,omitempty" json:"parallel,omitempty"` // trainings at once, of roles and seeds; 0: one a core
	NoBaseline  bool     `yaml:"no_baseline" json:"no_baseline"`
}

// OutputRecipe names the files that a run leaves.
type OutputRecipe struct {
	Model       string `yaml:"model" json:"model"`             // student.onnx
	Report      string `yaml:"report" json:"report"`           // HTML; empty: report.html beside the model
	Metrics     string `yaml:"metrics" json:"metrics"`         // JSON; empty: metrics.json beside the model
	CSV         string `yaml:"csv" json:"csv"`                 // everything that the report shows, as CSV; empty: report.csv beside the model
	Stream      string `yaml:"stream" json:"stream"`           // JSON lines while the run trains; empty: metrics.jsonl beside the model
	TensorBoard string `yaml:"tensorboard" json:"tensorboard"` // folder of TensorBoard's event files; empty: none
	InputName   string `yaml:"input_name" json:"input_name"`   // input of the student; empty: the teacher's
	Unverified  bool   `yaml:"unverified" json:"unverified"`   // write NAME.unverified.onnx without ONNX Runtime's proof
	Restart     bool   `yaml:"restart" json:"restart"`         // begin anew where a checkpoint exists
}

// Embedded stands for the teacher and the data that ship in the binary.
const Embedded = "embedded"

// NoTeacher stands for no teacher at all: the net is trained on labels alone.
const NoTeacher = "none"

// splitSeed is that of what is drawn of the rows.
func (r *Recipe) splitSeed() uint64 {
	if r.Data.SplitSeed != nil {
		return *r.Data.SplitSeed
	}
	return r.Train.Seed
}

// taught tells whether somebody teaches: a model, or the store of one.
func (r *Recipe) taught() bool { return r.Teacher.Model != NoTeacher }

// Default is the run on the embedded teacher and data.
func Default() Recipe {
	return Recipe{
		Teacher: TeacherRecipe{
			ModelRecipe: ModelRecipe{Model: Embedded, Kind: "auto", Task: "auto", Smooth: teacher.DefaultSmoothing, Input: "auto"},
			Mean:        string(teacher.Arithmetic), Mode: "store", Provider: "cpu", Timeout: 2 * time.Minute, Doctor: true,
		},
		Data:    DataRecipe{Train: Embedded, ValSplit: 0.05},
		Student: StudentRecipe{Arch: autoArch},
		Loss:    LossRecipe{Name: "auto", Temperature: 4, Alpha: 0.9, TemperatureSchedule: "constant", AlphaSchedule: "constant", Delta: loss.DefaultDelta, HintWeight: 1},
		Train: TrainRecipe{Epochs: 20, Batch: 128, Optimizer: "sgd", LR: 0.05, Momentum: 0.9,
			Schedule: "cosine", Clip: 5, Accumulate: 1, Seed: 1, Seeds: 1},
		Output:     OutputRecipe{Model: "out/student.onnx"},
		Sweep:      DefaultSweep(),
		Specialist: DefaultSpecialist(),
	}
}

// Merge reads the YAML file at path over r. An unknown key, a wrong type or a
// repeated key is a usage error with line and column.
func (r *Recipe) Merge(path string) error {
	text, err := readRecipe(path)
	if err != nil {
		return err
	}
	return r.decode(path, text)
}

// Set overrides one field: "loss.temperature=4".
func (r *Recipe) Set(assignment string) error {
	key, value, ok := strings.Cut(assignment, "=")
	parts := strings.Split(key, ".")
	if !ok || len(parts) != 2 {
		return fault.New(fault.Usage, "", "--set", "got %q, expected section.key=value, such as loss.temperature=4", assignment)
	}
	return r.decode("--set "+key, fmt.Appendf(nil, "%s:\n  %s: %s\n", parts[0], parts[1], value))
}

// Fill replaces empty fields whose default depends on others.
func (r *Recipe) Fill() {
	if r.Output.Unverified {
		r.Output.Model = strings.TrimSuffix(r.Output.Model, ".onnx") + ".unverified.onnx"
	}
	r.Student.Arch = r.Student.arch()
	beside := func(name string) string { return filepath.Join(filepath.Dir(r.Output.Model), name) }
	if r.Output.Report == "" {
		r.Output.Report = beside("report.html")
	}
	if r.Output.Metrics == "" {
		r.Output.Metrics = beside("metrics.json")
	}
	if r.Output.CSV == "" {
		r.Output.CSV = beside("report.csv")
	}
	if r.Output.Stream == "" {
		r.Output.Stream = beside("metrics.jsonl")
	}
	r.Loss.fill()
}
