package distill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Data are the rows of one run.
type Data struct {
	Transfer dataset.Source // what the student learns from: labelled and unlabelled rows
	Labelled dataset.Source // the rows of Transfer that have a label: what the baseline learns from
	Val      dataset.Source // choose the best epoch
	Test     dataset.Source // judge the result
	TestIs   string         // what Test is, in words
	Notes    []string

	whole dataset.Source // the training rows before any split, as the file counts them
}

// OpenData opens and splits the rows that r names.
func OpenData(ctx context.Context, r *Recipe) (*Data, error) { return openData(ctx, r, nil) }

// openData is OpenData; where h is given, held-out rows stand for the test
// rows, which are not opened.
func openData(ctx context.Context, r *Recipe, h *HeldOut) (*Data, error) {
	if r.Data.Train == Embedded {
		return embeddedData(ctx, r, h)
	}
	d := &Data{}
	options := dataset.Options{Label: r.Data.Label, Task: r.Data.Task, LabelMap: r.Data.LabelMap, Columns: r.Data.Columns, SkipBad: r.Data.SkipBad}
	train, err := openSplit(ctx, r.Data.Train, "train", options)
	if err != nil {
		return nil, err
	}
	d.whole = train
	d.Notes = append(d.Notes, train.Spec().Notes...)
	if r.Data.Limit > 0 {
		if train, err = dataset.Limit(ctx, train, r.Data.Limit, r.splitSeed()); err != nil {
			return nil, err
		}
	}
	options.Schema = train.Spec().Schema
	if spec := train.Spec(); spec.Labelled() {
		options.Classes, options.Task, options.Targets = spec.Classes, spec.Task.String(), spec.Targets
	}
	if h == nil || !testGiven(r) {
		if err := d.openTest(ctx, r, options); err != nil {
			return nil, err
		}
	}
	if r.Data.SkipBad && d.Test != nil {
		d.Notes = append(d.Notes, d.Test.Spec().Notes...)
	}
	if h == nil || !testGiven(r) {
		if train, err = d.holdOutTest(ctx, r, train); err != nil {
			return nil, err
		}
	}
	if h != nil {
		if train, err = d.holdOutJudges(ctx, r, train, *h); err != nil {
			return nil, err
		}
	}
	if train, err = d.leaveOut(ctx, r, train); err != nil {
		return nil, err
	}
	if train, err = d.holdOut(ctx, r, train, options); err != nil {
		return nil, err
	}
	if h != nil && h.ofValidation(r) {
		if err := d.halveValidation(ctx, r); err != nil {
			return nil, err
		}
	}
	if r.Data.Labelled > 0 {
		if train, err = dataset.WithLabels(ctx, train, r.Data.Labelled, r.splitSeed()); err != nil {
			return nil, err
		}
		d.Notes = append(d.Notes, fmt.Sprintf("labels of %d training rows are kept; the held-out rows keep theirs", r.Data.Labelled))
	}
	var more dataset.Source
	if r.Data.Unlabelled != "" {
		if len(options.Targets) > 0 {
			options.Label = "" // their columns need not be there
		}
		if more, err = openSplit(ctx, r.Data.Unlabelled, "train", options); err != nil {
			return nil, err
		}
	}
	if err := d.setTransfer(ctx, train, more); err != nil {
		return nil, err
	}
	if err := d.synthesise(ctx, r); err != nil {
		return nil, err
	}
	if err := d.check(r); err != nil {
		return nil, err
	}
	return d, d.seenTwice(ctx)
}

// seenTwice notes how many of the rows that judge are learned from too.
func (d *Data) seenTwice(ctx context.Context) error {
	learned, err := dataset.IDs(ctx, d.Transfer)
	if err != nil {
		return err
	}
	known := make(map[dataset.RowID]bool, len(learned))
	for _, id := range learned {
		known[id] = true
	}
	ids, err := dataset.IDs(ctx, d.Test)
	if err != nil {
		return err
	}
	twice := 0
	for _, id := range ids {
		if known[id] {
			twice++
		}
	}
	if twice > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d of %d test rows are among the rows that are learned from: the result flatters", twice, len(ids)))
	}
	return nil
}

// openSplit opens the named split of a data argument, or all of it when it
// has no splits. Another split never stands in: what is judged on training
// rows must say so.
func openSplit(ctx context.Context, arg, split string, o dataset.Options) (dataset.Source, error) {
	src, err := openFile(arg, split, o)
	if err != nil {
		return nil, err
	}
	return dataset.Memory(ctx, src, memoryLimit)
}

// openFile is openSplit without reading the rows.
func openFile(arg, split string, o dataset.Options) (dataset.Source, error) {
	if splits := dataset.Splits(arg); slices.Contains(splits, split) {
		o.Split = split
	} else if len(splits) > 0 {
		return nil, fault.New(fault.Input, arg, "", "has no %s rows, only %s: name the rows themselves", split, strings.Join(splits, ", "))
	}
	return dataset.Open(arg, o)
}

// memoryLimit bounds the rows that are kept in memory, in bytes; larger
// sources are read anew in each epoch.
const memoryLimit = 1 << 30

// RowLimit is how many rows a command takes, and which.
type RowLimit struct {
	Rows  int    // 0: all
	First bool   // the first ones; else as a run takes them: in proportion to the classes, in their order
	Seed  uint64 // chooses the rows that are not simply the first
}

// OpenRows opens the rows that arg names, for commands that only read them once
// or twice and so keep none in memory: a split must exist when wanted is true.
func OpenRows(ctx context.Context, arg, split string, wanted bool, o dataset.Options, limit RowLimit) (dataset.Source, error) {
	var src dataset.Source
	var err error
	switch {
	case limit.Rows < 0:
		return nil, fault.New(fault.Usage, "", "--limit", "got %d, expected a number of at least 0", limit.Rows)
	case arg == Embedded:
		src, err = openEmbedded(ctx, split)
	case wanted:
		o.Split = split
		src, err = dataset.Open(arg, o)
	default:
		src, err = openFile(arg, split, o)
	}
	if err != nil || limit.Rows == 0 || limit.Rows >= src.Len() {
		return src, err
	}
	if !limit.First {
		return dataset.Limit(ctx, src, limit.Rows, limit.Seed)
	}
	first := make([]int, limit.Rows)
	for i := range first {
		first[i] = i
	}
	return dataset.Subset(src, first), nil
}

// openTest opens the test rows: those named, else the test split that lies
// beside the training rows.
func (d *Data) openTest(ctx context.Context, r *Recipe, o dataset.Options) (err error) {
	switch {
	case r.Data.Test != "":
		d.Test, err = openSplit(ctx, r.Data.Test, "test", o)
		d.TestIs = r.Data.Test
	case testGiven(r):
		d.Test, err = openSplit(ctx, r.Data.Train, "test", o)
		d.TestIs = "the test split of " + r.Data.Train
	}
	return err
}

// testGiven tells whether there are test rows that are no training rows.
func testGiven(r *Recipe) bool {
	return r.Data.Test != "" || slices.Contains(dataset.Splits(r.Data.Train), "test")
}

// testShare of the training rows judge the result when no test rows are given.
const testShare = 0.2

// holdOutTest sets the test rows aside when there are none, and returns what
// is left of train.
func (d *Data) holdOutTest(ctx context.Context, r *Recipe, train dataset.Source) (dataset.Source, error) {
	if d.Test != nil {
		return train, nil
	}
	kept, held, err := dataset.Split(ctx, train, testShare, r.splitSeed()+1)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 || len(held) == 0 {
		return nil, fault.New(fault.Input, r.Data.Train, "", "got %d rows, too few to hold some out: name test rows by --test", train.Len())
	}
	d.Test = dataset.Subset(train, held)
	d.TestIs = fmt.Sprintf("%d training rows that were held out (no test rows given)", len(held))
	d.Notes = append(d.Notes, fmt.Sprintf("no test rows given: %d of %d training rows are held out to judge the result", len(held), train.Len()))
	return dataset.Subset(train, kept), nil
}

// holdOut finds the validation rows and returns what is left of train.
func (d *Data) holdOut(ctx context.Context, r *Recipe, train dataset.Source, o dataset.Options) (dataset.Source, error) {
	if r.Data.Val != "" {
		val, err := openSplit(ctx, r.Data.Val, "val", o)
		if err == nil && val.Spec().Labelled() {
			val, err = d.leaveOut(ctx, r, val)
		}
		d.Val = val
		return train, err
	}
	fraction := r.Data.ValSplit
	if fraction == 0 {
		d.Notes = append(d.Notes, "no validation rows: the last epoch is kept")
		return train, nil
	}
	kept, held, err := dataset.Split(ctx, train, fraction, r.splitSeed())
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 || len(held) == 0 {
		return nil, fault.New(fault.Input, r.Data.Train, "", "%d rows cannot be split by --val-split %v", train.Len(), fraction)
	}
	d.Val = dataset.Subset(train, held)
	return dataset.Subset(train, kept), nil
}

// setTransfer joins train with the rows of more, which may be nil.
func (d *Data) setTransfer(ctx context.Context, train, more dataset.Source) error {
	labelled, err := labelledRows(ctx, train)
	if err != nil {
		return err
	}
	d.Labelled = dataset.Subset(train, labelled)
	d.Transfer = train
	if more == nil {
		return nil
	}
	d.Transfer, err = dataset.Concat(train, dataset.Unlabel(more))
	return err
}

// labelledRows lists the rows of src that have a label.
func labelledRows(ctx context.Context, src dataset.Source) ([]int, error) {
	strata, err := dataset.Strata(ctx, src)
	if err != nil {
		return nil, err
	}
	var rows []int
	for i, s := range strata {
		if s != dataset.Unlabelled {
			rows = append(rows, i)
		}
	}
	return rows, nil
}

// check refuses rows that cannot be learned from, before any work is spent.
func (d *Data) check(r *Recipe) error {
	if d.Transfer.Len() == 0 {
		return fault.New(fault.Input, r.Data.Train, "", "got 0 rows, expected at least 1")
	}
	if d.Labelled.Len() == 0 && !r.Loss.teaches() {
		return fault.New(fault.Usage, r.Data.Train, "", "no row has a label and the loss has no soft term: nothing would be learned")
	}
	want := d.Transfer.Spec()
	for _, s := range []struct {
		path string
		src  dataset.Source
	}{{r.Data.Val, d.Val}, {r.Data.Test, d.Test}} {
		if s.src == nil {
			continue
		}
		if s.src.Len() == 0 {
			return fault.New(fault.Input, s.path, "", "got 0 rows, expected at least 1")
		}
		if got := s.src.Spec(); !slices.Equal(got.Shape, want.Shape) {
			return fault.New(fault.Input, s.path, "", "rows have shape %v, the training rows have %v", got.Shape, want.Shape)
		}
	}
	return nil
}
