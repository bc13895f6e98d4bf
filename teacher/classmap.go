package teacher

import (
	"io"
	"os"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ClassPair says which class of the rows a class of the teacher is. Of a class
// of the teacher that is none of them, Rows is empty.
type ClassPair struct {
	Teacher string // name, or the number of its column from 0
	Rows    string // name, or the number of its label from 0; empty: none
}

// String is the pair as ParseClassMap reads it.
func (p ClassPair) String() string { return p.Teacher + "=" + p.Rows }

// maxClassMap bounds the bytes of a class map's file.
const maxClassMap = 64 << 20

// ParseClassMap reads pairs "teacher=rows" with commas between, such as
// "tabby=cat,tiger cat=cat,hay=", or a file that has one pair a line, where
// names may have commas; empty lines and those that begin with # are left out.
// Text without a pair names a file. It is a fault.Usage when a pair is broken
// or a class of the teacher occurs twice.
func ParseClassMap(arg string) ([]ClassPair, error) {
	if strings.TrimSpace(arg) == "" {
		return nil, nil
	}
	const field = "--class-map"
	var lines []string
	path := ""
	if st, err := os.Stat(arg); err == nil && st.Mode().IsRegular() {
		path = arg
		f, err := os.Open(arg)
		if err != nil {
			return nil, fault.New(fault.IO, arg, field, "cannot be opened: %w", err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxClassMap+1))
		if err != nil {
			return nil, fault.New(fault.IO, arg, field, "cannot be read: %w", err)
		}
		if len(text) > maxClassMap {
			return nil, fault.New(fault.Input, arg, field, "more than %d bytes", maxClassMap)
		}
		lines = strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	} else if !strings.Contains(arg, "=") {
		return nil, fault.New(fault.Usage, "", field, "got %q, expected teacher=rows, with commas between pairs, or the name of a file", arg)
	} else {
		lines = strings.Split(arg, ",")
	}
	var pairs []ClassPair
	seen := map[string]bool{}
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" || path != "" && line[0] == '#' {
			continue
		}
		from, to, ok := strings.Cut(line, "=")
		p := ClassPair{strings.TrimSpace(from), strings.TrimSpace(to)}
		switch {
		case !ok || p.Teacher == "":
			return nil, fault.New(fault.Usage, path, field, "pair %d: got %q, expected teacher=rows", i+1, clip(line))
		case seen[p.Teacher]:
			return nil, fault.New(fault.Usage, path, field, "pair %d: the teacher's class %q is there twice", i+1, clip(p.Teacher))
		}
		seen[p.Teacher] = true
		pairs = append(pairs, p)
	}
	return pairs, nil
}
