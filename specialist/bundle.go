package specialist

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill"
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
	b := &Bundle{dir: dir}
	err := durable.ReadJSON(path, maxFile, "the manifest of a bundle of specialists", b)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Input, dir, "", "has no %s: expected the folder of a bundle of specialists", manifestFile)
	}
	if err != nil {
		return nil, err
	}
	if err := b.check(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot open: %w", err)
	}
	defer root.Close()
	for _, m := range b.members() {
		if at, err := root.Lstat(m.File); err == nil && at.Mode()&fs.ModeSymlink != 0 {
			if _, err := root.Stat(m.File); err != nil {
				return nil, fault.New(fault.Input, b.Path(*m), "", "is a link to no file in the bundle's folder, expected the model itself")
			}
		}
		digest, err := onnx.Digest(b.Path(*m))
		if err != nil {
			return nil, err
		}
		if digest != m.Digest {
			return nil, fault.New(fault.Integrity, b.Path(*m), "", "is not the model that the bundle was made with: digest %.12s, expected %.12s", digest, m.Digest)
		}
	}
	return b, b.sameClasses(path)
}

// sameClasses wants the manifest to name the classes as the generalist does, where
// that does.
func (b *Bundle) sameClasses(path string) error {
	o, err := distill.RowsOf(b.Path(b.Generalist))
	if err != nil || o.Classes == nil {
		return err
	}
	if err := sameNames(b.Classes, o.Classes); err != nil {
		return fault.New(fault.Input, path, "classes", "%w, as %s says", err, b.Generalist.File)
	}
	return nil
}

// Files are all that the bundle is made of: the manifest and the models.
func (b *Bundle) Files() []string {
	files := []string{filepath.Join(b.dir, manifestFile)}
	for _, m := range b.members() {
		files = append(files, b.Path(*m))
	}
	return files
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
	if b.Format != bundleFormat {
		return bad("format", "got %q, expected %q", fault.Clip(b.Format, shownName), bundleFormat)
	}
	if field, err := checkClasses(b.Classes); err != nil {
		return bad(field, "%w", err)
	}
	switch {
	case b.Top < 1 || b.Top > len(b.Classes):
		return bad("top", "got %d, expected 1 to %d", b.Top, len(b.Classes))
	}
	for i, m := range b.members() {
		field := "generalist.file"
		if i > 0 {
			field = fmt.Sprintf("specialists[%d].file", i-1)
		}
		if m.File == "" || filepath.Base(m.File) != m.File || m.File == ".." || m.File == "." {
			return bad(field, "got %q, expected the name of a file beside the manifest", fault.Clip(m.File, shownName))
		}
	}
	for i, e := range b.Specialists {
		field := fmt.Sprintf("specialists[%d].", i)
		if err := checkSet(e.Classes, len(b.Classes)); err != nil {
			return bad(field+"classes", "%w", err)
		}
		if e.Head != Dustbin && e.Head != Full {
			return bad(field+"head", "got %q, expected %q or %q", fault.Clip(string(e.Head), shownName), Dustbin, Full)
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
