package dataset

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// LabelMap names the classes of labels as they are written; several labels may
// be of one class. The label "*" is every other one. A label of the class ""
// is none: its rows are unlabelled.
type LabelMap map[string]string

// otherLabels is the label that stands for all that are not named.
const otherLabels = "*"

// ParseLabelMap reads "label=class, label=class", or the file that text names,
// which has one label=class a line; empty lines and those that begin with #
// are left out. A label or class with a comma, an equals sign or spaces at its
// ends stands in double quotes. Empty text is nil.
func ParseLabelMap(text string) (LabelMap, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if !strings.Contains(text, "=") {
		return readLabelMap(text)
	}
	m := LabelMap{}
	for rest := text; strings.TrimSpace(rest) != ""; {
		var err error
		if rest, err = m.pair(rest, ','); err != nil {
			return nil, fault.New(fault.Usage, "", "label map "+strconv.Quote(clip([]byte(text))), "%w", err)
		}
	}
	return m, nil
}

func readLabelMap(path string) (LabelMap, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := LabelMap{}
	l := &lines{path: path, r: bufio.NewReader(f)}
	for {
		line, err := l.next()
		if err == io.EOF && len(m) == 0 {
			return nil, inputFault(path, "", "no labels, expected one label=class a line")
		}
		if err == io.EOF {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			continue
		}
		rest, err := m.pair(string(line), 0)
		if err != nil {
			return nil, l.fault("%w", err)
		}
		if rest != "" {
			return nil, l.fault("text after the class: %q", clip([]byte(rest)))
		}
	}
}

// pair reads one label=class up to end, and gives what follows.
func (m LabelMap) pair(text string, end byte) (rest string, err error) {
	label, rest, err := word(text, '=')
	if err == nil && !strings.HasPrefix(rest, "=") {
		err = fmt.Errorf("got %q, expected label=class", clip([]byte(strings.TrimSpace(text))))
	}
	if err != nil {
		return "", err
	}
	class, rest, err := word(rest[1:], end)
	if err != nil {
		return "", err
	}
	if _, twice := m[label]; twice {
		return "", fmt.Errorf("label %q given twice", clip([]byte(label)))
	}
	m[label] = class
	if rest != "" && rest[0] == end {
		rest = rest[1:]
	}
	return rest, nil
}

// word reads up to end, or a text in double quotes, without spaces around it.
func word(text string, end byte) (w, rest string, err error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `"`) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", "", fmt.Errorf("%q: a quote without its other one", clip([]byte(text)))
		}
		w, err = strconv.Unquote(quoted)
		rest = strings.TrimSpace(text[len(quoted):])
		if err == nil && rest != "" && rest[0] != end {
			err = fmt.Errorf("text after the closing quote: %q", clip([]byte(rest)))
		}
		return w, rest, err
	}
	i := strings.IndexByte(text, end)
	if i < 0 {
		return text, "", nil
	}
	return strings.TrimSpace(text[:i]), text[i:], nil
}

// class is the class of a label, or false when nothing names it.
func (m LabelMap) class(label string) (string, bool) {
	if c, ok := m[label]; ok {
		return c, true
	}
	c, ok := m[otherLabels]
	return c, ok
}

// mapped is src with its labels renamed. It closes src.
type mapped struct {
	src    Source
	spec   Spec
	labels []int32
}

func (s *mapped) Spec() Spec                  { return s.spec }
func (s *mapped) Len() int                    { return s.src.Len() }
func (s *mapped) Close() error                { return s.src.Close() }
func (s *mapped) below(row int) (Source, int) { return s.src, row }

func (s *mapped) Labels(context.Context) ([]int32, error) { return slices.Clone(s.labels), nil }

func (s *mapped) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := s.src.Read(ctx, rows, b); err != nil {
		return err
	}
	for i, r := range rows {
		b.Y[i] = s.labels[r]
	}
	return nil
}

// mapLabels renames the labels of src. The classes are given, or else those of
// the map that a label of src has, sorted, numbers by value.
func mapLabels(path string, src Source, m LabelMap, given []string) (Source, error) {
	spec := src.Spec()
	if spec.Task != MultiClass {
		return nil, fault.New(fault.Usage, path, "label map", "the task is %s, expected rows of one class each", spec.Task)
	}
	labels, err := Labels(context.Background(), src)
	if err != nil {
		return nil, err
	}
	classes := slices.Clone(given)
	if len(given) == 0 {
		set := levelSet{most: len(spec.Classes), seen: map[string]bool{}}
		for _, label := range spec.Classes {
			if c, ok := m.class(label); ok && c != "" {
				set.seen[c] = true
			}
		}
		classes = set.sorted()
	}
	to := make([]int32, len(spec.Classes))
	for i, label := range spec.Classes {
		c, ok := m.class(label)
		to[i] = int32(slices.Index(classes, c)) // Unlabelled for ""
		switch row := slices.Index(labels, int32(i)); {
		case row < 0: // a class without rows
		case !ok:
			return nil, inputFault(path, "row "+strconv.Itoa(row), "label %q is not in the label map: name it, or all others by *=CLASS", clip([]byte(label)))
		case to[i] < 0 && c != "":
			return nil, inputFault(path, "row "+strconv.Itoa(row), "label %q is class %q by the label map, expected one of %s", clip([]byte(label)), c, few(classes))
		}
	}
	renamed := make([]int32, len(labels))
	for r, y := range labels {
		renamed[r] = Unlabelled
		if y != Unlabelled {
			renamed[r] = to[y]
		}
	}
	spec.Classes = classes
	return &mapped{src: src, spec: spec, labels: renamed}, nil
}
