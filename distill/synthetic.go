package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Ways that rows are made where the recipe does not say how: MUNGE is for
// columns that each mean something, which pixels do not.
const (
	tableSynthesis = "munge"
	imageSynthesis = "mixup"
)

// synthesise adds the rows that r asks for to the transfer set. They are made of
// its rows, labelled or not, and of no others: none is in any way one that
// chooses the best epoch, or judges.
func (d *Data) synthesise(ctx context.Context, r *Recipe) error {
	if r.Data.Synthetic == 0 {
		return nil
	}
	text := r.Data.Synthesis
	switch {
	case text != "":
	case d.Transfer.Spec().Image:
		text = imageSynthesis
	default:
		text = tableSynthesis
	}
	s, err := dataset.ParseSynthesis(text)
	if err != nil {
		return err
	}
	made, err := s.Make(ctx, d.Transfer, r.Data.Synthetic, r.splitSeed())
	if err != nil {
		return fault.At(r.Data.Train, err)
	}
	if made, err = dataset.Memory(ctx, made, memoryLimit); err != nil {
		return err
	}
	d.Notes = append(d.Notes, made.Spec().Notes...)
	d.Transfer, err = dataset.Concat(d.Transfer, made)
	return err
}
