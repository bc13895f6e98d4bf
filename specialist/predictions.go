package specialist

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// lookup is how many rows are looked up at once.
const lookup = 256

// predictions are what a generalist says of rows, in a target store: asked once,
// read as often as need be, in any order.
type predictions struct {
	model   string // for people
	store   *store.Store
	ids     []dataset.RowID // (N)
	labels  []int32         // (N)
	classes int
	names   []string // (C)
}

// openPredictions asks the model about the rows, or opens the store that was filled.
func openPredictions(ctx context.Context, o *ClusterOptions) (p *predictions, err error) {
	p = &predictions{}
	if o.Targets != "" {
		p.model = o.Targets
		p.store, err = store.Open(o.Targets)
	} else {
		p.store, err = p.ask(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	key := p.store.Key()
	if p.names, p.classes = key.ClassNames, key.Classes; dataset.Task(key.Task) != dataset.MultiClass {
		p.close()
		return nil, fault.New(fault.Input, p.model, "task", "is of %s, expected classes of which one holds", dataset.Task(key.Task))
	}
	if p.ids, err = dataset.IDs(ctx, o.Rows); err == nil {
		err = p.complete()
	}
	if err == nil {
		p.labels, err = dataset.Labels(ctx, o.Rows)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	for _, names := range [][]string{o.Rows.Spec().Classes, o.Names} { // the order of their labels, else the model's
		if len(names) == p.classes {
			p.names = names
			break
		}
	}
	for k := len(p.names); k < p.classes; k++ {
		p.names = append(p.names[:k:k], strconv.Itoa(k))
	}
	return p, nil
}

// ask fills a target store in the cache, or finds it complete.
func (p *predictions) ask(ctx context.Context, o *ClusterOptions) (*store.Store, error) {
	m, stop, err := distill.OpenTeacher(ctx, &o.Model, o.Cache)
	if err != nil {
		return nil, err
	}
	defer stop()
	m.NameRows(o.RowsName)
	p.model = m.Name()
	contract, err := m.Detect(ctx, o.Rows)
	if err != nil {
		return nil, err
	}
	for _, line := range contract.Lines() {
		o.log("model: " + line)
	}
	key, err := m.Key(ctx, o.Rows)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Cache, "targets", key.Hash())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	return m.Fill(ctx, o.Rows, dir, teacher.FillOptions{Members: filepath.Join(o.Cache, "targets"), Repair: o.Model.Repair, Progress: o.Progress,
		Restarted: func(batch string, err error) { o.log("model: " + batch + ", restarted and went on: " + err.Error()) }})
}

// complete wants every row in the store.
func (p *predictions) complete() error {
	i, err := p.store.FirstMissing(p.ids)
	if err == nil && i >= 0 {
		err = fault.New(fault.Integrity, p.store.Dir(), "row "+p.ids[i].String(), "is not in the target store: it is row %d of the %d asked for, counted from 0", i, len(p.ids))
	}
	return err
}

func (p *predictions) close() { p.store.Close() }

// each calls f with rows in order (nil: as they are) and softmax(z/temperature)
// of their logits z, (N) and (N, C). f must keep neither.
func (p *predictions) each(ctx context.Context, order []int, temperature float64, f func(rows []int, q []float32) error) error {
	s := p.store.At(temperature)
	rows, ids, z := make([]int, 0, lookup), make([]dataset.RowID, 0, lookup), make([]float32, lookup*p.classes)
	for lo := 0; lo < len(p.ids); lo += lookup {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, ids = rows[:0], ids[:0]
		for i := lo; i < min(lo+lookup, len(p.ids)); i++ {
			row := i
			if order != nil {
				row = order[i]
			}
			rows, ids = append(rows, row), append(ids, p.ids[row])
		}
		q := z[:len(rows)*p.classes]
		if err := s.Lookup(ids, q); err != nil {
			return err
		}
		for i := range rows {
			soften(q[i*p.classes:(i+1)*p.classes], temperature)
		}
		if err := f(rows, q); err != nil {
			return fault.New(fault.Input, p.model, "", "%w", err)
		}
	}
	return nil
}

// soften makes logits the distribution softmax(z/temperature).
func soften(z []float32, temperature float64) {
	most, sum := math.Inf(-1), 0.0
	for _, v := range z {
		most = math.Max(most, float64(v))
	}
	for _, v := range z {
		sum += math.Exp((float64(v) - most) / temperature)
	}
	for k, v := range z {
		z[k] = float32(math.Exp((float64(v)-most)/temperature) / sum)
	}
}
