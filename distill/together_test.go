package distill

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestTogether wants every number once, no more at once than asked, and the
// fault that began, not those of the ones that it ended.
func TestTogether(t *testing.T) {
	for _, parallel := range []int{1, 3, 50} {
		var now, most atomic.Int64
		seen := make([]atomic.Int64, 20)
		at, err := Together(t.Context(), 20, parallel, func(_ context.Context, i int) error {
			defer now.Add(-1)
			for n := now.Add(1); n > most.Load(); n = now.Load() {
				most.Store(n)
			}
			seen[i].Add(1)
			return nil
		})
		if at != 20 || err != nil || int(most.Load()) > parallel {
			t.Errorf("%d at once: %d, %v, at most %d", parallel, at, err, most.Load())
		}
		for i := range seen {
			if n := seen[i].Load(); n != 1 {
				t.Errorf("%d at once: %d was called %d times", parallel, i, n)
			}
		}
	}
	broken := errors.New("broken")
	at, err := Together(t.Context(), 8, 4, func(ctx context.Context, i int) error {
		if i == 2 {
			return broken
		}
		<-ctx.Done()
		return fault.New(fault.Interrupted, "", "", "saved")
	})
	if at != 2 || err != broken {
		t.Errorf("got %d, %v, expected the fault of 2", at, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	at, err = Together(ctx, 8, 2, func(_ context.Context, i int) error {
		if i == 1 {
			stop()
		}
		return nil
	})
	if at != 8 || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %d, %v", at, err)
	}
}

// TestJoint wants steps to add up, none to be counted twice, and the end at the
// end alone.
func TestJoint(t *testing.T) {
	var got []int64
	j := NewJoint(func(stage string, done, total int64, _ *EpochRecord) {
		if stage != "all" || total != 10 {
			t.Errorf("%s of %d", stage, total)
		}
		got = append(got, done)
	}, "all", 10)
	a, b := j.Of("a"), j.Of("b")
	a("student", 3, 5, nil)
	b("student", 2, 5, nil)
	a("student", 1, 5, nil) // begun again from a checkpoint
	a("student", 5, 5, nil)
	j.Set("b", 5)
	j.End()
	if want := []int64{3, 5, 5, 7, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
	NewJoint(nil, "all", 1).Set("a", 1)
}
