package dataset

import (
	"encoding/binary"
	"os"
	"slices"
)

// Limits of a Parquet file.
const (
	maxFooter       = 16 << 20  // bytes of the metadata
	maxFooterParts  = 1 << 19   // structs and texts in it
	maxPage         = 256 << 20 // bytes of a page, unpacked
	maxPageValues   = 1 << 24   // values of a page
	maxPageHeader   = 1 << 20   // bytes of a page's header
	maxSchema       = 1 << 14   // elements of the schema
	maxSchemaNested = 16        // how deep they are nested
)

// The library that reads Parquet makes room for what a file claims. What
// follows goes over all of the file first, and refuses claims that the file
// does not hold: of the metadata, of the pages' headers, of what pages unpack
// to, and of the runs in them.

// checkFooter refuses metadata that the library could not decode in little
// memory.
func checkFooter(path string, f *os.File, size int64) error {
	var tail [8]byte
	if size < 12 {
		return inputFault(path, "", "is %d bytes long, too short for Parquet", size)
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return ioFault(path, err)
	}
	if string(tail[4:]) != "PAR1" {
		return inputFault(path, "", "ends with %q, expected PAR1: it is truncated, encrypted or not Parquet", tail[4:])
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return inputFault(path, "metadata", "%d bytes in a file of %d, limit %d", n, size, maxFooter)
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, size-8-n); err != nil {
		return ioFault(path, err)
	}
	var children []int64 // of each element of the schema, which is preorder
	w := thriftWalker{data: data, elements: maxFooterParts,
		begin: func(p []int16) {
			if len(p) == 1 && p[0] == 2 {
				children = append(children, 0)
			}
		},
		number: func(p []int16, v int64) {
			if len(p) == 2 && p[0] == 2 && p[1] == 5 {
				children[len(children)-1] = v
			}
		}}
	if err := w.structure(); err != nil {
		return inputFault(path, "metadata", "not readable: %w", err)
	}
	if w.at != len(data) {
		return inputFault(path, "metadata", "%d bytes after its end", len(data)-w.at)
	}
	return checkSchema(path, children)
}

// checkSchema refuses a schema whose elements do not make one tree, or too
// deep a one.
func checkSchema(path string, children []int64) error {
	if len(children) == 0 || len(children) > maxSchema {
		return inputFault(path, "schema", "%d elements, expected 1 to %d", len(children), maxSchema)
	}
	var open []int64 // children to come, by depth
	for i, n := range children {
		for len(open) > 0 && open[len(open)-1] == 0 {
			open = open[:len(open)-1]
		}
		switch {
		case n < 0 || n > int64(len(children)):
			return inputFault(path, "schema", "element %d has %d children", i, n)
		case i > 0 && len(open) == 0:
			return inputFault(path, "schema", "element %d belongs to none", i)
		case len(open) > maxSchemaNested:
			return inputFault(path, "schema", "nested deeper than %d", maxSchemaNested)
		case len(open) > 0:
			open[len(open)-1]--
		}
		open = append(open, n)
	}
	if slices.ContainsFunc(open, func(n int64) bool { return n != 0 }) {
		return inputFault(path, "schema", "has fewer elements than it says")
	}
	return nil
}
