package distill

import (
	"context"
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/glyphs"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models/embedded"
)

// embeddedSplits are the rows of the embedded run.
var embeddedSplits = map[string]glyphs.Options{
	"train":      {Rows: 1500, Labelled: -1},
	"unlabelled": {Rows: 18500, Labelled: 0},
	"val":        {Rows: 1000, Labelled: -1},
	"test":       {Rows: 4000, Labelled: -1},
}

// openEmbedded opens one split of the characters drawn from the Go fonts.
func openEmbedded(ctx context.Context, split string) (dataset.Source, error) {
	o, ok := embeddedSplits[split]
	if !ok {
		return nil, fault.New(fault.Usage, "", "--split", "got %q, expected train, unlabelled, val or test", split)
	}
	o.Split, o.Seed = split, 1
	return dataset.Memory(ctx, glyphs.Open(o), memoryLimit)
}

// embeddedData are few labelled rows and many without, so that what the
// teacher knows of the unlabelled ones is what counts.
func embeddedData(ctx context.Context, r *Recipe, h *HeldOut) (d *Data, err error) {
	d = &Data{TestIs: fmt.Sprintf("%d rows of the embedded characters that no training saw", embeddedSplits["test"].Rows)}
	train, err := openEmbedded(ctx, "train")
	if err != nil {
		return nil, err
	}
	d.whole = train
	if h != nil {
		if train, err = d.holdOutJudges(ctx, r, train, *h); err != nil {
			return nil, err
		}
	}
	if r.Data.Labelled > 0 {
		if train, err = dataset.WithLabels(ctx, train, r.Data.Labelled, r.splitSeed()); err != nil {
			return nil, err
		}
	}
	unlabelled, err := openEmbedded(ctx, "unlabelled")
	if err != nil {
		return nil, err
	}
	if err := d.setTransfer(ctx, train, unlabelled); err != nil {
		return nil, err
	}
	if err := d.synthesise(ctx, r); err != nil {
		return nil, err
	}
	if d.Val, err = openEmbedded(ctx, "val"); err != nil {
		return nil, err
	}
	switch {
	case h == nil:
		d.Test, err = openEmbedded(ctx, "test")
	case h.ofValidation(r):
		err = d.halveValidation(ctx, r)
	}
	return d, err
}

// ModelFile is the file of the model at path: of Embedded the one that ships in
// the binary, unpacked into the cache.
func ModelFile(path, cache string) (string, error) {
	if path == Embedded {
		return embedded.Unpack(cache)
	}
	return path, nil
}
