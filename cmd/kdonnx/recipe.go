package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/student/optim"
	"github.com/kdonnx/kdonnx/teacher"
)

// betaFlag is --beta: a number that may be absent.
type betaFlag struct{ p **float64 }

func (b betaFlag) Type() string { return "float" }
func (b betaFlag) String() string {
	if b.p == nil || *b.p == nil {
		return ""
	}
	return strconv.FormatFloat(**b.p, 'g', -1, 64)
}
func (b betaFlag) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil {
		*b.p = &v
	}
	return err
}

// seedFlag is a seed that may be absent.
type seedFlag struct{ p **uint64 }

func (s seedFlag) Type() string { return "uint64" }
func (s seedFlag) String() string {
	if s.p == nil || *s.p == nil {
		return ""
	}
	return strconv.FormatUint(**s.p, 10)
}
func (s seedFlag) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err == nil {
		*s.p = &v
	}
	return err
}

// notFlag is a flag that turns off what it points at.
type notFlag struct{ p *bool }

func (n notFlag) Type() string   { return "bool" }
func (n notFlag) String() string { return strconv.FormatBool(n.p != nil && !*n.p) }
func (n notFlag) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err == nil {
		*n.p = !v
	}
	return err
}

// teacherFlags bind how the teacher runs.
func teacherFlags(f *pflag.FlagSet, t *distill.TeacherRecipe) {
	f.Var(&teachersFlag{t: t}, "teacher", "the teacher's .onnx file, or embedded; several, or a folder of them, are an ensemble (may be repeated)")
	f.StringArrayVar(&t.Before, "before", t.Before, "a `MODEL` that the rows go through before the teacher, such as an imputer or a scaler (may be repeated, in order)")
	f.StringVar(&t.Mean, "mean", t.Mean, "how an ensemble is one: the arithmetic mean of its distributions, or the geometric one, which is the mean of the logits")
	f.Float64SliceVar(&t.Weights, "weights", t.Weights, "weights `W,W,...` of an ensemble's members, such as 2,1,1 (default: all alike)")
	f.Float64SliceVar(&t.Temperatures, "temperatures", t.Temperatures, "what the logits of an ensemble's members are divided by before the mean, `T,T,...` (default: 1 each)")
	for _, name := range []string{"weights", "temperatures"} {
		f.Lookup(name).DefValue = "" // the text says it, pflag would add []
	}
	f.StringVar(&t.Output, "teacher-output", t.Output, "name of the output that teaches, or of a value inside the graph, see kdonnx inspect --values (default: detected)")
	f.StringVar(&t.Kind, "teacher-kind", t.Kind, "what that output is: "+strings.Join(teacher.KindNames(), ", "))
	f.StringVar(&t.Task, "teacher-task", t.Task, "what it teaches: "+strings.Join(teacher.Tasks, ", ")+" (numbers, such as activations)")
	f.StringVar(&t.ClassMap, "class-map", t.ClassMap, `which class of the rows each of the teacher's is: "tabby=cat,tiger cat=cat,hay=", where several may be one and hay none, or a file with one pair a line; numbers count columns and labels from 0 (default: by names, else in order)`)
	f.Float64Var(&t.Smooth, "teacher-smoothing", t.Smooth, "of a teacher that gives labels and no scores: the probability that it leaves to the other classes")
	f.StringVar(&t.Input, "teacher-input", t.Input, "what the teacher wants: auto, raw, unit (x/255), symmetric (x/127.5-1), standard (data set mean and std), imagenet, bytes (x*255), signed (x-128)")
	f.StringVar(&t.Prep, "teacher-preprocess", t.Prep, `instead, exactly: "resize=224x224 scale=1/255 mean=0.485,0.456,0.406 std=0.229,0.224,0.225", with NCHW, NHWC or flat, transpose, bgr, channels=3 or channels=1 if need be`)
	f.StringArrayVar((*[]string)(&t.Inputs), "input", t.Inputs, "what goes into one of its inputs, where that is not found: `NAME=COLUMN`,… of a table, NAME=* for the whole row, NAME=@VALUE for a constant, such as --input training=@false (may be repeated)")
	f.IntVar(&t.Batch, "teacher-batch", t.Batch, "rows of one call of the teacher (0: detected, and where the answers stay the same the fastest of 16 to 512)")
	f.StringVar(&t.Provider, "provider", t.Provider, "execution provider: cpu, cuda, cuda:N, or auto (cuda if it can be had, else cpu)")
	f.Var(&optionsFlag{&t.Options}, "provider-option", "KEY=VALUE for the provider, such as cudnn_conv_algo_search=HEURISTIC, or for the session, such as session.set_denormal_as_zero=1 (may be repeated)")
	libraryFlag(f, t)
	f.BoolVar(&t.Repair, "repair", t.Repair, "compute damaged shards of the target store again")
	f.IntVar(&t.Threads, "threads", t.Threads, "cores that the teacher runs on (0: all)")
	f.DurationVar(&t.Timeout, "teacher-timeout", t.Timeout, "longest wait for one batch (0: none)")
	f.Int64Var(&t.Memory, "teacher-memory", t.Memory, fmt.Sprintf("memory cap of the teacher process in MiB (0: %d %% of what is free at the start, -1: none)", teacher.MemoryShare))
	f.BoolVar(&t.Strict, "strict", t.Strict, "refuse a teacher with weights that are NaN or infinite, instead of warning")
}

// storeFlag binds how a target store keeps logits.
func storeFlag(f *pflag.FlagSet, t *distill.TeacherRecipe) {
	f.StringVar(&t.StoreDType, "store-dtype", t.StoreDType, "how the target store keeps logits: float32, float16, topk:16 (the largest 16; for T near 1), topk:0.999 (as many as hold that share of the softmax mass in 99 % of rows), topk:16:float32 (default: as the store that is there, float32 in a new one)")
}

// recipeFlags bind every field of r that a run has.
func recipeFlags(f *pflag.FlagSet, r *distill.Recipe) {
	teacherFlags(f, &r.Teacher)
	f.Var(notFlag{&r.Teacher.Doctor}, "no-doctor", "do not look whether the teacher is any good before it runs over all rows, see kdonnx doctor")
	f.Lookup("no-doctor").NoOptDefVal = "true"
	f.StringVar(&r.Teacher.Store, "targets", r.Teacher.Store, "folder of the target store (default: in the cache, keyed by content)")
	storeFlag(f, &r.Teacher)
	f.StringVar(&r.Teacher.Mode, "teacher-mode", r.Teacher.Mode, "with --augment, which rows the teacher is asked about: store (each row as it is, once), online (each view that the student sees, while it trains), views:N (N views of each row, once)")
	rowsFlags(f, &r.Data)
	f.IntVar(&r.Data.Synthetic, "synthetic", r.Data.Synthetic, "make so many further rows of the training rows, for the teacher to say what they are")
	f.StringVar(&r.Data.Synthesis, "synthesis", r.Data.Synthesis, `how they are made: "munge=0.5,1" or "mixup noise=0.1", see kdonnx list syntheses (default: munge, or mixup of images)`)
	studentFlags(f, &r.Student)
	lossFlags(f, &r.Loss)
	trainFlags(f, &r.Train)
	f.BoolVar(&r.Train.NoBaseline, "no-baseline", r.Train.NoBaseline, "do not train the same net on hard labels beside the student")
	outputFlags(f, &r.Output)
}

// rowsFlags bind the rows.
func rowsFlags(f *pflag.FlagSet, d *distill.DataRecipe) {
	f.StringVar(&d.Train, "train", d.Train, "rows to learn from: PATH or FORMAT:PATH, with options behind it as in 'clips?mels=64&frames=98', or embedded")
	f.StringVar(&d.Unlabelled, "unlabelled", d.Unlabelled, "further rows to learn from, whose labels are not used")
	f.StringVar(&d.Val, "val", d.Val, "rows that choose the best epoch (default: split from --train)")
	f.StringVar(&d.Test, "test", d.Test, "rows to judge the result on (default: the test split beside --train, else a fifth of --train)")
	f.Float64Var(&d.ValSplit, "val-split", d.ValSplit, "fraction of --train held out for validation")
	f.StringVar(&d.Label, "label", d.Label, "label column of a table, by name or position, or several: a,b,c (default: detected)")
	f.StringVar(&d.Task, "task", d.Task, "what the labels are: multi-class, multi-label (0 or 1 each) or regression (default: detected)")
	columnFlags(f, &d.Columns, &d.LabelMap)
	f.IntVar(&d.Labelled, "labelled", d.Labelled, "keep this many labels of --train, the same share of each class (0: all)")
	f.IntVar(&d.Limit, "limit", d.Limit, "use this many rows of --train, the same share of each class (0: all)")
	f.StringSliceVar(&d.Without, "without", d.Without, "leave the rows of these `CLASSES` out of --train and --val, such as 3 or cat,dog; the test rows keep them, see kdonnx recalibrate")
	f.StringSliceVar(&d.Only, "only", d.Only, "or keep the rows of these `CLASSES` alone")
	f.Var(seedFlag{&d.SplitSeed}, "split-seed", "seed of what is drawn of the rows: validation and test rows, --limit, --labelled (default: --seed)")
	f.BoolVar(&d.SkipBad, "skip-bad", d.SkipBad, "leave out images that cannot be read, and say which, instead of stopping")
}

// studentFlags bind the net.
func studentFlags(f *pflag.FlagSet, s *distill.StudentRecipe) {
	f.StringVar(&s.Arch, "student", s.Arch, "architecture of the student, see kdonnx list models, or an .onnx file to fine-tune; with a budget a family such as mlp or cnn, of which the best net is searched (auto: mlp:256,128, with a budget mlp)")
	budgetFlags(f, s)
	f.StringArrayVar(&s.Freeze, "freeze", s.Freeze, "do not train the parameters whose names match a `PATTERN`, such as 'features.*' (may be repeated)")
	f.StringVar(&s.Prep, "student-preprocess", s.Prep, "as --teacher-preprocess (default: the teacher's layout and size; bytes to 0..1, tables to mean 0 and deviation 1; of an .onnx file: detected); its scale, mean and std become part of the student")
}

// budgetFlags bind what a net may cost.
func budgetFlags(f *pflag.FlagSet, s *distill.StudentRecipe) {
	f.StringVar(&s.BudgetParams, "budget-params", s.BudgetParams, "most trained parameters of the student, such as 100k or 1.5M")
	f.StringVar(&s.BudgetBytes, "budget-bytes", s.BudgetBytes, "largest .onnx file, such as 400kB or 1MiB")
	f.StringVar(&s.BudgetFLOPs, "budget-flops", s.BudgetFLOPs, "most floating-point operations of a row, such as 20M (a multiply-add is two)")
	f.DurationVar(&s.BudgetLatency, "budget-latency", s.BudgetLatency, "longest median time of a row in ONNX Runtime on one thread of this machine, such as 50us (0: any)")
}

// lossFlags bind the loss.
func lossFlags(f *pflag.FlagSet, l *distill.LossRecipe) {
	f.StringVar(&l.Name, "loss", l.Name, "loss of the student, see kdonnx list losses, with numbers of its own behind it as in dkd:nontarget=8, and std+ before it for standardised logits (auto: classic, or multi-label or regression as the task is)")
	f.Float64VarP(&l.Temperature, "temperature", "T", l.Temperature, "temperature of teacher and student in the soft loss, 0.01 to 1000")
	f.Float64Var(&l.Alpha, "alpha", l.Alpha, "weight of the soft loss")
	f.Var(betaFlag{&l.Beta}, "beta", "weight of the hard loss (default: 1 - alpha)")
	f.StringVar(&l.TemperatureSchedule, "temperature-schedule", l.TemperatureSchedule, "the temperature over the run: linear:1 from --temperature to 1, cosine:1 the same along a cosine, warmup:5,1 from 1 up to it over 5 epochs (warmup:200steps over steps); see kdonnx list schedules")
	f.StringVar(&l.AlphaSchedule, "alpha-schedule", l.AlphaSchedule, "the weight of the soft loss over the run, as --temperature-schedule: warmup:20 from 0 up to --alpha")
	f.StringVar(&l.BetaSchedule, "beta-schedule", l.BetaSchedule, "the weight of the hard loss over the run, as --temperature-schedule (default: constant, or 1-alpha at every step where --beta is not given)")
	smoothingFlag(f, l)
	f.Float64Var(&l.Delta, "huber-delta", l.Delta, "of regression-huber: errors up to this count squared, larger ones linearly, in deviations of a target")
	f.StringVar(&l.Hint, "hint", l.Hint, "TEACHER_VALUE=STUDENT_VALUE: a place inside each, see kdonnx inspect --values and kdonnx list values; the student learns there too, through a projection that is not exported")
	f.Float64Var(&l.HintWeight, "hint-weight", l.HintWeight, "weight of the hint's term, which is 1 where only the means of the teacher's values are known and 0 where they are reproduced")
	f.IntVar(&l.HintEpochs, "hint-epochs", l.HintEpochs, "epochs, from the first, in which the hint is part of the loss (0: all)")
	f.StringVar(&l.HintTargets, "hint-targets", l.HintTargets, "store of the teacher's values, filled ahead by kdonnx targets --teacher-output TEACHER_VALUE --teacher-task regression (default: in the cache)")
}

// smoothingFlag binds what the hard term has, with or without a teacher.
func smoothingFlag(f *pflag.FlagSet, l *distill.LossRecipe) {
	f.Float64Var(&l.Smoothing, "label-smoothing", l.Smoothing, "share of each hard label that goes to all classes alike, of student and baseline (0: none)")
}

// trainFlags bind the optimisation.
func trainFlags(f *pflag.FlagSet, t *distill.TrainRecipe) {
	f.IntVar(&t.Epochs, "epochs", t.Epochs, "passes over the transfer set")
	f.IntVar(&t.Batch, "batch", t.Batch, "rows a step")
	f.IntVar(&t.Accumulate, "accumulate", t.Accumulate, "cut each step's batch into so many passes, for less memory; the same step but for batch normalisation")
	f.StringVar(&t.Optimizer, "optimizer", t.Optimizer, strings.Join(optim.List(), ", ")+"; see kdonnx list optimizers")
	f.Float64Var(&t.LR, "lr", t.LR, "peak learning rate")
	f.Float64Var(&t.Momentum, "momentum", t.Momentum, "momentum of sgd and nesterov")
	f.Float64Var(&t.Beta1, "beta1", t.Beta1, "beta1 of adam, adamw, lamb and lion (0: the optimiser's own)")
	f.Float64Var(&t.Beta2, "beta2", t.Beta2, "beta2 of the same (0: the optimiser's own)")
	f.Float64Var(&t.WeightDecay, "weight-decay", t.WeightDecay, "weight decay of matrices and kernels; biases and norms have none")
	f.StringArrayVar(&t.Decay, "decay", t.Decay, "parameters that decay all the same, or with ! before the `PATTERN` do not, such as '!embed*'; the last that matches decides (may be repeated)")
	f.StringVar(&t.Schedule, "schedule", t.Schedule, "learning rate over the run: "+strings.Join(optim.Schedules(), ", ")+"; see kdonnx list schedules")
	f.IntVar(&t.Warmup, "warmup", t.Warmup, "steps of linear warm-up before the schedule")
	f.Float64Var(&t.Clip, "clip", t.Clip, "largest global gradient norm (0: none)")
	f.Float64Var(&t.ClipValue, "clip-value", t.ClipValue, "largest magnitude of a value of the gradient, before --clip (0: none)")
	f.Float64Var(&t.MaxNorm, "max-norm", t.MaxNorm, "largest norm of a unit's incoming weights, held after each step (0: none)")
	f.Float64Var(&t.EMA, "ema", t.EMA, "decay of a moving average of the weights, which is what is judged and exported, such as 0.999 (0: none)")
	f.IntVar(&t.Patience, "patience", t.Patience, "stop after this many epochs without a better one (0: never)")
	f.StringVar(&t.Augment, "augment", t.Augment, `how training varies its rows: "shift=2 flip cutout=8 noise=0.05", see kdonnx list augmentations`)
	f.Uint64Var(&t.Seed, "seed", t.Seed, "seed of initial weights, order and splits")
	f.IntVar(&t.Seeds, "seeds", t.Seeds, "train with so many seeds, --seed and those after it, and show mean and deviation; the splits of rows stay those of --seed")
	f.IntVar(&t.Parallel, "parallel", t.Parallel, "trainings at once, of student and baseline and of each seed (0: one a core; fewer take less memory)")
}

// outputFlags bind the files that a run leaves.
func outputFlags(f *pflag.FlagSet, o *distill.OutputRecipe) {
	f.StringVarP(&o.Model, "output", "o", o.Model, "the student's .onnx file")
	f.StringVar(&o.Report, "report", o.Report, "HTML report (default: report.html beside the student)")
	f.StringVar(&o.Metrics, "metrics", o.Metrics, "JSON metrics (default: metrics.json beside the student)")
	f.StringVar(&o.CSV, "csv", o.CSV, "CSV of everything that the report shows (default: report.csv beside the student)")
	f.StringVar(&o.Stream, "stream", o.Stream, "JSON lines, one an epoch while it trains (default: metrics.jsonl beside the student)")
	f.StringVar(&o.TensorBoard, "tensorboard", o.TensorBoard, "folder for TensorBoard's event files, a run each for student and baseline (default: none)")
	f.StringVar(&o.InputName, "input-name", o.InputName, "name of the student's input (default: the teacher's)")
	f.BoolVar(&o.Unverified, "unverified", o.Unverified, "where there is no ONNX Runtime: write NAME.unverified.onnx, for kdonnx verify -o to prove elsewhere")
	f.BoolVar(&o.Restart, "restart", o.Restart, "begin anew where a checkpoint exists")
}

// libraryFlag binds which ONNX Runtime proves the student.
func libraryFlag(f *pflag.FlagSet, t *distill.TeacherRecipe) {
	f.StringVar(&t.Library, "ort-lib", t.Library, "libonnxruntime to use (default: looked up, see kdonnx runtime path)")
}
