package dataset

import (
	"context"
	"testing"
)

// TestOrigin follows rows through every view.
func TestOrigin(t *testing.T) {
	base := &memory{spec: Spec{Shape: []int{1}}, labels: []int32{0, 1, 0, 1, 0}, bytes: []uint8{1, 2, 3, 4, 5}}
	other := &memory{spec: Spec{Shape: []int{1}}, labels: []int32{-1, -1}, bytes: []uint8{8, 9}}
	base.src, other.src = ground{}, ground{}
	ctx := context.Background()
	few, err := WithLabels(ctx, Subset(base, []int{4, 2, 0}), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Concat(few, Unlabel(other))
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range []int{4, 2, 0, 0, 1} {
		if _, got := Origin(all, row); got != want {
			t.Errorf("row %d: got %d, expected %d", row, got, want)
		}
	}
}

// ground is what lies below all views.
type ground struct{ Source }
