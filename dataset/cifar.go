package dataset

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "cifar",
		About:  "a folder with the binary files of CIFAR-10 (data_batch_1.bin and so on) or CIFAR-100 (train.bin, test.bin), or one of them",
		Detect: detectCIFAR,
		Open:   openCIFAR,
		Splits: splitsCIFAR,
	})
}

const (
	cifarSide   = 32
	cifarPixels = 3 * cifarSide * cifarSide
	maxNames    = 1 << 16 // bytes of a list of class names
)

// cifarKind is one of the two layouts of a record: its labels, then the pixels
// as (3, 32, 32).
type cifarKind struct {
	name   string
	record int          // bytes
	labels []cifarLabel // the first is the default
}

var (
	cifar10 = &cifarKind{"CIFAR-10", 1 + cifarPixels, []cifarLabel{
		{"label", 0, 10, "batches.meta.txt"},
	}}
	cifar100 = &cifarKind{"CIFAR-100", 2 + cifarPixels, []cifarLabel{
		{"fine", 1, 100, "fine_label_names.txt"},
		{"coarse", 0, 20, "coarse_label_names.txt"},
	}}
)

// cifarSet is the files found at a path.
type cifarSet struct {
	kind   *cifarKind
	dir    string
	splits map[string][]string // names of files in dir; "" for a file alone
}

// findCIFAR looks at names and sizes. label, when not empty, helps to tell the
// kinds apart.
func findCIFAR(path, label string) (*cifarSet, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, ioFault(path, err)
	}
	if !st.IsDir() {
		dir, name := filepath.Split(path)
		if !strings.EqualFold(filepath.Ext(name), ".bin") {
			return nil, inputFault(path, "", "expected a file of CIFAR records (.bin)")
		}
		if !st.Mode().IsRegular() {
			return nil, inputFault(path, "", "is a device or pipe, expected a regular file")
		}
		kind, err := cifarKindOf(path, st.Size(), label)
		return &cifarSet{kind, dir, map[string][]string{"": {name}}}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, ioFault(path, err)
	}
	s := &cifarSet{dir: path + "/", splits: map[string][]string{}}
	var of10, of100 []string
	for _, e := range entries {
		name := e.Name()
		batch, split := batchNumber(name) > 0, strings.TrimSuffix(name, ".bin")
		switch {
		case !batch && name != "test_batch.bin" && name != "train.bin" && name != "test.bin" || !isFile(filepath.Join(path, name)):
		case batch:
			of10, s.splits["train"] = append(of10, name), append(s.splits["train"], name)
		case name == "test_batch.bin":
			of10, s.splits["test"] = append(of10, name), append(s.splits["test"], name)
		default:
			of100, s.splits[split] = append(of100, name), append(s.splits[split], name)
		}
	}
	switch {
	case len(of10) == 0 && len(of100) == 0:
		return nil, inputFault(path, "", "no CIFAR files found: expected data_batch_1.bin and so on, or train.bin and test.bin")
	case len(of10) > 0 && len(of100) > 0:
		return nil, inputFault(path, "", "holds %s of CIFAR-10 and %s of CIFAR-100: name one file", of10[0], of100[0])
	case len(of100) > 0: // names that other things have too
		s.kind = cifar100
		first := filepath.Join(path, of100[0])
		if st, err := os.Stat(first); err != nil {
			return nil, ioFault(first, err)
		} else if !isFile(filepath.Join(path, "fine_label_names.txt")) && st.Size()%int64(s.kind.record) != 0 {
			return nil, s.kind.wrongSize(first, st.Size())
		}
	default:
		s.kind = cifar10
	}
	slices.SortFunc(s.splits["train"], func(a, b string) int { return batchNumber(a) - batchNumber(b) })
	return s, nil
}

// detectCIFAR looks for the first file of a folder by its name, so that other
// folders are not listed.
func detectCIFAR(path string) bool {
	named := strings.EqualFold(filepath.Ext(path), ".bin")
	for _, name := range []string{"data_batch_1.bin", "test_batch.bin", "train.bin", "test.bin"} {
		named = named || isFile(filepath.Join(path, name))
	}
	if !named {
		return false
	}
	_, err := findCIFAR(path, "")
	return err == nil
}

// batchNumber is k of data_batch_k.bin, 0 for another name.
func batchNumber(name string) int {
	k, ok := strings.CutPrefix(name, "data_batch_")
	k, ok2 := strings.CutSuffix(k, ".bin")
	n, err := strconv.Atoi(k)
	if !ok || !ok2 || err != nil || strconv.Itoa(n) != k {
		return 0
	}
	return n
}

// cifarKindOf tells the kind of one file by its name, its size or the label
// that is asked for.
func cifarKindOf(path string, size int64, label string) (*cifarKind, error) {
	name := filepath.Base(path)
	is10, is100 := size%int64(cifar10.record) == 0, size%int64(cifar100.record) == 0
	switch {
	case batchNumber(name) > 0 || name == "test_batch.bin":
		return cifar10, nil
	case label == "fine" || label == "coarse" || is100 && !is10:
		return cifar100, nil
	case is10 && !is100:
		return cifar10, nil
	case is10 && is100 && size > 0:
		return nil, inputFault(path, "", "%d bytes are records of CIFAR-10 or of CIFAR-100: expected label fine or coarse, or the name data_batch_1.bin", size)
	}
	return nil, inputFault(path, "", "file of %d bytes, expected a multiple of %d (CIFAR-10) or %d (CIFAR-100)", size, cifar10.record, cifar100.record)
}

func (k *cifarKind) wrongSize(path string, size int64) error {
	return inputFault(path, "", "file of %d bytes, expected a multiple of %d, the size of a record of %s", size, k.record, k.name)
}

func splitsCIFAR(path string) []string {
	s, err := findCIFAR(path, "")
	if err != nil {
		return nil
	}
	return named(s.splits)
}

func openCIFAR(path string, o Options) (Source, error) {
	set, err := findCIFAR(path, o.Label)
	if err != nil {
		return nil, err
	}
	label, err := set.label(path, o)
	if err != nil {
		return nil, err
	}
	split := pickSplit(o.Split, splitsCIFAR(path))
	if set.splits[""] != nil {
		split = ""
	}
	classes := o.Classes
	if label != nil && len(classes) == 0 {
		if classes, err = label.classNames(set.dir); err != nil {
			return nil, err
		}
	}
	var parts []*array
	for _, name := range set.splits[split] {
		a, err := set.kind.open(set.dir+name, label, classes)
		if err != nil {
			closeParts(parts)
			return nil, err
		}
		if len(set.splits[split]) > maxOpenParts {
			a.reopen()
		}
		parts = append(parts, a)
	}
	if len(parts) == 0 {
		return nil, inputFault(path, "", "no files of split %q", split)
	}
	s, err := join(parts)
	if err != nil {
		return nil, err
	}
	if label != nil {
		s.spec.Classes = slices.Clone(classes)
	}
	s.spec.Notes = set.notes(split, label)
	return s, nil
}

// open opens one file and reads its labels.
func (k *cifarKind) open(path string, label *cifarLabel, classes []string) (*array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if size == 0 || size%int64(k.record) != 0 {
		f.Close()
		return nil, k.wrongSize(path, size)
	}
	head := k.record - cifarPixels
	a := &array{path: path, n: int(size / int64(k.record)), elem: bytesElement, planar: true,
		data: f, offset: int64(head), gap: head, closer: f}
	a.spec = Spec{Shape: []int{cifarSide, cifarSide, 3}, Image: true, DType: Uint8}
	if label == nil {
		return a, nil
	}
	a.labels = make([]int32, a.n)
	most := min(label.classes, len(classes))
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<20)
	record := make([]byte, k.record)
	for i := range a.labels {
		if _, err := io.ReadFull(r, record); err != nil {
			f.Close()
			return nil, ioFault(path, err)
		}
		y := int(record[label.byte])
		if y >= most {
			f.Close()
			return nil, inputFault(path, "record "+strconv.Itoa(i), "label %d, expected from 0 to %d", y, most-1)
		}
		a.labels[i] = int32(y)
	}
	return a, nil
}
