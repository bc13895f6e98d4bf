package teacher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// chain runs models one after the other: an imputer, a scaler, and what
// learned from them. The inputs of the first are the rows, the outputs of the
// last are what teaches; in between the next takes what the one before gives.
type chain struct{ links []*link }

// link is one model of a chain.
type link struct {
	path   string
	runner ort.Runner
	takes  []int // output of the link before that each input takes; nil for the first
	in     []ort.Value
}

// readModels reads and checks the models at paths, and keeps what Open and its
// warnings need of their files.
func (t *Teacher) readModels(paths []string) (models []*onnx.Model, digests []string, err error) {
	for _, path := range paths {
		m, err := onnx.Read(path, onnx.ReadOptions{Strict: t.o.Strict})
		if err != nil {
			return nil, nil, err
		}
		stamp, err := onnx.NewStamp(path, m)
		if err != nil {
			return nil, nil, err
		}
		odd, err := oddities(path, m)
		if err != nil {
			return nil, nil, err
		}
		t.stamps, t.oddities = append(t.stamps, stamp), append(t.oddities, odd...)
		digest, err := onnx.Digest(path)
		if err != nil {
			return nil, nil, err
		}
		models, digests = append(models, m), append(digests, digest)
	}
	return models, digests, nil
}

// startChain starts every model of paths. so is for the last, but for its
// Batch, which all take: a model further on that declares a fixed batch of its
// own keeps it.
func startChain(ctx context.Context, paths []string, models []*onnx.Model, so ort.Options,
	start func(context.Context, string, ort.Options) (ort.Runner, error)) (_ *chain, err error) {
	c := &chain{}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	options := make([]ort.Options, len(paths))
	for i, path := range paths {
		options[i] = so
		if i < len(paths)-1 {
			options[i].Outputs, options[i].Expose = nil, nil
		}
		if fixed := declaredBatch(models[i]); i > 0 && fixed > 0 {
			options[i].Batch = fixed
		}
		r, err := start(ctx, path, options[i])
		if err != nil {
			return nil, err
		}
		c.links = append(c.links, &link{path: path, runner: r})
		if i == 0 {
			continue
		}
		before := c.links[i-1]
		if err := c.links[i].join(before); err != nil {
			return nil, err
		}
		if len(before.runner.Outputs()) > len(c.links[i].takes) { // what nobody takes may not even have rows
			o := options[i-1]
			for k, at := range c.links[i].takes {
				o.Outputs = append(o.Outputs, before.runner.Outputs()[at].Name)
				c.links[i].takes[k] = k
			}
			before.runner.Close()
			if before.runner, err = start(ctx, before.path, o); err != nil {
				c.links = append(c.links[:i-1], c.links[i])
				return nil, err
			}
		}
	}
	return c, nil
}

// join finds the output of the link before that each input takes: that of its
// name, else, where one input is left, the only one of its type, else the one
// in its place.
func (l *link) join(before *link) error {
	ins, outs := l.runner.Inputs(), before.runner.Outputs()
	refuse := func(in ort.Info) error {
		return fault.New(fault.Input, l.path, "input "+in.Name, "nothing to take: got %s from %s, expected outputs for %s by name, type or order",
			describe(outs), before.path, describe(ins))
	}
	for i, in := range ins {
		at := slices.IndexFunc(outs, func(o ort.Info) bool { return o.Name == in.Name })
		if at < 0 && len(ins) == 1 {
			at = onlyLike(outs, in)
		}
		if at < 0 && len(ins) == len(outs) {
			at = i
		}
		if at < 0 || !passes(outs[at], in) {
			return refuse(in)
		}
		l.takes = append(l.takes, at)
	}
	return nil
}

// onlyLike is the only one of outs that in can take, or -1.
func onlyLike(outs []ort.Info, in ort.Info) int {
	found := -1
	for i, o := range outs {
		if passes(o, in) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// passes tells whether an output may be fed to an input: a tensor of its type.
// Shapes are the runtime's business, for many are declared wrongly.
func passes(out, in ort.Info) bool {
	return out.Kind == onnx.KindTensor && in.Kind == onnx.KindTensor && out.DType == in.DType
}

// String is how the chain is joined, for people.
func (c *chain) String() string {
	names := make([]string, len(c.links))
	for i, l := range c.links {
		names[i] = l.path
		if i == 0 {
			continue
		}
		var joins []string
		for k, in := range l.runner.Inputs() {
			joins = append(joins, fmt.Sprintf("%s as %s", c.links[i-1].runner.Outputs()[l.takes[k]].Name, in.Name))
		}
		names[i] += " (takes " + strings.Join(joins, ", ") + ")"
	}
	return strings.Join(names, " → ")
}

func (c *chain) last() ort.Runner { return c.links[len(c.links)-1].runner }

func (c *chain) Inputs() []ort.Info  { return c.links[0].runner.Inputs() }
func (c *chain) Outputs() []ort.Info { return c.last().Outputs() }

func (c *chain) Run(ctx context.Context, inputs []ort.Value) ([]ort.Value, error) {
	for i, l := range c.links {
		if i > 0 {
			inputs = l.taken(inputs)
		}
		out, err := l.runner.Run(ctx, inputs)
		if err != nil {
			return nil, err
		}
		inputs = out
	}
	return inputs, nil
}

// taken are the inputs of l among the outputs of the link before.
func (l *link) taken(outputs []ort.Value) []ort.Value {
	l.in = l.in[:0]
	for _, at := range l.takes {
		l.in = append(l.in, outputs[at])
	}
	return l.in
}

// Restart starts every process of the chain again: after a death it is not
// known what the others wait for.
func (c *chain) Restart(ctx context.Context) error {
	for _, l := range c.links {
		if r, ok := l.runner.(restarter); ok {
			if err := r.Restart(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chain) Close() error {
	var first error
	for _, l := range c.links {
		if err := l.runner.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Provider, Notes and Library are those of the last model.
func (c *chain) Provider() string {
	if p, ok := c.last().(interface{ Provider() string }); ok {
		return p.Provider()
	}
	return ""
}

func (c *chain) Notes() []string {
	notes := []string{"chain: " + c.String()}
	if n, ok := c.last().(interface{ Notes() []string }); ok {
		notes = append(notes, n.Notes()...)
	}
	return notes
}

func (c *chain) Library() ort.Library {
	if l, ok := c.last().(interface{ Library() ort.Library }); ok {
		return l.Library()
	}
	return ort.Library{}
}

// declaredBatch is the number of rows that every input of m insists on, 0
// where one takes any.
func declaredBatch(m *onnx.Model) int {
	batch := 0
	for _, v := range m.Graph.RealInputs() {
		if len(v.Shape) == 0 || v.Shape[0].Value <= 0 {
			return 0
		}
		batch = int(v.Shape[0].Value)
	}
	return batch
}

// digestOf is the identity of models that run one after the other: the digest
// of one, or the SHA-256 of the digests of several.
func digestOf(digests []string) string {
	if len(digests) == 1 {
		return digests[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(digests, " ")))
	return hex.EncodeToString(sum[:])
}
