package teacher

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// cut is how rows are cut on their way to the model. A piece is what one native
// call gets; a chunk is what the runner is handed at once and runs in lanes.
// The last piece of a chunk is padded, so that every call has the same shape
// and a row's logits depend on neither lanes nor chunks.
type cut struct {
	piece, lanes, chunk int
}

// maxEncoded bounds the values of a call where its rows are not given.
const maxEncoded = 1 << 26

// Bounds of a cut.
const (
	chunkBytes   = 32 << 20              // of the inputs of a chunk
	chunkRows    = 8192                  // of a chunk
	pieceBytes   = 8 << 20               // of the inputs of a piece on the CPU, unless it is asked for
	maxLanes     = 16                    // for each has memory of its own for what a model computes on the way
	chunkTime    = 12 * time.Millisecond // that a chunk takes, about
	sampleRows   = 2048                  // that it is measured on, at most
	probeTime    = time.Second           // that looking for the fastest piece may take
	probeShare   = 50                    // and so many times longer must the run be
	probeRepeats = 2
	worthwhile   = 0.97 // of the usual piece's time, at most, for another to be taken
)

// pieces are the sizes that are tried.
var pieces = []int{16, 32, 64, 128, 256, 512}

// tune opens the model for many rows: in lanes of one thread each, which use
// the cores better than many threads in one small call, and cut so that
// messages are few and the first results soon. sample are some of the total
// rows that are about to be run.
//
// The logits are those of pieces of contract.Batch rows, which the key of a
// store names. Another size is run only when it is faster and gives the same
// bits for every row of the sample, so that timing decides about nothing but
// time.
func (t *Teacher) tune(ctx context.Context, src dataset.Source, sample []int, total int) error {
	c := t.contract
	t.cut = cut{piece: c.Batch, lanes: 1, chunk: c.Batch}
	if c.FixedBatch > 0 {
		t.cut.piece = c.FixedBatch
	}
	if _, ok := t.runner.(ort.Recutter); !ok || c.Single {
		return nil
	}
	var in encoded
	err := dataset.Batches(ctx, src, sample, len(sample), func(_ []int, b *dataset.Batch) error {
		return t.encode.encode(&in, b)
	})
	if err != nil {
		return nil // the run meets the same row, and names it
	}
	if c.FixedBatch == 0 && slices.Contains(in.same, true) { // what is for all rows is not to be cut
		return nil
	}
	n := len(sample)
	fit := max(1, min(chunkBytes/max(1, bytesOf(in.values)/n), chunkRows)/t.cut.piece) // pieces of a chunk
	o := t.opened
	o.Batch, o.Lanes, o.Threads = t.cut.piece, 1, t.o.Threads
	if c.Provider == "cpu" {
		cores := t.o.Threads
		if cores == 0 {
			cores = runtime.GOMAXPROCS(0)
		}
		o.Lanes = min(cores, fit, maxLanes)
		o.Threads = max(1, cores/o.Lanes)
	}
	if !sameOptions(o, t.opened) {
		if err := t.reopen(ctx, o); err != nil {
			return err
		}
	}
	t.cut.lanes = o.Lanes
	t.cut.chunk = t.cut.piece * o.Lanes
	if total < 8*t.cut.chunk {
		return nil
	}
	if err := t.fasten(ctx, &in, n, total, fit); err != nil {
		if ctx.Err() != nil {
			return err
		}
		// The run meets the same rows and says what is wrong with which.
		t.cut.chunk = t.cut.piece
	}
	return nil
}

// usualBatch is the number of rows of a call where model and user leave it
// open: DefaultBatch, or fewer of size values each when they are large and
// nothing is won by more of them.
func usualBatch(size int, provider string) int {
	n, most := DefaultBatch, maxEncoded
	if provider == "cpu" {
		most = pieceBytes / 4
	}
	for n > 1 && n*size > most {
		n /= 2
	}
	return n
}

// sameOptions tells whether a session opened with a serves as one opened with b.
func sameOptions(a, b ort.Options) bool {
	return a.Batch == b.Batch && max(1, a.Lanes) == max(1, b.Lanes) && a.Threads == b.Threads
}

// bytesOf is the size of the tensors.
func bytesOf(values []ort.Value) int {
	n := 0
	for _, v := range values {
		n += len(v.Data)
		for _, s := range v.Strings {
			n += len(s)
		}
	}
	return n
}

// fasten measures the speed on the n sample rows of in, tries other pieces
// where they may be chosen, and sets the chunk. fit is the number of usual
// pieces that fit in a chunk.
func (t *Teacher) fasten(ctx context.Context, in *encoded, n, total, fit int) error {
	whole, most := t.cut.piece*t.cut.lanes, fit*t.cut.piece
	n = min(n, most) / whole * whole
	if n == 0 {
		return nil
	}
	perRow, err := t.rowTime(ctx, in, n)
	if err != nil {
		return err
	}
	// What looking may take, of what it can save.
	spend := min(probeTime, time.Duration(total)*perRow/probeShare)
	runs := 1 + len(pieces)*(probeRepeats+1)
	if rows := int(spend / time.Duration(runs) / perRow); t.contract.FixedBatch == 0 && t.o.Batch == 0 && rows >= 2*whole {
		if perRow, err = t.fastest(ctx, in, min(rows, n)); err != nil {
			return err
		}
	}
	whole = t.cut.piece * t.cut.lanes
	t.cut.chunk = whole * max(1, min(int(chunkTime/perRow), most)/whole)
	return nil
}

// rowTime is the time that a row takes when n rows, or enough of them to tell,
// are run at once.
func (t *Teacher) rowTime(ctx context.Context, in *encoded, n int) (time.Duration, error) {
	// Memory is touched for the first time.
	if _, _, err := t.timed(ctx, in, min(n, t.cut.piece*t.cut.lanes)); err != nil {
		return 0, err
	}
	for rows := t.cut.piece * t.cut.lanes; ; rows *= 2 {
		rows = min(rows, n)
		_, took, err := t.timed(ctx, in, rows)
		if err != nil || took >= chunkTime/4 || rows == n {
			return max(1, took/time.Duration(rows)), err
		}
	}
}

// fastest chooses the piece by running n sample rows, and gives its time a row.
func (t *Teacher) fastest(ctx context.Context, in *encoded, n int) (time.Duration, error) {
	usual := t.cut.piece
	r := t.runner.(ort.Recutter)
	defer func() { r.Recut(t.cut.piece) }()
	want, _, err := t.timed(ctx, in, n)
	if err != nil {
		return 0, err
	}
	want.Data, want.Strings = slices.Clone(want.Data), slices.Clone(want.Strings)
	best := map[int]time.Duration{usual: 0}
	for _, p := range pieces {
		if p == usual || p*t.cut.lanes > n {
			continue
		}
		r.Recut(p)
		got, _, err := t.timed(ctx, in, n)
		if err != nil {
			return 0, err
		}
		if bytes.Equal(got.Data, want.Data) && slices.Equal(got.Strings, want.Strings) {
			best[p] = 0
		}
	}
	for range probeRepeats { // in turns, so that all meet the same machine
		for p, least := range best {
			r.Recut(p)
			_, took, err := t.timed(ctx, in, n)
			if err != nil {
				return 0, err
			}
			if least == 0 || took < least {
				best[p] = took
			}
		}
	}
	for _, p := range pieces {
		if took, ok := best[p]; ok && took < best[t.cut.piece] && float64(took) < worthwhile*float64(best[usual]) {
			t.cut.piece = p
		}
	}
	return best[t.cut.piece] / time.Duration(n), nil
}

// timed runs the first n rows of in once, and gives the output and the time. A
// worker that dies of it is started again.
func (t *Teacher) timed(ctx context.Context, in *encoded, n int) (ort.Value, time.Duration, error) {
	start := time.Now()
	out, err := t.runner.Run(ctx, part(in, 0, n).values)
	took := time.Since(start)
	if err != nil {
		return ort.Value{}, 0, t.revive(ctx, err)
	}
	v, err := t.only(out)
	return v, took, err
}

// part is rows [from, to) of b.
func part(b *encoded, from, to int) *encoded {
	out := &encoded{values: slices.Clone(b.values), same: b.same, bare: b.bare}
	for i, v := range b.values {
		if i < len(b.same) && b.same[i] {
			continue
		}
		rows := int(v.Shape[0])
		out.values[i].Shape = append([]int64{int64(to - from)}, v.Shape[1:]...)
		if size := len(v.Data) / rows; v.Data != nil {
			out.values[i].Data = v.Data[from*size : to*size]
		}
		if size := len(v.Strings) / rows; v.Strings != nil {
			out.values[i].Strings = v.Strings[from*size : to*size]
		}
	}
	return out
}
