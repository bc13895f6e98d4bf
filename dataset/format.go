package dataset

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/sniff"
)

// Options of Open. The zero value opens the training split, or all rows when
// there are no splits, and finds the labels by itself. A format ignores what
// does not concern it.
type Options struct {
	Split    string   // "train", "test", "val" or what Splits lists; empty: "train", else the only one
	Label    string   // tables: column name or 0-based index, negative from the end, or several between commas; npz: array name; npy, npydir: file name; cifar: "fine" or "coarse"; "none": no labels
	Task     string   // what the labels are, one of Tasks; empty: decided by what they hold
	Targets  []string // tables: names of the label columns where Label names none and all are there; others: names of what is predicted
	Layout   Layout   // NCHW or NHWC of a rank 4 array; empty: decided by the axis that is 1, 3 or 4
	Classes  []string // class names in order of label; empty: what the data says
	Resize   []int    // image folders: (H, W) that every image is resized to; empty: all must have one size
	Columns  string   // tables: what columns are, see ParseColumns; empty, or not named: what they look like
	Schema   Schema   // tables: encode the columns as those of the training rows, whatever Columns says
	LabelMap string   // classes of the labels that the rows have, see ParseLabelMap; empty: as they are written
	SkipBad  bool     // folders of images or WAV clips: leave out, count and note those that cannot be decoded
	Mels     int      // WAV clips: mel bands of the spectrogram; 0: 40
	Frames   int      // WAV clips: frames of 10 ms that a clip is cut or padded to; 0: 98, one second
}

// Format is one way to store rows. Its file registers it in init.
type Format struct {
	Name   string                                       // what stands before the colon in format:path
	About  string                                       // what it looks for, in one line
	Detect func(path string) bool                       // whether path is of this format; reads little
	Open   func(path string, o Options) (Source, error) // opens all rows of one split
	Splits func(path string) []string                   // splits that path offers; nil when the format has none
	Query  bool                                         // whether Open itself reads what follows a ? in path
}

// formats is filled in init and read only afterwards.
var formats []Format

// Register adds a format. It panics when the name is taken: call it in init.
func Register(f Format) {
	if f.Name == "" || f.Detect == nil || f.Open == nil {
		panic("dataset: Register of a format without a name, Detect or Open")
	}
	i, taken := slices.BinarySearchFunc(formats, f.Name, func(a Format, name string) int {
		return cmp.Compare(a.Name, name)
	})
	if taken {
		panic("dataset: format " + f.Name + " registered twice")
	}
	formats = slices.Insert(formats, i, f)
}

// Formats lists the registered formats by name.
func Formats() []Format { return slices.Clone(formats) }

// Open opens the rows that arg names: a path, whose format is detected, or
// format:path. Options may follow the path, as in "clips?mels=64&skip-bad";
// they go before those of o. Every failure is a *fault.Error.
func Open(arg string, o Options) (Source, error) {
	f, path, query, err := resolve(arg)
	if err != nil {
		return nil, err
	}
	if err := o.set(path, query); err != nil {
		return nil, err
	}
	if err := o.check(path); err != nil {
		return nil, err
	}
	if o.Split != "" {
		offered := f.splits(path)
		whole := len(offered) == 0 && o.Split == "train"
		if !whole && !slices.Contains(offered, o.Split) {
			return nil, fault.New(fault.Input, path, "", "no split %q: expected %s", o.Split, listOr(offered, "a set without splits"))
		}
	}
	m, err := ParseLabelMap(o.LabelMap)
	if err != nil {
		return nil, err
	}
	given := o.Classes
	if m != nil {
		o.Classes = nil // what is given are names that the map makes
	}
	src, err := f.Open(path, o)
	if err != nil {
		return nil, err
	}
	if m == nil || !src.Spec().Labelled() {
		return src, nil
	}
	renamed, err := mapLabels(path, src, m, given)
	if err != nil {
		src.Close()
		return nil, err
	}
	return renamed, nil
}

// Splits lists the splits that arg offers, in the order train, val, test, then
// others; none when the format has no splits, arg names one itself or cannot be
// opened.
func Splits(arg string) []string {
	f, path, query, err := resolve(arg)
	if err != nil {
		return nil
	}
	var o Options
	if o.set(path, query) != nil || o.Split != "" {
		return nil
	}
	return f.splits(path)
}

func (f Format) splits(path string) []string {
	if f.Splits == nil {
		return nil
	}
	rank := map[string]int{"train": -3, "val": -2, "test": -1}
	found := slices.Clone(f.Splits(path))
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b))
	})
	return slices.Compact(found)
}

// resolve finds the format of arg, and parts its path from its options.
func resolve(arg string) (f Format, path, query string, err error) {
	if name, path, ok := strings.Cut(arg, ":"); ok {
		for _, f := range formats {
			if f.Name == name && f.Query {
				return f, path, "", nil
			}
			if f.Name == name {
				path, query = cutOptions(path)
				return f, path, query, nil
			}
		}
	}
	path, query = cutOptions(arg)
	f, err = detect(path)
	return f, path, query, err
}

// detect finds the format of the file or folder arg.
func detect(arg string) (Format, error) {
	if arg == "" {
		return Format{}, fault.New(fault.Usage, "", "", "no data: expected a path or format:path")
	}
	if _, err := os.Stat(arg); err != nil {
		if name, _, ok := strings.Cut(arg, ":"); ok && errors.Is(err, fs.ErrNotExist) {
			return Format{}, fault.New(fault.IO, arg, "", "no such file, and %q is no format: expected %s", name, formatNames(formats))
		}
		return Format{}, ioFault(arg, err)
	}
	if f, err := os.OpenFile(arg, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil { // a pipe must not hang it
		return Format{}, ioFault(arg, err)
	} else {
		f.Close()
	}
	var found []Format
	for _, f := range formats {
		if f.Detect(arg) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		var known []string
		for _, f := range formats {
			known = append(known, f.Name+" ("+f.About+")")
		}
		return Format{}, fault.New(fault.Input, arg, "", "format not recognised: %sexpected %s", looksLike(arg), strings.Join(known, ", "))
	}
	return Format{}, fault.New(fault.Input, arg, "", "looks like %s: say which with format:path", formatNames(found))
}

// looksLike names a kind of file that no format reads, or nothing.
func looksLike(path string) string {
	f, _, err := openRegular(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, sniff.Len)
	n, _ := io.ReadFull(f, head)
	if what, _ := sniff.What(head[:n]); what != "" {
		return "it looks like " + what + ", "
	}
	return ""
}

func formatNames(fs []Format) string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.Name
	}
	return listOr(names, "none")
}

// listOr joins names for a message: "a, b or c".
func listOr(names []string, none string) string {
	switch n := len(names); n {
	case 0:
		return none
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// check refuses options that no format could follow.
func (o Options) check(path string) error {
	seen := map[string]bool{}
	for _, c := range o.Classes {
		if seen[c] {
			return fault.New(fault.Usage, path, "classes", "class %q named twice", c)
		}
		seen[c] = true
	}
	if _, _, err := ParseTask(o.Task); err != nil {
		return err
	}
	switch o.Layout {
	case "", NCHW, NHWC:
	default:
		return fault.New(fault.Usage, path, "layout", "got %q, expected NCHW or NHWC", o.Layout)
	}
	if o.Mels < 0 || o.Mels > maxMels {
		return fault.New(fault.Usage, path, "mels", "got %d, expected from 1 to %d", o.Mels, maxMels)
	}
	if o.Frames < 0 || o.Frames > maxFrames {
		return fault.New(fault.Usage, path, "frames", "got %d, expected from 1 to %d", o.Frames, maxFrames)
	}
	if o.Resize != nil && (len(o.Resize) != 2 || !validSize(o.Resize)) {
		return fault.New(fault.Usage, path, "resize", "got %v, expected (H, W) with each from 1 to %d", o.Resize, maxSide)
	}
	return nil
}

// pickSplit is the split to open when the offered ones hold what was asked.
func pickSplit(asked string, offered []string) string {
	if asked != "" || len(offered) == 0 {
		return asked
	}
	if slices.Contains(offered, "train") {
		return "train"
	}
	return offered[0]
}

// named lists the splits that have a name, sorted.
func named[V any](splits map[string]V) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(splits)), func(name string) bool { return name == "" })
}
