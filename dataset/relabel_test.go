package dataset_test

import (
	"context"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func TestRelabel(t *testing.T) {
	src := csvOf(t, "x", "y", "z", "x")
	labels := make([]int32, src.Len())
	labels[0], labels[1] = dataset.Unlabelled, 1
	own, err := dataset.Relabel(src, labels, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var b dataset.Batch
	if err := own.Read(ctx, []int{1, 0, 2}, &b); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Y, []int32{1, dataset.Unlabelled, 0}) || len(own.Spec().Classes) != 2 {
		t.Errorf("labels %v, classes %v", b.Y, own.Spec().Classes)
	}
	got, err := dataset.Labels(ctx, own)
	if err != nil || !slices.Equal(got, labels) {
		t.Errorf("labels %v, %v", got, err)
	}
	was, err := dataset.IDs(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := dataset.IDs(ctx, own); err != nil || !slices.Equal(ids, was) {
		t.Errorf("rows are others: %v", err)
	}
	for _, bad := range [][]int32{labels[1:], append([]int32{2}, labels[1:]...), append([]int32{-2}, labels[1:]...)} {
		if _, err := dataset.Relabel(src, bad, []string{"a", "b"}); fault.KindOf(err) != fault.Usage {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestRelabelIsASource(t *testing.T) {
	datasettest.Suite(t, func() dataset.Source {
		own, err := dataset.Relabel(csvOf(t, "x", "y", "z", "x"), []int32{0, dataset.Unlabelled, 1, 1}, []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		return own
	})
}
