package sweep

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
)

// TestHalving follows a sweep by brute force: every cell is trained to each
// rung in a session of its own, and who goes on is worked out from these scores
// alone.
func TestHalving(t *testing.T) {
	r := base(problem)
	r.Train.Epochs = 9
	r.Sweep.Method = "halving"
	r.Sweep.Temperature = distill.Values{"1", "4", "9"}
	r.Sweep.LR = distill.Values{"0.001", "0.01", "0.1"} // with two students 18 cells: 18, 6, 2
	p := plan(t, r)
	got := mustRun(t, p)
	if !slices.Equal(got.Rungs, []int{1, 3, 9}) {
		t.Fatalf("rungs %v", got.Rungs)
	}

	s, err := distill.OpenHeldOut(t.Context(), p.Base, distill.HeldOut{}, (&logged{}).env(problem))
	if err != nil {
		t.Fatal(err)
	}
	type runner struct {
		trial       distill.Trial
		cell        Cell
		value, loss float64
		params      int64
	}
	var alive []*runner
	for _, c := range p.Cells {
		one := p.Base
		for _, set := range c {
			if err := one.Set(set.Key + "=" + set.Value); err != nil {
				t.Fatal(err)
			}
		}
		alive = append(alive, &runner{trial: distill.Trial{Recipe: one, Role: distill.RoleStudent, Dir: t.TempDir()}, cell: c})
	}
	ended := map[string]int{}
	for k, until := range []int{1, 3, 9} {
		for _, a := range alive {
			a.trial.Until = until
			out, err := s.Train(t.Context(), a.trial)
			if err != nil {
				t.Fatal(err)
			}
			block, err := out.Test(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			a.value, a.loss, a.params = block.Accuracy, block.NLL, out.Params
			ended[a.cell.Name()] = until
		}
		slices.SortStableFunc(alive, func(a, b *runner) int {
			switch {
			case a.value != b.value:
				return sign(b.value - a.value)
			case a.loss != b.loss:
				return sign(a.loss - b.loss)
			}
			return sign(float64(a.params - b.params))
		})
		if k < 2 {
			alive = alive[:len(alive)/3]
		}
	}
	if len(alive) != 2 || got.Cells[0].Name != alive[0].cell.Name() || float64(got.Cells[0].Value) != alive[0].value || got.Cells[1].Name != alive[1].cell.Name() {
		t.Errorf("best %s with %v, then %s; by brute force %s with %v, then %s", got.Cells[0].Name, got.Cells[0].Value, got.Cells[1].Name, alive[0].cell.Name(), alive[0].value, alive[1].cell.Name())
	}
	for _, c := range got.Cells {
		if c.Epochs != ended[c.Name] || c.Left != (c.Epochs < 9) {
			t.Errorf("%s trained %d epochs (left %v), by brute force %d", c.Name, c.Epochs, c.Left, ended[c.Name])
		}
	}
	for _, size := range []string{"mlp:2", "mlp:8"} { // baselines of each size have a race of their own
		if !slices.ContainsFunc(got.Baselines, func(c cellOfReport) bool { return c.Of("student.arch") == size && c.Epochs == 9 }) {
			t.Errorf("no baseline of %s was trained to the end", size)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(p.Dir, workDir, "*")); len(left) != 0 {
		t.Errorf("checkpoints are left: %v", left)
	}

	// who won trained as in a grid, which knows nothing of rungs
	r.Sweep = distill.DefaultSweep()
	best := got.Cells[0]
	r.Sweep.Student, r.Sweep.LR = distill.Values{best.Of("student.arch")}, distill.Values{best.Of("train.lr")}
	r.Sweep.Temperature = distill.Values{best.Of("loss.temperature"), "17"}
	for _, c := range mustRun(t, plan(t, r)).Cells {
		if c.Of("loss.temperature") == best.Of("loss.temperature") && (c.Value != best.Value || c.Loss != best.Loss) {
			t.Errorf("in a grid it has %v and %v, by halving %v and %v", c.Value, c.Loss, best.Value, best.Loss)
		}
	}
}

func sign(x float64) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}

func TestKeep(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 1, 3: 1, 5: 1, 6: 2, 8: 2, 9: 3} {
		if got := (Halving{Eta: 3}).keep(n); got != want {
			t.Errorf("of %d one in 3 goes on: %d, expected %d", n, got, want)
		}
	}
}

// TestHalvingGoesOn: who goes on has a checkpoint to go on from, and who is left
// has none.
func TestHalvingGoesOn(t *testing.T) {
	r := base(problem)
	r.Sweep.Method = "halving"
	p := plan(t, r)
	env, judged := (&logged{}).env(problem), 0
	env.Log = func(line string) {
		var rung, of, n, until int
		if _, err := fmt.Sscanf(line, "rung %d of %d: %d settings to epoch %d", &rung, &of, &n, &until); err != nil || rung < 2 {
			return
		}
		judged++
		kept := map[string]bool{}
		paths, err := filepath.Glob(filepath.Join(p.Dir, workDir, "*", "*.ckpt"))
		for _, path := range paths {
			kept[filepath.Dir(path)] = true
		}
		if err != nil || len(kept) != n {
			t.Errorf("%s: %d checkpoints, expected %d (%v)", line, len(kept), n, err)
		}
	}
	if _, err := Run(t.Context(), p, env); err != nil || judged == 0 {
		t.Errorf("%d rungs were seen: %v", judged, err)
	}
}
