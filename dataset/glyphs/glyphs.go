// Package glyphs is the data that kdonnx carries in itself: the digits and the
// letters of both cases, 62 classes, rendered from the Go fonts as 28×28 gray
// images, white on black.
//
// # Invariants
//
// A row depends on the split, the seed and its position alone: rendering is
// integer arithmetic throughout, so the bytes are the same on every machine.
// Rows are drawn without limit; splits never share one. Letters keep no fixed
// size, so that what differs only by size (c and C) or hardly at all (0 and O,
// 1 and l and I) is told apart by its probabilities and not for certain.
package glyphs

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Side is the height and width of an image.
const Side = 28

// characters are the classes in the order of their labels.
const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const defaultRows = 2000

// Options of Open.
type Options struct {
	Split    string // names a stream of rows of its own; empty: "train"
	Rows     int    // number of rows; 0: 2,000
	Seed     uint64 // another seed gives other rows
	Labelled int    // rows that have a label, from the first; -1: all
}

// Open gives rows that are rendered as they are read. Every 62 rows from the
// first hold each class once.
func Open(o Options) dataset.Source {
	if o.Rows <= 0 {
		o.Rows = defaultRows
	}
	if o.Labelled < 0 || o.Labelled > o.Rows {
		o.Labelled = o.Rows
	}
	if o.Split == "" {
		o.Split = "train"
	}
	h := fnv.New64a()
	h.Write([]byte(o.Split))
	s := &source{rows: o.Rows, labelled: o.Labelled, seed: mix(mix(o.Seed) ^ h.Sum64())}
	s.spec = dataset.Spec{
		Shape: []int{Side, Side, 1}, Image: true, DType: dataset.Uint8,
		Notes: []string{"glyphs of " + strconv.Itoa(len(fonts)) + " fonts, rendered from seed " + strconv.FormatUint(o.Seed, 10)},
	}
	if o.Labelled > 0 {
		s.spec.Classes = strings.Split(characters, "")
	}
	return s
}

type source struct {
	spec     dataset.Spec
	rows     int
	labelled int
	seed     uint64
}

func (s *source) Spec() dataset.Spec { return s.spec }
func (s *source) Len() int           { return s.rows }
func (s *source) Close() error       { return nil }

// Labels gives the labels without rendering.
func (s *source) Labels(context.Context) ([]int32, error) {
	y := make([]int32, s.rows)
	for i := range y {
		y[i] = s.label(i)
	}
	return y, nil
}

func (s *source) label(row int) int32 {
	if row >= s.labelled {
		return dataset.Unlabelled
	}
	return int32(s.class(row))
}

// class shuffles the classes anew for every 62 rows.
func (s *source) class(row int) int {
	const n = len(characters)
	var order [n]uint8
	for i := range order {
		order[i] = uint8(i)
	}
	r := rand.NewPCG(s.seed, mix(uint64(row/n)|1<<63))
	for i := n - 1; i > 0; i-- {
		j := int(r.Uint64() % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return int(order[row%n])
}

func (s *source) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	const size = Side * Side
	b.Reset(len(rows), size)
	set := masks()
	for i, r := range rows {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r < 0 || r >= s.rows {
			return fault.New(fault.Input, "glyphs", "row "+strconv.Itoa(r), "out of range: the source has %d rows", s.rows)
		}
		set.render(b.X[i*size:(i+1)*size], s.class(r), rand.NewPCG(s.seed, mix(uint64(r))))
		b.Y[i] = s.label(r)
	}
	return ctx.Err()
}

// masks renders the fonts once for the whole process: they never change.
var masks = sync.OnceValue(newMasks)

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
