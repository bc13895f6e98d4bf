package dataset

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "npydir",
		About:  "a folder with x.npy and y.npy, x_train.npy and so on, or shards x-0001.npy and y-0001.npy; or one folder of .npy rows for each class",
		Detect: detectNPYDir,
		Open:   openNPYDir,
		Splits: splitsNPYDir,
	})
}

// detectNPYDir takes folders whose arrays go by known names, and folders of
// other arrays that no other format takes, to say what they lack.
func detectNPYDir(dir string) bool {
	if !npyFiles.detect(dir) {
		return false
	}
	d, err := listNPY(dir)
	return err == nil && (len(d.sets) > 0 || !slices.ContainsFunc(formats, func(f Format) bool {
		return f.Name != "npydir" && f.Detect(dir)
	}))
}

// npySet is the files of one split.
type npySet struct {
	rows, labels npyFamily
}

// npyFamily is the files of one thing: one, or shards by number.
type npyFamily struct {
	files []npyShard
	stem  string    // of their names
	twice [2]string // names of which either could be meant
}

// npyShard is one file: stem, then a suffix such as "-0001" or none.
type npyShard struct {
	name, suffix string
}

// npyDir is what a folder of arrays holds.
type npyDir struct {
	path    string
	names   []string           // of the .npy files in it
	folders []string           // in it
	sets    map[string]*npySet // by split; "" without one
}

// listNPY sorts the files of dir into rows and labels by their names.
func listNPY(dir string) (*npyDir, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, ioFault(dir, err)
	}
	d := &npyDir{path: dir, folders: foldersOf(dir), sets: map[string]*npySet{}}
	for _, e := range entries {
		if npyFiles.named(e.Name()) && !e.IsDir() {
			d.names = append(d.names, e.Name())
		}
	}
	for _, split := range []string{"", "train", "val", "test"} {
		s := &npySet{d.match(namesOf(rowNames, split)), d.match(namesOf(labelNames, split))}
		if len(s.rows.files) > 0 {
			d.sets[split] = s
		}
	}
	return d, nil
}

// match finds the files whose name is one of the stems, or one and a number.
func (d *npyDir) match(stems []string) (f npyFamily) {
	for _, name := range d.names {
		base := name[:len(name)-len(".npy")]
		at := len(base)
		if digits := strings.TrimRight(base, "0123456789"); !slices.Contains(stems, base) && len(digits) < at {
			at = len(strings.TrimRight(digits, "-_."))
		}
		if !slices.Contains(stems, base[:at]) {
			continue
		}
		if len(f.files) > 0 && (f.stem != base[:at] || f.files[0].suffix == "" || at == len(base)) {
			f.twice = [2]string{f.files[0].name, name}
		}
		f.files, f.stem = append(f.files, npyShard{name, base[at:]}), base[:at]
	}
	slices.SortFunc(f.files, func(a, b npyShard) int {
		return cmp.Or(cmp.Compare(a.number(), b.number()), strings.Compare(a.name, b.name))
	})
	for i := 1; i < len(f.files); i++ {
		if a, b := f.files[i-1], f.files[i]; a.number() == b.number() || a.separator() != b.separator() {
			f.twice = [2]string{a.name, b.name}
		}
	}
	return f
}

// unclear is a fault when either of two files could be meant.
func (f npyFamily) unclear(d *npyDir, what string) error {
	if f.twice[0] == "" {
		return nil
	}
	return inputFault(d.path, "", "either of %s and %s could be the %s: name the one that is meant", showPath(f.twice[0]), showPath(f.twice[1]), what)
}

func (s npyShard) separator() string { return strings.TrimRight(s.suffix, "0123456789") }

// number is that of a shard, -1 when it cannot be one.
func (s npyShard) number() int {
	n, err := strconv.Atoi(s.suffix[len(s.separator()):])
	if err != nil {
		return -1
	}
	return n
}

// splitsNPYDir lists the splits by name of file, else by folder.
func splitsNPYDir(dir string) []string {
	d, err := listNPY(dir)
	if err != nil {
		return nil
	}
	if len(d.names) == 0 {
		return splitsOfTree(dir)
	}
	return named(d.sets)
}

func openNPYDir(dir string, o Options) (Source, error) {
	d, err := listNPY(dir)
	if err != nil {
		return nil, err
	}
	if len(d.names) > 0 {
		return d.open(o)
	}
	folders, err := splitFoldersOf(dir)
	if err != nil {
		return nil, err
	}
	if len(folders) > 0 { // of arrays, or of classes
		split, err := listNPY(filepath.Join(dir, folders[pickSplit(o.Split, splitsOfTree(dir))]))
		if err != nil {
			return nil, err
		}
		if len(split.names) > 0 {
			o.Split = ""
			return split.open(o)
		}
	}
	return openNPYTree(dir, o)
}

// open opens the set of one split.
func (d *npyDir) open(o Options) (Source, error) {
	for _, f := range d.folders {
		if npyFiles.detect(filepath.Join(d.path, f)) {
			return nil, inputFault(d.path, "", "%s beside the folder %s, which holds arrays too: name one of the two", showPath(d.names[0]), showPath(f))
		}
	}
	if d.sets[""] != nil && len(d.sets) > 1 {
		other := slices.Sorted(maps.Keys(d.sets))[1]
		return nil, inputFault(d.path, "", "%s beside %s of split %s: name one of the two", d.sets[""].rows.files[0].name, d.sets[other].rows.files[0].name, other)
	}
	set := d.sets[pickSplit(o.Split, slices.Sorted(maps.Keys(d.sets)))]
	if set == nil && o.Split == "train" { // asked of a folder without splits
		set = d.sets[""]
	}
	if set == nil {
		return nil, inputFault(d.path, "", "holds %s: expected x.npy, x_train.npy or x-0001.npy, with images, data or features for x if need be", few(d.names))
	}
	if err := set.rows.unclear(d, "rows"); err != nil {
		return nil, err
	}
	if err := set.pair(d, o); err != nil {
		return nil, err
	}
	var parts []*array
	inMemory := int64(0)
	for i := range set.rows.files {
		a, err := d.openPart(set, i, o)
		if err != nil {
			closeParts(parts)
			return nil, err
		}
		parts = append(parts, a)
		if m, ok := a.data.(*bytes.Reader); ok {
			if inMemory += m.Size(); inMemory > maxUnpacked {
				closeParts(parts)
				return nil, inputFault(d.path, "", "Fortran-ordered arrays of more than %d bytes: store them in C order", int64(maxUnpacked))
			}
		}
		if len(set.rows.files) > maxOpenParts {
			a.reopen()
		}
	}
	s, err := join(parts)
	if err != nil {
		return nil, err
	}
	s.spec.Notes = append(s.spec.Notes, set.notes(o)...)
	if s.labels == nil {
		return s, nil
	}
	if s.spec.Classes, err = classNames(d.path, o, s.labels); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// pair finds the labels of every file of rows.
func (s *npySet) pair(d *npyDir, o Options) error {
	rows := s.rows.files
	switch {
	case o.Label == "none":
		s.labels.files = nil
		return nil
	case o.Label != "" && len(rows) > 1:
		return inputFault(d.path, "label", "got %q, but the rows are in %d files: expected labels%s.npy and so on beside them", o.Label, len(rows), rows[0].suffix)
	case o.Label != "":
		if o.Label != filepath.Base(o.Label) || !isFile(filepath.Join(d.path, o.Label)) {
			return inputFault(d.path, "label", "no file %q in it", o.Label)
		}
		s.labels.files = []npyShard{{o.Label, rows[0].suffix}}
		return nil
	case len(s.labels.files) == 0:
		return nil
	}
	if err := s.labels.unclear(d, "labels"); err != nil {
		return err
	}
	if err := s.rows.covers(s.labels, d, "rows"); err != nil {
		return err
	}
	return s.labels.covers(s.rows, d, "labels")
}

// covers tells whether f has a file for each one of other.
func (f npyFamily) covers(other npyFamily, d *npyDir, what string) error {
	have := map[string]bool{}
	for _, g := range f.files {
		have[g.suffix] = true
	}
	for _, g := range other.files {
		if !have[g.suffix] {
			return inputFault(filepath.Join(d.path, g.name), "", "no %s beside it: expected %s%s.npy, as there is %s", what, f.stem, g.suffix, f.files[0].name)
		}
	}
	return nil
}

// openPart opens the i-th file of rows with its labels.
func (d *npyDir) openPart(s *npySet, i int, o Options) (*array, error) {
	a, err := openRows(filepath.Join(d.path, s.rows.files[i].name), o)
	if err != nil {
		return nil, err
	}
	if len(s.labels.files) > 0 {
		if err := a.readLabels(filepath.Join(d.path, s.labels.files[i].name), o); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// notes tell what was taken for what.
func (s *npySet) notes(o Options) []string {
	rows := s.rows.files
	var notes []string
	switch n := len(rows); {
	case n > 1:
		first, last := rows[0], rows[n-1]
		notes = append(notes, strconv.Itoa(n)+" files of rows, "+first.name+" to "+last.name)
		if gaps := last.number() - first.number() + 1 - n; gaps > 0 {
			notes = append(notes, strconv.Itoa(gaps)+" numbers between them have no file")
		}
	case len(s.labels.files) > 0:
		notes = append(notes, "rows from "+rows[0].name+", labels from "+s.labels.files[0].name)
	}
	if len(s.labels.files) == 0 && o.Label != "none" {
		notes = append(notes, "no labels beside "+rows[0].name+": rows are unlabelled")
	}
	return notes
}
