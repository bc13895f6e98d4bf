package dataset

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Tasks are the tasks by the names that people give them.
var Tasks = []string{"multi-class", string(MultiLabel), string(Regression)}

// String is the name of the task among Tasks.
func (t Task) String() string {
	if t == MultiClass {
		return Tasks[0]
	}
	return string(t)
}

// ParseTask is the inverse of String. An empty name asks for nothing.
func ParseTask(name string) (task Task, asked bool, err error) {
	switch {
	case name == "":
		return MultiClass, false, nil
	case name == Tasks[0]:
		return MultiClass, true, nil
	case slices.Contains(Tasks, name):
		return Task(name), true, nil
	}
	return MultiClass, false, fault.New(fault.Usage, "", "--task", "got %q, expected %s", name, listOr(Tasks, ""))
}

// Labelled tells whether rows of the spec may have a label of any kind.
func (s Spec) Labelled() bool { return len(s.Classes)+len(s.Targets) > 0 }

// unknown is a value that is not known.
var unknown = float32(math.NaN())

// unknowns is n of them.
func unknowns(n int) []float32 { return slices.Repeat([]float32{unknown}, n) }

// valuer is a Source that knows its values to predict without reading rows.
type valuer interface {
	Values(ctx context.Context) ([]float32, error)
}

// Values gives the values to predict of every row, (Len, len(Spec.Targets)),
// NaN where one is not known, without reading rows where the source knows
// them. They are empty when rows have a class, or none.
func Values(ctx context.Context, src Source) ([]float32, error) {
	spec := src.Spec()
	if len(spec.Targets) == 0 {
		return nil, nil
	}
	if v, ok := src.(valuer); ok {
		return v.Values(ctx)
	}
	all := make([]float32, 0, src.Len()*len(spec.Targets))
	err := Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		all = append(all, b.V...)
		return nil
	})
	return all, err
}

// Strata gives each row the number of a group that choices of rows keep the
// shares of, Unlabelled where a row has no label: the class, the labels that
// apply together (rare sets of labels are one group), or for numbers one group.
func Strata(ctx context.Context, src Source) ([]int32, error) {
	spec := src.Spec()
	if spec.Task == MultiClass {
		return Labels(ctx, src)
	}
	v, err := Values(ctx, src)
	if err != nil {
		return nil, err
	}
	k := len(spec.Targets)
	strata := make([]int32, src.Len())
	seen := map[string]int32{}
	var sign strings.Builder
	for i := range strata {
		row := v[i*k : (i+1)*k]
		strata[i] = Unlabelled
		if !AnyKnown(row) {
			continue
		}
		sign.Reset()
		if spec.Task == MultiLabel {
			for _, x := range row {
				sign.WriteByte(map[bool]byte{true: '1', false: '0'}[x == 1])
			}
		}
		number, ok := seen[sign.String()]
		if !ok {
			number = int32(len(seen))
			seen[sign.String()] = number
		}
		strata[i] = number
	}
	mergeRare(strata, len(seen))
	return strata, nil
}

// rareStratum is a number of rows that no share can be taken of.
const rareStratum = 5

// mergeRare makes one group, n, of all groups below n with few rows.
func mergeRare(strata []int32, n int) {
	rows := make([]int, n)
	for _, s := range strata {
		if s != Unlabelled {
			rows[s]++
		}
	}
	for i, s := range strata {
		if s != Unlabelled && rows[s] < rareStratum {
			strata[i] = int32(n)
		}
	}
}

// AnyKnown tells whether one of the values to predict of a row is known.
func AnyKnown(row []float32) bool {
	return slices.ContainsFunc(row, func(v float32) bool { return v == v })
}
