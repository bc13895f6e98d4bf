package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Limits of a folder of files that are a row each.
const (
	maxRowFile = 1 << 30 // bytes of one file
	maxDepth   = 16      // folders below the folder of a class
	maxPeeks   = 100     // folders that detection looks into
	maxPeeked  = 10_000  // entries that it looks at in each
)

// treeFile is one row.
type treeFile struct {
	name  string // relative to the folder
	label int32
}

// tree is a folder of files that are a row each: in folders by class, to any
// depth, which may lie in folders by split; or side by side without a class.
type tree struct {
	dir     string
	root    *os.Root // confines every open to the folder, whatever the links say
	kind    fileKind
	files   []treeFile
	classes []string // by label
	notes   []string
	others  int // files that are no rows
}

// openTree lists the rows of one split. skip, when not nil, tells which
// folders are no class.
func openTree(dir string, kind fileKind, o Options, skip func(folder string) bool) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, ioFault(dir, err)
	}
	t := &tree{dir: dir, root: root, kind: kind}
	if err := t.open(o, skip); err != nil {
		root.Close()
		return nil, err
	}
	return t, nil
}

func (t *tree) open(o Options, skip func(folder string) bool) error {
	splits, err := splitFoldersOf(t.dir)
	if err != nil {
		return err
	}
	base := "."
	all := []string{"."}
	if len(splits) > 0 {
		base = splits[pickSplit(o.Split, splitsOfTree(t.dir))]
		all = all[:0]
		for _, s := range splitsOfTree(t.dir) {
			all = append(all, splits[s])
		}
	}
	if err := t.findClasses(all, skip); err != nil {
		return err
	}
	if len(o.Classes) > 0 {
		for _, c := range t.classes {
			if !slices.Contains(o.Classes, c) {
				return inputFault(t.show(c), "", "folder of a class that is not one of %s", few(o.Classes))
			}
		}
		if len(t.classes) > 0 {
			t.classes = slices.Clone(o.Classes)
		}
	}
	if err := t.list(base); err != nil {
		return err
	}
	if o.Label == "none" {
		t.classes = nil
		for i := range t.files {
			t.files[i].label = Unlabelled
		}
	}
	return nil
}

// show is the path of a file of the folder, for messages.
func (t *tree) show(name string) string { return path.Join(t.dir, name) }

// readDir lists the entries below the folder that are not hidden, sorted.
func (t *tree) readDir(name string) ([]fs.DirEntry, error) {
	d, err := t.root.Open(name)
	if err != nil {
		return nil, ioFault(t.show(name), err)
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, ioFault(t.show(name), err)
	}
	entries = slices.DeleteFunc(entries, hidden)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// findClasses names the folders below any of the splits, sorted, so that a
// label means the same in each of them.
func (t *tree) findClasses(splits []string, skip func(string) bool) error {
	for _, split := range splits {
		entries, err := t.readDir(split)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() && (skip == nil || !skip(e.Name())) {
				t.classes = append(t.classes, e.Name())
			}
		}
	}
	slices.Sort(t.classes)
	t.classes = slices.Compact(t.classes)
	if len(t.classes) > maxClasses {
		return inputFault(t.dir, "", "%d folders of classes, limit %d", len(t.classes), maxClasses)
	}
	return nil
}

// list finds the rows of base: those in its folders by class, or those in
// itself without one.
func (t *tree) list(base string) error {
	entries, err := t.readDir(base)
	if err != nil {
		return err
	}
	labels := make(map[string]int32, len(t.classes))
	for y, c := range t.classes {
		labels[c] = int32(y)
	}
	flat := ""
	for _, e := range entries {
		name := path.Join(base, e.Name())
		switch y, known := labels[e.Name()]; {
		case e.IsDir() && known:
			if err := t.walk(name, e.Name(), y, 0); err != nil {
				return err
			}
		case e.IsDir():
			t.notes = append(t.notes, "folder "+showPath(name)+" is no class and is left out")
		case t.kind.named(e.Name()):
			flat = name
			t.files = append(t.files, treeFile{name, Unlabelled})
		default:
			t.others++
		}
	}
	if flat != "" && len(t.classes) > 0 {
		return inputFault(t.show(flat), "", "%s beside the folders of classes, expected it in one of them", t.kind.noun)
	}
	if len(t.files) == 0 {
		return inputFault(t.show(base), "", "holds no %s (%s)", t.kind.plural, strings.Join(t.kind.extensions, ", "))
	}
	if flat != "" {
		t.notes = append(t.notes, "no folders of classes: rows are unlabelled")
	}
	if t.others > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d files are not %s by their names and are left out", t.others, t.kind.plural))
	}
	return nil
}

// walk finds the rows of one class. Folders inside it hold more of them.
func (t *tree) walk(dir, class string, label int32, depth int) error {
	if depth > maxDepth {
		return inputFault(t.show(dir), "", "more than %d folders below the folder of a class", maxDepth)
	}
	entries, err := t.readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && splitOf(e.Name()) != "":
			return inputFault(t.show(name), "", "a folder of split %s inside the folder of class %s: expected %s/%s, or the path of %s itself",
				splitOf(e.Name()), showPath(class), showPath(e.Name()), showPath(class), showPath(class))
		case e.IsDir():
			if err := t.walk(name, class, label, depth+1); err != nil {
				return err
			}
		case t.kind.named(e.Name()):
			t.files = append(t.files, treeFile{name, label})
		default:
			t.others++
		}
	}
	return nil
}

// Len is the number of files.
func (t *tree) Len() int { return len(t.files) }

// Close releases the folder.
func (t *tree) Close() error { return t.root.Close() }

// Labels gives the labels without reading.
func (t *tree) Labels(context.Context) ([]int32, error) {
	y := make([]int32, len(t.files))
	for i, f := range t.files {
		y[i] = f.label
	}
	return y, nil
}
