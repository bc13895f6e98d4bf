package specialist

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// What TrainRivals leaves in its folder, besides the nets.
const (
	rivalsDir  = "rivals"      // a record of each net, and what all depend on
	rivalsFile = "rivals.json" // what they came to
)

// mostRivals bounds the nets of an ensemble.
const mostRivals = 256

// RivalPlan is what TrainRivals does.
type RivalPlan struct {
	Recipe   distill.Recipe // the generalist's own: rows, teacher or none, student.arch, loss and training
	Params   int64          // trained parameters of the generalist and its specialists together
	Dir      string         // of the nets
	Parallel int            // nets that are trained at once; 0: one a core
	Restart  bool           // forget what is in Dir
}

// Rivals is what TrainRivals came to.
type Rivals struct {
	Dir        string         `json:"dir"`
	Params     int64          `json:"params"`     // that the rivals were to have
	Generalist Cost           `json:"generalist"` // of a net of the recipe
	Trained    []TrainedRival `json:"rivals"`
	Notes      []string       `json:"notes"`  // what was left out, and why
	WallS      float64        `json:"wall_s"` // of this call
}

// TrainedRival is a rival that was trained for the comparison.
type TrainedRival struct {
	RivalResult          // on the recipe's test rows
	Arch        string   `json:"arch"`
	Files       []string `json:"files"`   // in Rivals.Dir
	Epochs      int      `json:"epochs"`  // of all its nets together
	Visits      int64    `json:"visits"`  // rows that its nets learned from, each as often as one did
	Seconds     float64  `json:"seconds"` // of these epochs, one after the other
}

// rivalNet is the record of one net.
type rivalNet struct {
	Arch    string  `json:"arch"`
	Seed    uint64  `json:"seed"`
	File    string  `json:"file"`
	Digest  string  `json:"digest"`
	Epochs  int     `json:"epochs"`
	BestAt  int     `json:"best_at"` // as Record
	Visits  int64   `json:"visits"`
	Seconds float64 `json:"seconds"`

	name string // of its file, without ending
}

func (r *rivalNet) model() (file, digest *string) { return &r.File, &r.Digest }

// rivals is the state of one TrainRivals.
type rivals struct {
	folder
	plan    RivalPlan
	session *distill.Session
	result  *Rivals
	larger  []*rivalNet // one, or none
	members []*rivalNet
	steps   int64 // of one net
}

// TrainRivals trains what specialists have to beat: with as many parameters as
// generalist and specialists together, one larger net of the generalist's
// family, whose widths are the generalist's times one factor (models.Widened),
// and a plain ensemble of at least two generalists that differ by their seed
// alone, whose probabilities are averaged. The first of these has the recipe's
// seed: by this recipe it is the generalist.
//
// Every net is trained as the recipe says, for as many epochs as the generalist.
// That is the same schedule and not the same effort: a specialist's epoch is
// twice the rows of its classes, and follows on the generalist's. Visits say how
// many rows each side learned from.
//
// A generalist that cannot be widened, such as one that begins as a file, has
// no larger rival: a note says so. Each finished net is one durable file beside a
// record of it, and one that is under way has its checkpoints, so that the same
// call goes on where another was ended; a folder of other rows or settings is
// refused by the name of the first that differs.
func TrainRivals(ctx context.Context, p RivalPlan, env distill.Env) (*Rivals, error) {
	began := time.Now()
	t := &rivals{plan: p, folder: folder{dir: p.Dir, records: rivalsDir, unverified: p.Recipe.Output.Unverified, env: env},
		result: &Rivals{Dir: p.Dir, Params: p.Params}}
	if err := t.prepare(); err != nil {
		return nil, err
	}
	var err error
	env.Latency = time.Millisecond // nobody asks how fast the teacher is
	if t.session, err = distill.Open(ctx, t.plan.Recipe, env); err != nil {
		return nil, err
	}
	defer t.session.Close()
	for _, step := range []func(context.Context) error{t.sameRows, t.choose, t.train, t.score} {
		if err := step(ctx); err != nil {
			return nil, distill.Interrupted(ctx, err)
		}
	}
	t.result.WallS = time.Since(began).Seconds()
	if err := durable.WriteJSON(t.at(rivalsFile), t.result); err != nil {
		return nil, err
	}
	return t.result, t.clean()
}

// prepare checks all that can be checked before rows are opened.
func (t *rivals) prepare() error {
	p := &t.plan
	if p.Parallel == 0 {
		p.Parallel = runtime.GOMAXPROCS(0)
	}
	switch {
	case p.Dir == "":
		return fault.New(fault.Usage, "", "-o", "empty: name a folder for the nets")
	case p.Parallel < 1 || p.Parallel > 1024:
		return fault.New(fault.Usage, "", "--parallel", "got %d, expected a number from 1 to 1024", p.Parallel)
	case p.Recipe.Train.Seeds != 1:
		return fault.New(fault.Usage, "", "--seeds", "got %d, expected 1: the ensemble has its own", p.Recipe.Train.Seeds)
	}
	if !p.Recipe.Output.Unverified {
		if err := export.Ready(p.Recipe.Teacher.Library); err != nil {
			return err
		}
	}
	if err := t.make(rivalsFile, p.Restart); err != nil {
		return err
	}
	plan, err := t.ofPlan()
	if err != nil {
		return err
	}
	return t.hold(durable.Identity{Plan: plan}, "other rivals")
}

// ofPlan is what the nets depend on besides the rows, by name.
func (t *rivals) ofPlan() (map[string]string, error) {
	id, err := settings(&t.plan.Recipe)
	if err == nil {
		id["params"], id["unverified"] = strconv.FormatInt(t.plan.Params, 10), fmt.Sprint(t.unverified)
	}
	return id, err
}

// sameRows refuses the folder of other rows or answers of a teacher, and marks a
// new one as these nets'.
func (t *rivals) sameRows(ctx context.Context) (err error) {
	if task := t.session.Task(); task != dataset.MultiClass {
		return fault.New(fault.Input, t.plan.Recipe.Data.Train, "task", "got %s, expected %s: specialists are for classes", task, dataset.MultiClass)
	}
	var id durable.Identity
	if id.Plan, err = t.ofPlan(); err != nil {
		return err
	}
	if id.Rows, err = t.session.Identity(ctx); err != nil {
		return err
	}
	return t.hold(id, "other rivals")
}

// choose says which nets have as many parameters.
func (t *rivals) choose(ctx context.Context) error {
	r := t.session.Recipe()
	own, err := t.session.Begin(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: t.at(rivalsDir, workDir, generalistName)})
	if err != nil {
		return err
	}
	t.result.Generalist = Cost{Params: own.Params, FLOPs: float64(own.FLOPs)}
	n := math.Round(float64(t.plan.Params) / float64(own.Params))
	if t.plan.Params <= own.Params || n > mostRivals {
		return fault.New(fault.Usage, "", "--params", "got %d, expected more than the %d of one generalist, %s, and at most %d times as many", t.plan.Params, own.Params, r.Student.Arch, mostRivals)
	}
	t.steps = int64(r.Train.Epochs) * int64((own.Epoch+r.Train.Batch-1)/r.Train.Batch)
	if arch, err := t.widened(ctx, r.Student); err == nil {
		t.larger = []*rivalNet{{name: "larger", Arch: arch, Seed: r.Train.Seed}}
	} else if fault.KindOf(err) == fault.Usage {
		t.note("the larger net is left out: " + err.Error())
	} else {
		return err
	}
	for i := range max(2, int(n)) {
		t.members = append(t.members, &rivalNet{name: fmt.Sprintf("generalist-%03d", i), Arch: r.Student.Arch, Seed: r.Train.Seed + uint64(i)})
	}
	return nil
}

// widened is s with as many parameters as are planned. A fault of kind Usage says
// that there is no such net.
func (t *rivals) widened(ctx context.Context, s distill.StudentRecipe) (string, error) {
	if s.File() != "" {
		return "", fault.New(fault.Usage, "", "--student", "%s has the size that it has, expected an architecture with widths, such as mlp:64,32", s.Arch)
	}
	arch, err := t.session.Widened(ctx, s.Arch, t.plan.Params)
	if err == nil && arch == s.Arch {
		err = fault.New(fault.Usage, "", "--student", "no wider %s comes nearer to %d parameters, expected an architecture with widths in smaller steps, such as mlp:64,32", arch, t.plan.Params)
	}
	return arch, err
}

func (t *rivals) note(line string) {
	t.result.Notes = append(t.result.Notes, line)
	t.log(line)
}
