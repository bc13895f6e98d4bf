package specialist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

const (
	bundleFormat = "kdonnx specialists 1"
	manifestFile = "manifest.json"
)

// Bundle is a folder with a generalist, its specialists and the manifest that
// names them.
type Bundle struct {
	Format      string   `json:"format"`
	Classes     []string `json:"classes"` // names of all classes, by index
	Top         int      `json:"top"`     // so many of the generalist's most likely classes say which specialists speak
	Generalist  Member   `json:"generalist"`
	Specialists []Expert `json:"specialists"`

	dir string
}

// Member is one model of a bundle.
type Member struct {
	File   string `json:"file"`   // .onnx, beside the manifest; its output is (N, classes) logits
	Digest string `json:"digest"` // see onnx.Digest
}

// Head is what a specialist's outputs are.
type Head string

const (
	Dustbin Head = "dustbin" // the classes of its set in their order, and the dustbin last
	Full    Head = "full"    // all classes of the generalist; those outside its set together are the dustbin
)

// Expert is a specialist of a bundle.
type Expert struct {
	Member
	Classes    []int   `json:"classes"`    // S^m, ascending
	Head       Head    `json:"head"`       //
	Fraction   float64 `json:"fraction"`   // f: what part of the data S^m is
	Correction float64 `json:"correction"` // that the dustbin's logit has had added: log((1−f)/f) after sampling half and half
}

// Path is where a model of the bundle lies.
func (b *Bundle) Path(m Member) string { return filepath.Join(b.dir, m.File) }

// Write puts the manifest into dir, beside the models, whose digests it takes.
func (b *Bundle) Write(dir string) error {
	b.Format, b.dir = bundleFormat, dir
	for _, m := range b.members() {
		digest, err := onnx.Digest(b.Path(*m))
		if err != nil {
			return err
		}
		m.Digest = digest
	}
	path := filepath.Join(dir, manifestFile)
	if err := b.check(path); err != nil {
		return err
	}
	return durable.WriteJSON(path, b)
}

// ReadBundle reads the manifest in dir and holds every model against it. A
// model that is missing or another than it was is named.
func ReadBundle(dir string) (*Bundle, error) {
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Input, dir, "", "has no %s: expected the folder of a bundle of specialists", manifestFile)
	}
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	b := &Bundle{dir: dir}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, fault.New(fault.Input, path, "", "no manifest: %w", err)
	}
	if err := b.check(path); err != nil {
		return nil, err
	}
	for _, m := range b.members() {
		digest, err := onnx.Digest(b.Path(*m))
		if err != nil {
			return nil, err
		}
		if digest != m.Digest {
			return nil, fault.New(fault.Integrity, b.Path(*m), "", "is not the model that the bundle was made with: digest %.12s, expected %.12s", digest, m.Digest)
		}
	}
	return b, nil
}

// members lists the models, the generalist first.
func (b *Bundle) members() []*Member {
	list := []*Member{&b.Generalist}
	for i := range b.Specialists {
		list = append(list, &b.Specialists[i].Member)
	}
	return list
}

// check wants a manifest that makes sense by itself.
func (b *Bundle) check(path string) error {
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Input, path, field, format, args...)
	}
	switch {
	case b.Format != bundleFormat:
		return bad("format", "got %q, expected %q", b.Format, bundleFormat)
	case len(b.Classes) < 2:
		return bad("classes", "got %d, expected at least 2", len(b.Classes))
	case b.Top < 1 || b.Top > len(b.Classes):
		return bad("top", "got %d, expected 1 to %d", b.Top, len(b.Classes))
	}
	for i, m := range b.members() {
		field := "generalist.file"
		if i > 0 {
			field = fmt.Sprintf("specialists[%d].file", i-1)
		}
		if m.File == "" || filepath.Base(m.File) != m.File || m.File == ".." || m.File == "." {
			return bad(field, "got %q, expected the name of a file beside the manifest", m.File)
		}
	}
	for i, e := range b.Specialists {
		field := fmt.Sprintf("specialists[%d].", i)
		if err := checkSet(e.Classes, len(b.Classes)); err != nil {
			return bad(field+"classes", "%w", err)
		}
		if e.Head != Dustbin && e.Head != Full {
			return bad(field+"head", "got %q, expected %q or %q", e.Head, Dustbin, Full)
		}
		if !(e.Fraction >= 0 && e.Fraction <= 1) {
			return bad(field+"fraction", "got %g, expected 0 to 1", e.Fraction)
		}
		if math.IsNaN(e.Correction) || math.IsInf(e.Correction, 0) {
			return bad(field+"correction", "got %g, expected a finite number", e.Correction)
		}
	}
	return nil
}
