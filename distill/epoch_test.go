package distill

import (
	"bytes"
	"testing"
)

// TestBestEpoch finds the best epoch in the history itself: the first of those
// with the highest accuracy and, of these, the lowest loss. Its weights are kept,
// and training stops as many epochs after it as patience lasts.
func TestBestEpoch(t *testing.T) {
	r := stored(t)
	r.Train.Epochs, r.Train.Patience, r.Train.LR, r.Train.Schedule = 40, 4, 0.1, "constant"
	s := open(t, r)
	byLoss, stopped := 0, 0
	for seed := range uint64(8) {
		trial := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
		trial.Recipe.Train.Seed = seed
		out := follow(t, s, trial)
		best := out.History[0]
		for _, e := range out.History[1:] {
			if e.ValAccuracy == best.ValAccuracy && e.ValLoss < best.ValLoss {
				byLoss++
			}
			if e.ValAccuracy > best.ValAccuracy || e.ValAccuracy == best.ValAccuracy && e.ValLoss < best.ValLoss {
				best = e
			}
		}
		if out.BestAt != best.Epoch {
			t.Errorf("seed %d: epoch %d of %d is kept, expected %d", seed, out.BestAt, len(out.History), best.Epoch)
		}
		if n := len(out.History); n < r.Train.Epochs {
			if stopped++; n != best.Epoch+r.Train.Patience {
				t.Errorf("seed %d: stopped after epoch %d, expected %d after epoch %d", seed, n, r.Train.Patience, best.Epoch)
			}
		}
		val, ok, err := out.Val(t.Context())
		if err != nil || !ok || val.Accuracy != best.ValAccuracy || val.NLL != best.ValLoss {
			t.Errorf("seed %d: the net has accuracy %v and loss %v, epoch %d had %v and %v (%v)", seed, val.Accuracy, val.NLL, best.Epoch, best.ValAccuracy, best.ValLoss, err)
		}
	}
	if byLoss == 0 || stopped == 0 {
		t.Errorf("loss decided %d times, patience %d times, expected both", byLoss, stopped)
	}
}

// TestAveragesAreJudged: the moving averages of the weights are what validation
// rows judge and keep, as they are what is kept without any.
func TestAveragesAreJudged(t *testing.T) {
	kept := map[string][]byte{}
	for _, val := range []string{"", file("test.csv")} {
		r := stored(t)
		r.Train.Epochs, r.Train.EMA, r.Data.ValSplit, r.Data.Val = 1, 0.8, 0, val
		s := open(t, r)
		kept[val] = weights(follow(t, s, Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}).Net)
	}
	if !bytes.Equal(kept[""], kept[file("test.csv")]) {
		t.Error("other weights are kept after one epoch where validation rows judge it")
	}
}
