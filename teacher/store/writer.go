package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
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
	ids     []dataset.RowID // distinct
	rows    []int           // position of each distinct id among those given to Create
	missing []int           // shards to write, ascending
	lock    *durable.Lock
	buf     []byte
}

// ShardRange is a shard that is yet to be written.
type ShardRange struct {
	Index int   // shard number
	Rows  []int // positions, among the ids given to Create, of the rows it holds
}

// options of a Writer.
type options struct {
	fs          durable.FS
	shardRows   int
	part, parts int
	repair      bool
}

// Create opens the folder dir for writing the targets of the rows with the
// given ids, making it if needed (its parent must exist). Complete shards that
// are already there are kept, the rest is Missing. Ids may repeat. An existing
// store keeps the rows per shard that it was begun with.
//
// A store with another key is a fault.Integrity that names the differing
// field, and so is a shard whose digest does not match: Repair writes such a
// shard anew. A folder that another process writes to is a fault.IO with the
// process's number.
func Create(dir string, k Key, ids []dataset.RowID, rowsPerShard int) (*Writer, error) {
	return create(dir, k, ids, options{fs: durable.OS{}, shardRows: rowsPerShard, parts: 1})
}

// Repair is Create, except that damaged shards count as missing.
func Repair(dir string, k Key, ids []dataset.RowID, rowsPerShard int) (*Writer, error) {
	return create(dir, k, ids, options{fs: durable.OS{}, shardRows: rowsPerShard, parts: 1, repair: true})
}

// CreatePart is Create for one of several processes or machines that fill a
// store together, in one shared folder or each in its own: of the shards, only
// those whose number is part modulo parts are Missing. Give every part the
// same rows per shard.
func CreatePart(dir string, k Key, ids []dataset.RowID, rowsPerShard, part, parts int) (*Writer, error) {
	return create(dir, k, ids, options{fs: durable.OS{}, shardRows: rowsPerShard, part: part, parts: parts})
}

func create(dir string, k Key, ids []dataset.RowID, o options) (_ *Writer, err error) {
	w := &Writer{fs: o.fs, dir: dir}
	w.ids, w.rows = dedupe(ids)
	if err := w.check(&k, o); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fault.New(fault.IO, dir, "", "cannot create folder: %w", reason(err))
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fault.New(fault.IO, dir, "", "is no folder, expected the folder of a target store")
	}
	whole, err := lockWhole(dir, o.parts > 1)
	if err != nil {
		return nil, err
	}
	w.lock = whole
	defer func() {
		if err != nil {
			w.lock.Unlock()
		}
	}()
	if err := w.begin(k, o.shardRows); err != nil {
		return nil, err
	}
	if o.parts == 1 {
		err = durable.Clean(dir, nil)
	} else {
		err = w.lockPart(o.part, o.parts)
	}
	if err != nil {
		return nil, err
	}
	return w, w.survey(o)
}

// check completes k by what follows from the ids and validates it.
func (w *Writer) check(k *Key, o options) error {
	digest := digestDistinct(w.ids)
	if k.Dataset == "" {
		k.Dataset = digest
	}
	if k.DType == "" {
		k.DType = Float32
	}
	switch {
	case len(w.ids) == 0:
		return fault.New(fault.Input, w.dir, "", "got no rows, expected at least 1")
	case o.shardRows < 1:
		return fault.New(fault.Usage, w.dir, "rows per shard", "got %d, expected at least 1", o.shardRows)
	case o.parts < 1 || o.part < 0 || o.part >= o.parts:
		return fault.New(fault.Usage, w.dir, "shard index", "got %d of %d, expected 0 to one less than the number of parts", o.part, o.parts)
	case k.Classes < 1 || k.Classes > maxClasses:
		return fault.New(fault.Input, w.dir, "classes", "got %d, expected 1 to %d", k.Classes, maxClasses)
	case k.DType != Float32:
		return fault.New(fault.Usage, w.dir, "dtype", "got %q, expected %q", k.DType, Float32)
	case k.Dataset != digest:
		return fault.New(fault.Integrity, w.dir, "dataset", "got rows with digest %.16s…, expected %.16s…", digest, k.Dataset)
	}
	return nil
}

// begin reads the plan of an existing store or writes that of a new one.
func (w *Writer) begin(k Key, rowsPerShard int) error {
	old, err := readPlan(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := w.refuseForeign(); err != nil {
			return err
		}
		w.plan = plan{formatVersion, k, k.Hash(), len(w.ids), rowsPerShard}
		return durable.WriteFile(w.fs, planPath(w.dir), func(out io.Writer) error {
			_, err := out.Write(canonical(w.plan))
			return err
		})
	}
	if err != nil {
		return err
	}
	if field, mine, theirs := k.Diff(old.Key); field != "" {
		return fault.New(fault.Integrity, w.dir, field, "the store was made with %s, this run has %s: choose another folder", theirs, mine)
	}
	if old.Rows != len(w.ids) {
		return fault.New(fault.Integrity, planPath(w.dir), "rows", "got %d, expected %d", old.Rows, len(w.ids))
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
		known := false
		for _, pattern := range []string{"lock", "lock-*", "store.json*", "targets-*", "ids-*"} {
			ok, _ := filepath.Match(pattern, e.Name())
			known = known || ok
		}
		if known {
			continue
		}
		return fault.New(fault.IO, filepath.Join(w.dir, e.Name()), "", "is no part of a target store: choose an empty folder")
	}
	return nil
}

// survey finds the shards of the part that are not there.
func (w *Writer) survey(o options) error {
	for i := o.part; i < w.plan.shards(); i += o.parts {
		s, err := readShard(w.dir, w.plan, i, false)
		if err == nil {
			err = w.matchIDs(i, s.ids)
		}
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist), o.repair && fault.KindOf(err) == fault.Integrity:
			w.missing = append(w.missing, i)
		default:
			return err
		}
	}
	return nil
}

// matchIDs requires that shard i holds the rows that the plan gives it.
func (w *Writer) matchIDs(i int, ids []byte) error {
	from, to := w.plan.span(i)
	for r, id := range w.ids[from:to] {
		if got := dataset.RowID(ids[r*idSize:]); got != id {
			return fault.New(fault.Integrity, idsPath(w.dir, i), "", "shard %d row %d: got id %v, expected %v", i, r, got, id)
		}
	}
	return nil
}

// Shards is the number of shards of the whole store.
func (w *Writer) Shards() int { return w.plan.shards() }

// Len is the number of distinct rows of the whole store.
func (w *Writer) Len() int { return w.plan.Rows }

// Missing lists the shards that are yet to be written, in order.
func (w *Writer) Missing() []ShardRange {
	out := make([]ShardRange, len(w.missing))
	for n, i := range w.missing {
		from, to := w.plan.span(i)
		out[n] = ShardRange{i, w.rows[from:to]}
	}
	return out
}

// WriteShard stores shard i, whose logits are (rows, Classes) in the order of
// its ShardRange. A value that is NaN or infinite is a fault.Input that names
// the row's id, and nothing is written.
func (w *Writer) WriteShard(i int, logits []float32) error {
	at, found := slices.BinarySearch(w.missing, i)
	if !found {
		return fault.New(fault.Usage, w.dir, "", "shard %d is not missing", i)
	}
	from, to := w.plan.span(i)
	classes := w.plan.Key.Classes
	if len(logits) != (to-from)*classes {
		return fault.New(fault.Usage, w.dir, "", "shard %d: got %d values, expected %d rows of %d", i, len(logits), to-from, classes)
	}
	for n, v := range logits {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fault.New(fault.Input, w.dir, "row "+w.ids[from+n/classes].String(), "the teacher gave %v for class %d, expected a finite number", v, n%classes)
		}
	}
	if err := w.forget(i); err != nil {
		return err
	}
	ids := w.buffer(to-from, idSize)
	for _, id := range w.ids[from:to] {
		ids = append(ids, id[:]...)
	}
	side := sidecar{Shard: i, First: from, Rows: to - from, Classes: classes, KeySHA256: w.plan.KeySHA256}
	var err error
	if side.IDsSHA256, err = w.put(idsPath(w.dir, i), idsHeader(to-from), ids); err != nil {
		return err
	}
	targets := w.buffer(len(logits), 4)
	for _, v := range logits {
		targets = binary.LittleEndian.AppendUint32(targets, math.Float32bits(v))
	}
	if side.TargetsSHA256, err = w.put(targetsPath(w.dir, i), targetsHeader(to-from, classes), targets); err != nil {
		return err
	}
	if _, err := w.put(sidecarPath(w.dir, i), nil, canonical(side)); err != nil {
		return err
	}
	w.missing = slices.Delete(w.missing, at, at+1)
	return nil
}

// buffer is an empty slice with room for n items of size bytes.
func (w *Writer) buffer(n, size int) []byte {
	w.buf = slices.Grow(w.buf[:0], n*size)
	return w.buf
}

// forget removes the sidecar of a shard that is about to be rewritten, so
// that it never stands beside files that it does not describe.
func (w *Writer) forget(i int) error {
	path := sidecarPath(w.dir, i)
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

// Finish closes the writer and opens the complete store, verifying all of it.
func (w *Writer) Finish() (*Store, error) {
	if err := w.Close(); err != nil {
		return nil, fault.New(fault.IO, w.dir, "", "cannot release the lock: %w", reason(err))
	}
	return Open(w.dir)
}
