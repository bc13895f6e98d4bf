package dataset

import (
	"context"
	"slices"
)

// Mixed are the rows that those of a view are mixed with: varied themselves, not
// yet mixed. Shares is empty where nothing is mixed.
type Mixed struct {
	Batch
	Rows   []int     // (n) positions in the source
	Shares []float32 // (n) λ in [0, 1], what each row keeps of itself
}

// View reads the rows at positions rows of src into b as pass shows them:
// varied and, with mixup, mixed with those that it puts into m. Labels, texts
// and values to predict stay those of the rows themselves.
func (g *Augmenter) View(ctx context.Context, src Source, rows []int, seed uint64, pass int, b *Batch, m *Mixed) error {
	m.Shares = m.Shares[:0]
	if err := src.Read(ctx, rows, b); err != nil {
		return err
	}
	g.Apply(b.X, rows, seed, pass)
	if g.alpha == 0 {
		return nil
	}
	n := len(rows)
	m.Rows, m.Shares = slices.Grow(m.Rows[:0], n)[:n], slices.Grow(m.Shares, n)[:n]
	g.Partners(m.Rows, m.Shares, rows, src.Len(), seed, pass)
	if err := src.Read(ctx, m.Rows, &m.Batch); err != nil {
		return err
	}
	g.Apply(m.X, m.Rows, seed, pass)
	g.Mix(b.X, m.X, m.Shares)
	return nil
}

// Views is n views of each row of src as rows of their own: row p·src.Len() + i
// is row i as View shows it in pass p. They are made when they are read.
func (g *Augmenter) Views(src Source, seed uint64, n int) Source {
	return &augmented{src: src, augmenter: g, seed: seed, views: n}
}

type augmented struct {
	src       Source
	augmenter *Augmenter
	seed      uint64
	views     int
}

func (s *augmented) Spec() Spec                  { return s.src.Spec() }
func (s *augmented) Len() int                    { return s.views * s.src.Len() }
func (s *augmented) Close() error                { return nil }
func (s *augmented) below(row int) (Source, int) { return s.src, row % s.src.Len() }

func (s *augmented) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, s.Len()); err != nil {
		return err
	}
	if len(rows) == 0 {
		return s.src.Read(ctx, nil, b)
	}
	n := s.src.Len()
	if first := rows[0] / n; !slices.ContainsFunc(rows, func(r int) bool { return r/n != first }) {
		return s.view(ctx, rows, first, b)
	}
	b.ResetTo(len(rows), s.Spec())
	var part Batch
	for pass := range s.views {
		var of, places []int
		for i, r := range rows {
			if r/n == pass {
				of, places = append(of, r), append(places, i)
			}
		}
		if len(of) == 0 {
			continue
		}
		if err := s.view(ctx, of, pass, &part); err != nil {
			return err
		}
		for i, p := range places {
			b.copyRow(p, &part, i)
		}
	}
	return ctx.Err()
}

// view reads rows that are all of one pass.
func (s *augmented) view(ctx context.Context, rows []int, pass int, b *Batch) error {
	n := s.src.Len()
	below := make([]int, len(rows))
	for i, r := range rows {
		below[i] = r - pass*n
	}
	var m Mixed
	return s.augmenter.View(ctx, s.src, below, s.seed, pass, b, &m)
}
