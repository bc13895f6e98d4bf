package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Writer fills a store. It holds the folder's lock until Close, and is not
// safe for concurrent use.
type Writer struct {
	fs      durable.FS
	dir     string
	plan    plan
	rows    *Rows
	missing []int // shards to write, ascending
	lock    *durable.Lock
	buf     []byte
	where   []int // memory of Positions
}

// ShardRange is a shard that is yet to be written.
type ShardRange struct {
	Index int // shard number
	Len   int // rows it holds
}

// options of a Writer.
type options struct {
	fs          durable.FS
	shardRows   int
	part, parts int
	repair      bool
}

// Create opens the folder dir for writing the targets of rows, making it if
// needed (its parent must exist). Complete shards that are already there are
// kept, the rest is Missing. An existing store keeps the rows per shard that it
// was begun with. rows must stay open as long as the Writer.
//
// A store with another key is a fault.Integrity that names the differing
// field, and so is a shard whose digest does not match: Repair writes such a
// shard anew. A folder that another process writes to is a fault.IO with the
// process's number.
func Create(dir string, k Key, rows *Rows, rowsPerShard int) (*Writer, error) {
	return create(dir, k, rows, options{fs: durable.OS{}, shardRows: rowsPerShard, parts: 1})
}

// Repair is Create, except that damaged shards count as missing.
func Repair(dir string, k Key, rows *Rows, rowsPerShard int) (*Writer, error) {
	return create(dir, k, rows, options{fs: durable.OS{}, shardRows: rowsPerShard, parts: 1, repair: true})
}

// CreatePart is Create for one of several processes or machines that fill a
// store together, in one shared folder or each in its own: of the shards, only
// those whose number is part modulo parts are Missing. Give every part the
// same rows per shard.
func CreatePart(dir string, k Key, rows *Rows, rowsPerShard, part, parts int) (*Writer, error) {
	return create(dir, k, rows, options{fs: durable.OS{}, shardRows: rowsPerShard, part: part, parts: parts})
}

func create(dir string, k Key, rows *Rows, o options) (*Writer, error) {
	w := &Writer{fs: o.fs, dir: dir, rows: rows}
	if err := w.check(&k, o); err != nil {
		return nil, err
	}
	if err := w.enter(plan{formatVersion, k, k.Hash(), rows.Len(), o.shardRows, w.plan.codec}, o); err != nil {
		return nil, err
	}
	if err := w.survey(o); err != nil {
		w.lock.Unlock()
		return nil, err
	}
	return w, nil
}

// enter makes the folder, takes its lock and reads its plan, which must be p
// but for the rows of a shard, or writes p.
func (w *Writer) enter(p plan, o options) (err error) {
	if err := os.Mkdir(w.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fault.New(fault.IO, w.dir, "", "cannot create folder: %w", reason(err))
	}
	if st, err := os.Stat(w.dir); err != nil || !st.IsDir() {
		return fault.New(fault.IO, w.dir, "", "is no folder, expected the folder of a target store")
	}
	if w.lock, err = lockWhole(w.dir, o.parts > 1); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.lock.Unlock()
		}
	}()
	if err := w.begin(p); err != nil {
		return err
	}
	if o.parts == 1 {
		return durable.Clean(w.dir, nil)
	}
	return w.lockPart(o.part, o.parts)
}

// check completes k by what follows from the rows and validates it.
func (w *Writer) check(k *Key, o options) error {
	digest := w.rows.Digest()
	if k.Dataset == "" {
		k.Dataset = digest
	}
	if k.DType == "" {
		k.DType = Float32
	}
	switch {
	case w.rows.Len() == 0:
		return fault.New(fault.Input, w.dir, "", "got no rows, expected at least 1")
	case o.shardRows < 1:
		return fault.New(fault.Usage, w.dir, "rows per shard", "got %d, expected at least 1", o.shardRows)
	case o.parts < 1 || o.part < 0 || o.part >= o.parts:
		return fault.New(fault.Usage, w.dir, "shard index", "got %d of %d, expected 0 to one less than the number of parts", o.part, o.parts)
	case k.Classes < 1 || k.Classes > maxClasses:
		return fault.New(fault.Input, w.dir, "classes", "got %d, expected 1 to %d", k.Classes, maxClasses)
	case k.Dataset != digest:
		return fault.New(fault.Integrity, w.dir, "dataset", "got rows with digest %.16s…, expected %.16s…", digest, k.Dataset)
	}
	var err error
	w.plan.codec, err = k.codec()
	return err
}

// begin reads the plan of an existing store or writes p.
func (w *Writer) begin(p plan) error {
	old, err := readPlan(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := w.refuseForeign(); err != nil {
			return err
		}
		w.plan = p
		return durable.WriteFile(w.fs, planPath(w.dir), func(out io.Writer) error {
			_, err := out.Write(canonical(w.plan))
			return err
		})
	}
	if err != nil {
		return err
	}
	if field, mine, theirs := p.Key.Diff(old.Key); field != "" {
		return fault.New(fault.Integrity, w.dir, field, "the store was made with %s, this run has %s: choose another folder", theirs, mine)
	}
	if old.Rows != p.Rows {
		return fault.New(fault.Integrity, planPath(w.dir), "rows", "got %d, expected %d", old.Rows, p.Rows)
	}
	w.plan = old
	return nil
}

// refuseForeign keeps a new store out of a folder that holds other files.
// Shards may be there before the plan: they are checked like any other.
func (w *Writer) refuseForeign() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fault.New(fault.IO, w.dir, "", "cannot list: %w", reason(err))
	}
	for _, e := range entries {
		if isOurs(e.Name()) {
			continue
		}
		return fault.New(fault.IO, filepath.Join(w.dir, e.Name()), "", "is no part of a target store: choose an empty folder")
	}
	return nil
}

// survey finds the shards of the part that are not there, and looks at the
// index, which a repair drops when it is damaged.
func (w *Writer) survey(o options) error {
	var c checker
	for i := o.part; i < w.plan.shards(); i += o.parts {
		from, to := w.plan.span(i)
		w.where = w.rows.Positions(w.where, from, to)
		want, err := w.rows.read(w.buf, w.where)
		if err != nil {
			return err
		}
		w.buf = want
		row := 0
		_, err = c.shard(w.dir, w.plan, i, func(ids []byte) error {
			for ; len(ids) > 0; ids = ids[idSize:] {
				if got, want := dataset.RowID(ids), dataset.RowID(want[row*idSize:]); got != want {
					return fault.New(fault.Integrity, idsPath(w.dir, i), "", "shard %d row %d: got id %v, expected %v", i, row, got, want)
				}
				row++
			}
			return nil
		}, nil)
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist), o.repair && fault.KindOf(err) == fault.Integrity:
			w.missing = append(w.missing, i)
		default:
			return err
		}
	}
	x, err := openIndex(w.dir, w.plan, false)
	switch {
	case err == nil:
		return x.Close()
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case o.repair && fault.KindOf(err) == fault.Integrity:
		return w.remove(indexPath(w.dir))
	}
	return err
}

// Shards is the number of shards of the whole store.
func (w *Writer) Shards() int { return w.plan.shards() }

// Len is the number of distinct rows of the whole store.
func (w *Writer) Len() int { return w.plan.Rows }

// Missing lists the shards that are yet to be written, in order.
func (w *Writer) Missing() []ShardRange {
	out := make([]ShardRange, len(w.missing))
	for n, i := range w.missing {
		out[n] = ShardRange{i, w.plan.rowsOf(i)}
	}
	return out
}

// Positions gives, in the memory of buf, where in the source the rows of shard i
// first occur, in the order of the shard. It may be called beside WriteShard.
func (w *Writer) Positions(buf []int, i int) []int {
	from, to := w.plan.span(i)
	return w.rows.Positions(buf, from, to)
}

// WriteShard stores shard i, whose logits are (rows, Classes) in the order of
// Positions. A value that is NaN, infinite or too large for the dtype is a
// fault.Input that names the row's id, and nothing is written.
func (w *Writer) WriteShard(i int, logits []float32) error {
	classes := w.plan.Key.Classes
	if want := w.plan.rowsOf(i); w.lacks(i) && len(logits) != want*classes {
		return fault.New(fault.Usage, w.dir, "", "shard %d: got %d values, expected %d rows of %d", i, len(logits), want, classes)
	}
	return w.write(i, func(n int, dst []byte) error {
		row := logits[n*classes : (n+1)*classes]
		for c, v := range row {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("the teacher gave %v for class %d, expected a finite number", v, c)
			}
		}
		return w.plan.codec.encode(dst, row)
	})
}

func (w *Writer) lacks(i int) bool {
	_, found := slices.BinarySearch(w.missing, i)
	return found
}

// write stores shard i, whose rows encode makes. An error of encode is one of
// the row, unless it is a fault already.
func (w *Writer) write(i int, encode func(n int, dst []byte) error) error {
	if !w.lacks(i) {
		return fault.New(fault.Usage, w.dir, "", "shard %d is not missing", i)
	}
	from, to := w.plan.span(i)
	rows := to - from
	w.where = w.rows.Positions(w.where, from, to)
	ids, err := w.rows.read(nil, w.where)
	if err != nil {
		return err
	}
	size := w.plan.codec.size()
	w.buf = slices.Grow(w.buf[:0], rows*size)[:rows*size]
	for n := range rows {
		if err := encode(n, w.buf[n*size:(n+1)*size]); err != nil {
			if known := (*fault.Error)(nil); errors.As(err, &known) {
				return err
			}
			return fault.New(fault.Input, w.dir, "row "+dataset.RowID(ids[n*idSize:]).String(), "%w", err)
		}
	}
	if err := w.remove(sidecarPath(w.dir, i)); err != nil { // it never stands beside files that it does not describe
		return err
	}
	side := sidecar{Shard: i, First: from, Rows: rows, Classes: w.plan.Key.Classes, KeySHA256: w.plan.KeySHA256}
	if side.IDsSHA256, err = w.put(idsPath(w.dir, i), idsHeader(rows), ids); err != nil {
		return err
	}
	if side.TargetsSHA256, err = w.put(targetsPath(w.dir, i), targetsHeader(rows, w.plan.codec), w.buf); err != nil {
		return err
	}
	if _, err := w.put(sidecarPath(w.dir, i), nil, canonical(side)); err != nil {
		return err
	}
	at, _ := slices.BinarySearch(w.missing, i)
	w.missing = slices.Delete(w.missing, at, at+1)
	return nil
}

// remove removes a file of the store durably, if it is there.
func (w *Writer) remove(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := w.fs.Remove(path); err != nil {
		return fault.New(fault.IO, path, "", "cannot remove: %w", reason(err))
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		return fault.New(fault.IO, w.dir, "", "cannot sync folder: %w", reason(err))
	}
	return nil
}

// put writes header and data to path and returns the SHA-256 of both.
func (w *Writer) put(path string, header, data []byte) (string, error) {
	h := sha256.New()
	err := durable.WriteFile(w.fs, path, func(out io.Writer) error {
		out = io.MultiWriter(out, h)
		if _, err := out.Write(header); err != nil {
			return err
		}
		_, err := out.Write(data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Close releases the folder. A store that lacks shards stays as it is and can
// be continued.
func (w *Writer) Close() error { return w.lock.Unlock() }

// Finish writes the index if all shards are there, closes the writer and opens
// the complete store, verifying all of it.
func (w *Writer) Finish() (*Store, error) {
	if w.plan.complete(w.dir) == nil {
		if err := saveIndex(w.fs, w.dir, w.plan); err != nil {
			w.Close()
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fault.New(fault.IO, w.dir, "", "cannot release the lock: %w", reason(err))
	}
	return Open(w.dir)
}
