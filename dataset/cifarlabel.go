package dataset

import (
	"bufio"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// cifarLabel is one label of a record.
type cifarLabel struct {
	name    string // as Options.Label says it
	byte    int    // in the record
	classes int
	names   string // file of the class names
}

// label is the one that the options choose; nil when none is wanted.
func (s *cifarSet) label(path string, o Options) (*cifarLabel, error) {
	if o.Label == "none" {
		return nil, nil
	}
	var names []string
	for i := range s.kind.labels {
		if l := &s.kind.labels[i]; o.Label == "" || o.Label == l.name {
			return l, nil
		}
		names = append(names, s.kind.labels[i].name)
	}
	return nil, fault.New(fault.Usage, showPath(path), "label", "got %q, expected %s or none for %s", o.Label, strings.Join(names, ", "), s.kind.name)
}

func (s *cifarSet) notes(split string, label *cifarLabel) []string {
	notes := []string{"records of " + s.kind.name}
	if label != nil && len(s.kind.labels) > 1 {
		notes[0] += ", " + label.name + " labels"
	}
	if n := len(s.splits[split]); split == "train" && s.kind == cifar10 {
		if last := batchNumber(s.splits[split][n-1]); last != n {
			notes = append(notes, "only "+strconv.Itoa(n)+" of the "+strconv.Itoa(last)+" files up to "+s.splits[split][n-1]+" are there")
		}
	}
	return notes
}

// classNames reads the names beside the records: one a line. Without that
// file they are numbers.
func (l *cifarLabel) classNames(dir string) ([]string, error) {
	path := dir + l.names
	names := make([]string, 0, l.classes)
	if !isFile(path) {
		for i := range l.classes {
			names = append(names, strconv.Itoa(i))
		}
		return names, nil
	}
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxNames {
		return nil, inputFault(path, "", "file of %d bytes, limit %d", size, maxNames)
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxNames+1)
	for lines.Scan() {
		name := strings.ToValidUTF8(strings.TrimSpace(lines.Text()), "\uFFFD")
		if name == "" {
			continue
		}
		if slices.Contains(names, name) {
			return nil, inputFault(path, "line "+strconv.Itoa(len(names)+1), "class %q named twice", name)
		}
		names = append(names, name)
	}
	if err := lines.Err(); err != nil {
		return nil, ioFault(path, err)
	}
	if len(names) != l.classes {
		return nil, inputFault(path, "", "%d names, expected %d", len(names), l.classes)
	}
	return names, nil
}
