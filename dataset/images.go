package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
)

func init() {
	Register(Format{
		Name:   "images",
		About:  "a folder with one folder of PNG, JPEG or GIF images for each class, or train, val and test folders of that",
		Detect: func(p string) bool { return detectImages(p, 0) },
		Open:   openImages,
		Splits: splitsImages,
	})
}

const (
	maxImageFile = 1 << 30   // bytes of one image file
	imageHead    = 128 << 10 // bytes in which the size of most images stands
)

// splitFolders are the names of folders that hold a split.
var splitFolders = map[string]string{
	"train": "train", "training": "train",
	"test": "test", "testing": "test",
	"val": "val", "valid": "val", "validation": "val",
}

func isImageName(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif"}, strings.ToLower(path.Ext(name))) && !strings.HasPrefix(name, ".")
}

// detectImages looks for an image at most two folders below.
func detectImages(dir string, depth int) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if isImageName(e.Name()) && !e.IsDir() {
			return true
		}
	}
	for _, e := range entries {
		if depth < 2 && e.IsDir() && !strings.HasPrefix(e.Name(), ".") && detectImages(dir+"/"+e.Name(), depth+1) {
			return true
		}
	}
	return false
}

// splitFoldersOf maps split to folder, when the folders are splits and nothing
// else; empty when the folder has classes or images itself.
func splitFoldersOf(dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		s := splitFolders[strings.ToLower(e.Name())]
		if s == "" || found[s] != "" {
			return nil
		}
		found[s] = e.Name()
	}
	return found
}

func splitsImages(dir string) []string {
	var splits []string
	for s := range splitFoldersOf(dir) {
		splits = append(splits, s)
	}
	slices.Sort(splits)
	return splits
}

// imageFile is one row.
type imageFile struct {
	name  string // relative to the folder
	label int32
}

// imageFolder is a Source that decodes on demand.
type imageFolder struct {
	dir    string
	root   *os.Root // confines every open to the folder, whatever the links say
	files  []imageFile
	spec   Spec
	resize []int
}

func openImages(dir string, o Options) (Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, ioFault(dir, err)
	}
	s := &imageFolder{dir: dir, root: root, resize: o.Resize}
	if err := s.open(o); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

func (s *imageFolder) open(o Options) error {
	splits := splitFoldersOf(s.dir)
	base := "."
	all := []string{"."}
	if len(splits) > 0 {
		base = splits[pickSplit(o.Split, splitsImages(s.dir))]
		all = all[:0]
		for _, name := range splitsImages(s.dir) {
			all = append(all, splits[name])
		}
	}
	classes, err := s.classes(all)
	if err != nil {
		return err
	}
	if len(o.Classes) > 0 {
		for _, c := range classes {
			if !slices.Contains(o.Classes, c) {
				return inputFault(s.show(c), "", "folder of a class that is not one of %s", few(o.Classes))
			}
		}
		if len(classes) > 0 {
			classes = slices.Clone(o.Classes)
		}
	}
	if err := s.list(base, classes); err != nil {
		return err
	}
	if o.Label == "none" {
		classes = nil
		for i := range s.files {
			s.files[i].label = Unlabelled
		}
	}
	s.spec.Image, s.spec.DType, s.spec.Classes = true, Uint8, classes
	return s.measure(o.SkipBad)
}

// show is the path of a file of the folder, for messages.
func (s *imageFolder) show(name string) string { return path.Join(s.dir, name) }

// readDir lists the entries below the folder that are not hidden, sorted.
func (s *imageFolder) readDir(name string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(name)
	if err != nil {
		return nil, ioFault(s.show(name), err)
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, ioFault(s.show(name), err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// classes are the names of the folders below any of the splits, sorted, so
// that a label means the same in each of them.
func (s *imageFolder) classes(splits []string) ([]string, error) {
	var names []string
	for _, split := range splits {
		entries, err := s.readDir(split)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// list finds the images of base: those in its folders by class, or those in
// itself without one.
func (s *imageFolder) list(base string, classes []string) error {
	entries, err := s.readDir(base)
	if err != nil {
		return err
	}
	others, flat := 0, ""
	for _, e := range entries {
		name := path.Join(base, e.Name())
		switch {
		case e.IsDir():
			inside, err := s.readDir(name)
			if err != nil {
				return err
			}
			label := int32(slices.Index(classes, e.Name()))
			for _, f := range inside {
				if f.IsDir() {
					return inputFault(s.show(path.Join(name, f.Name())), "", "a folder inside the folder of a class, expected images")
				}
				if !isImageName(f.Name()) {
					others++
					continue
				}
				s.files = append(s.files, imageFile{path.Join(name, f.Name()), label})
			}
		case isImageName(e.Name()):
			flat = name
			s.files = append(s.files, imageFile{name, Unlabelled})
		default:
			others++
		}
	}
	if flat != "" && len(classes) > 0 {
		return inputFault(s.show(flat), "", "an image beside the folders of classes, expected it in one of them")
	}
	if len(s.files) == 0 {
		return inputFault(s.show(base), "", "holds no images (.png, .jpg, .jpeg, .gif)")
	}
	if flat != "" {
		s.spec.Notes = append(s.spec.Notes, "no folders of classes: rows are unlabelled")
	}
	if others > 0 {
		s.spec.Notes = append(s.spec.Notes, fmt.Sprintf("%d files are not images by their names and are left out", others))
	}
	return nil
}

func (s *imageFolder) Spec() Spec   { return s.spec }
func (s *imageFolder) Len() int     { return len(s.files) }
func (s *imageFolder) Close() error { return s.root.Close() }

func (s *imageFolder) Labels(context.Context) ([]int32, error) {
	y := make([]int32, len(s.files))
	for i, f := range s.files {
		y[i] = f.label
	}
	return y, nil
}

func (s *imageFolder) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.files)); err != nil {
		return at(s.dir, err)
	}
	h, w, c := s.spec.Shape[0], s.spec.Shape[1], s.spec.Shape[2]
	b.Reset(len(rows), h*w*c)
	for i, r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := s.files[r]
		data, _, err := s.bytes(f.name, maxImageFile)
		if err != nil {
			return err
		}
		p, x, err := pixelsOf(data, c)
		if err != nil {
			return s.bad(f.name, err)
		}
		if s.resize != nil {
			z := newResizer(p.h, p.w, h, w)
			resized := make([]float32, h*w*c)
			z.apply(resized, x, make([]float32, z.scratch(c)), c)
			for k, v := range resized {
				resized[k] = float32(math.Round(float64(v)))
			}
			x = resized
		}
		dst := b.X[i*h*w*c : (i+1)*h*w*c]
		if len(x) != len(dst) {
			return inputFault(s.show(f.name), "", "image of %d×%d pixels, but it had %d×%d when the folder was opened", p.w, p.h, w, h)
		}
		copy(dst, x)
		b.Y[i] = f.label
	}
	return ctx.Err()
}
