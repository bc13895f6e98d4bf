package teacher

import (
	"context"
	"reflect"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// identified are the distinct rows of a source.
type identified struct {
	src  dataset.Source // nil when it cannot be compared
	rows *store.Rows
}

func (i *identified) close() {
	if i != nil {
		i.rows.Close() // a temporary file
	}
}

// keeper names the rows of sources, and says how their targets are kept.
type keeper struct {
	dtype   store.DType
	scratch string // folder for temporary files; empty: the system's
	known   *identified
}

// rowsOf digests the rows of src, once a source. They stay open until another
// source is asked about.
func (t *keeper) rowsOf(ctx context.Context, src dataset.Source) (*store.Rows, error) {
	comparable := reflect.TypeOf(src).Comparable()
	if comparable && t.known != nil && t.known.src == src {
		return t.known.rows, nil
	}
	rows, err := store.Gather(t.scratch, func(add func(ids []dataset.RowID) error) error { return dataset.EachID(ctx, src, add) })
	if err != nil {
		return nil, err
	}
	t.known.close()
	t.known = &identified{rows: rows}
	if comparable {
		t.known.src = src
	}
	return rows, nil
}

// Key says what the targets of src would be computed from, and how they would
// be kept. Its Hash names their store in a cache.
func (t *Teacher) Key(ctx context.Context, src dataset.Source) (store.Key, error) {
	if err := t.detected(); err != nil {
		return store.Key{}, err
	}
	rows, err := t.rowsOf(ctx, src)
	if err != nil {
		return store.Key{}, err
	}
	return t.key(ctx, src, rows, "")
}

// Answers tells whether a store with the key k holds what the teacher would say
// of k's rows, kept as Options ask for.
func (t *Teacher) Answers(k store.Key) bool {
	return t.detected() == nil && t.answers(t.meant(), k)
}

// answers tells whether a store with the key k holds what mine stands for.
func (t *keeper) answers(mine, k store.Key) bool {
	if !t.dtype.Admits(k.DType) {
		return false
	}
	mine.DType, mine.Dataset = k.DType, k.Dataset
	field, _, _ := mine.Diff(k)
	return field == ""
}

func (t *Teacher) detected() error {
	if t.contract == nil {
		return fault.New(fault.Usage, t.path, "", "not known yet what the teacher wants: detect it first")
	}
	return nil
}

// key is the key of a store of rows in the folder dir, or in a cache.
func (t *Teacher) key(ctx context.Context, src dataset.Source, rows *store.Rows, dir string) (store.Key, error) {
	d, err := t.kept(ctx, t, src, dir)
	k := t.meant()
	k.DType, k.Dataset = d, rows.Digest()
	return k, err
}

// kept is how rows are kept: as the store in dir does if that is what Options
// ask for, else as they say.
func (t *keeper) kept(ctx context.Context, m Model, src dataset.Source, dir string) (string, error) {
	if dir != "" {
		if have := store.DTypeIn(dir); have != "" && t.dtype.Admits(have) {
			return have, nil
		}
	}
	if t.dtype.Kind == "" {
		return store.Float32, nil
	}
	if !t.dtype.Open() {
		return t.dtype.String(), nil
	}
	logits, err := sample(ctx, m, src)
	if err != nil {
		return "", err
	}
	d, err := t.dtype.Choose(logits, m.Contract().Classes)
	return d.String(), err
}

// chosenBy is how many rows choose the number of logits that are kept.
const chosenBy = 1000

// sample is the logits, (n, Classes), of rows spread evenly over src.
func sample(ctx context.Context, m Model, src dataset.Source) ([]float32, error) {
	n, c := min(src.Len(), chosenBy), m.Contract().Classes
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i * src.Len() / n
	}
	logits := make([]float32, 0, n*c)
	err := dataset.Batches(ctx, src, rows, m.Contract().Batch, func(rows []int, b *dataset.Batch) error {
		at := len(logits)
		logits = logits[:at+len(rows)*c]
		return m.Logits(ctx, b, logits[at:])
	})
	return logits, err
}
