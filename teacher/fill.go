package teacher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// DefaultShardRows is the number of rows of a shard: what a killed run does
// again at most. Of a teacher of many classes it is fewer, to bound the memory.
const DefaultShardRows = 4096

// shardValues is the largest number of logits of a shard.
const shardValues = 16 << 20

// shardRows is the number of rows of a shard of that many classes.
func shardRows(classes int) int { return max(1, min(DefaultShardRows, shardValues/classes)) }

// FillOptions say how a store is filled. The zero value fills all of it.
type FillOptions struct {
	ShardRows  int                           // rows of a shard; 0: DefaultShardRows, or fewer
	ShardIndex int                           // which part of the shards is written here, from 0
	Shards     int                           // how many parts there are; 0 or 1: all shards here
	Repair     bool                          // write damaged shards anew
	Members    string                        // folder of the stores of an ensemble's members; empty: beside its own, with .members at its end
	Progress   func(done, total int)         // called after every batch; may be nil
	Restarted  func(batch string, err error) // called when the worker died on a batch and a restart helped; may be nil
}

// meant is the key but for rows and dtype.
func (t *Teacher) meant() store.Key {
	c := t.contract
	k := store.Key{
		Teacher: t.digest, Preprocess: c.Preprocess, Input: c.mapping(), InputShape: c.InputShape,
		Output: c.Output, Task: string(c.Task), Kind: string(c.Kind), Shape: c.Shape, Columns: c.Columns, Classes: c.Classes, ClassNames: c.ClassNames,
		Batch: c.Batch, Library: c.Library, LibraryVersion: c.LibraryVersion, Provider: c.Provider,
		Options: t.o.config(),
	}
	if c.FixedBatch > 0 {
		k.Batch = c.FixedBatch
	}
	k.Options = append(k.Options, t.encode.places()...)
	if c.OneColumn {
		k.Options = append(k.Options, "one column")
	}
	if c.Merged != nil {
		k.Options = append(k.Options, fmt.Sprintf("merged=%v", c.Merged))
	}
	if c.Scale != 0 {
		k.Options = append(k.Options, fmt.Sprintf("scale=%g zero=%g", c.Scale, c.Zero))
	}
	if c.LabelTexts != nil {
		k.Options = append(k.Options, fmt.Sprintf("labels=%q", c.LabelTexts))
	}
	if c.Kind == Labels {
		k.Options = append(k.Options, fmt.Sprintf("smoothing=%g", c.Smoothing))
	}
	if c.Kind == Probabilities || c.Kind == Sigmoids {
		k.Options = append(k.Options, fmt.Sprintf("floor=%g", c.Floor))
	}
	return k
}

// Fill runs the teacher on every row of src and stores the logits in the
// folder dir. What is there already is kept: a second call returns at once, an
// interrupted one goes on. With Shards > 1 it writes the shards whose number is
// ShardIndex modulo Shards, and returns a nil Store and no error when those of
// others are not there yet.
//
// A worker that dies on a batch is restarted and asked once more. When that
// does not help the error is a fault.Teacher that names the batch; complete
// shards stay. A row whose output is not finite is a fault.Input that names it.
func (t *Teacher) Fill(ctx context.Context, src dataset.Source, dir string, o FillOptions) (*store.Store, error) {
	if err := t.detected(); err != nil {
		return nil, err
	}
	t.seen, t.online = nil, OnlineOptions{}
	if spec := src.Spec(); spec.Size() != t.encode.size || len(spec.Texts) != t.encode.texts {
		return nil, fault.New(fault.Input, t.path, "input", "the teacher was tried on rows of %d values and %d texts, these have %d and %d",
			t.encode.size, t.encode.texts, spec.Size(), len(spec.Texts))
	}
	rows, err := t.rowsOf(ctx, src)
	if err != nil {
		return nil, err
	}
	if o.ShardRows == 0 {
		o.ShardRows = shardRows(t.contract.Classes)
	}
	if o.ShardRows < 0 || o.Shards < 0 || o.Repair && o.Shards > 1 {
		return nil, fault.New(fault.Usage, dir, "shards", "got %d rows a shard and %d parts, expected 0 or more, and no repair by parts", o.ShardRows, o.Shards)
	}
	k, err := t.key(ctx, src, rows, dir)
	if err != nil {
		return nil, err
	}
	w, err := writer(dir, k, rows, o)
	if err != nil {
		return nil, err
	}
	if err := t.fill(ctx, src, w, rows, o); err != nil {
		w.Close()
		return nil, err
	}
	s, err := w.Finish()
	if o.Shards > 1 && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return s, err
}

func writer(dir string, k store.Key, rows *store.Rows, o FillOptions) (*store.Writer, error) {
	switch {
	case o.Repair:
		return store.Repair(dir, k, rows, o.ShardRows)
	case o.Shards > 1:
		return store.CreatePart(dir, k, rows, o.ShardRows, o.ShardIndex, o.Shards)
	}
	return store.Create(dir, k, rows, o.ShardRows)
}
