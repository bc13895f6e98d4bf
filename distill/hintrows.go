package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// hintRows is what a place inside the teacher has for each row that is learned
// from: for the row as it is, however training varies it.
type hintRows struct {
	targets *store.Store
	ids     []dataset.RowID
	others  []float32 // (n, D)
	wanted  []dataset.RowID
}

// openHintRows pairs the rows of src with their values. It is for one feed at a
// time.
func openHintRows(ctx context.Context, src dataset.Source, targets *store.Store) (*hintRows, error) {
	ids, err := dataset.IDs(ctx, src)
	return &hintRows{targets: targets, ids: ids}, err
}

// answers puts the values of the rows at positions order into v, (len(order), D).
func (h *hintRows) answers(order []int, v []float32) error {
	h.wanted = h.wanted[:0]
	for _, i := range order {
		h.wanted = append(h.wanted, h.ids[i])
	}
	return h.targets.Lookup(h.wanted, v)
}

// hints fills the hint of m, whose rows are those at positions order, mixed as
// the rows are; nothing where there is no hint.
func (r *rows) hints(order []int, m *mini) error {
	h := r.hint
	if h == nil {
		return nil
	}
	d := h.targets.Classes()
	m.hint = grow(m.hint, m.n*d)
	if err := h.answers(order, m.hint); err != nil || len(m.others.Shares) == 0 {
		return err
	}
	h.others = grow(h.others, m.n*d)
	if err := h.answers(m.others.Rows, h.others); err != nil {
		return err
	}
	for i, share := range m.others.Shares {
		r.vary.mixer.MixValues(m.hint[i*d:(i+1)*d], h.others[i*d:(i+1)*d], share)
	}
	return nil
}
