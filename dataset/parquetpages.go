package dataset

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/bits"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// pageChecker goes over the pages of the columns of one file.
type pageChecker struct {
	path string
	file *os.File
	size int64
	zstd *zstd.Decoder // nil until a page needs it
	in   []byte        // a page as it is stored
	out  bytes.Buffer  // and unpacked

	unpacked, values int64 // that the pages so far claim
}

// checkPages refuses pages that claim more than they hold.
func checkPages(path string, f *os.File, size int64, meta *format.FileMetaData, leaves []*parquet.Column) error {
	c := &pageChecker{path: path, file: f, size: size}
	defer func() {
		if c.zstd != nil {
			c.zstd.Close()
		}
	}()
	rows := int64(0)
	for g := range meta.RowGroups {
		group := &meta.RowGroups[g]
		if len(group.Columns) != len(leaves) || group.NumRows < 0 {
			return inputFault(path, fmt.Sprintf("row group %d", g), "%d columns and %d rows, the schema has %d columns", len(group.Columns), group.NumRows, len(leaves))
		}
		rows += group.NumRows
	}
	if rows != meta.NumRows {
		return inputFault(path, "metadata", "%d rows, but the row groups have %d", meta.NumRows, rows)
	}
	// What all pages claim comes first: a page may be small and there often.
	for _, visit := range []func(field string, at int64, p page, m *format.ColumnMetaData, leaf *parquet.Column) error{c.claim, c.hold} {
		for g := range meta.RowGroups {
			for k, leaf := range leaves {
				m := &meta.RowGroups[g].Columns[k].MetaData
				field := fmt.Sprintf("row group %d, column %q", g, leaf.Name())
				if err := c.chunk(field, m, func(at int64, p page) error { return visit(field, at, p, m, leaf) }); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// claim refuses a page that claims too much, by itself or with all before it.
func (c *pageChecker) claim(field string, at int64, p page, m *format.ColumnMetaData, _ *parquet.Column) error {
	switch m.Codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd:
	default:
		return inputFault(c.path, field, "page at byte %d: compressed by %v, expected UNCOMPRESSED, SNAPPY, GZIP or ZSTD", at, m.Codec)
	}
	c.unpacked += p.unpacked
	c.values += p.values
	if unpacked := max(c.unpacked, 4*c.values); unpacked > freeExpansion && unpacked/maxExpansion > c.size {
		return inputFault(c.path, field, "page at byte %d: pages unpack to %d bytes and %d values so far, limit %d bytes, with 4 a value, or %d times the %d of the file",
			at, c.unpacked, c.values, freeExpansion, maxExpansion, c.size)
	}
	return nil
}

// hold refuses a page that does not hold what it claims.
func (c *pageChecker) hold(field string, at int64, p page, m *format.ColumnMetaData, leaf *parquet.Column) error {
	c.in = slices.Grow(c.in[:0], int(p.packed))[:p.packed]
	if _, err := c.file.ReadAt(c.in, at); err != nil {
		return ioFault(c.path, err)
	}
	if err := c.page(p, m.Codec, leaf); err != nil {
		return inputFault(c.path, field, "page at byte %d: %w", at, err)
	}
	return nil
}

// page is what matters of a page's header.
type page struct {
	kind, packed, unpacked, values, encoding int64
	levels                                   [2]int64 // bytes of repetition and definition levels of a page of version 2
	levelEncodings                           [2]int64
	compressed                               bool
}

// chunk visits the pages of one column in one row group: where the data of
// each begin, and its header.
func (c *pageChecker) chunk(field string, m *format.ColumnMetaData, visit func(at int64, p page) error) error {
	at := cmp.Or(m.DictionaryPageOffset, m.DataPageOffset)
	end := at + m.TotalCompressedSize
	if at < 4 || m.TotalCompressedSize < 0 || end < at || end > c.size || m.DataPageOffset < at || m.DataPageOffset > end {
		return inputFault(c.path, field, "lies at bytes %d to %d of a file of %d", at, end, c.size)
	}
	values := int64(0)
	for at < end {
		p, n, err := c.header(at, end)
		if err != nil {
			return inputFault(c.path, field, "page at byte %d: header not readable: %w", at, err)
		}
		at += n
		if p.packed < 0 || p.packed > end-at || p.unpacked < 0 || p.unpacked > maxPage || p.values < 0 || p.values > maxPageValues {
			return inputFault(c.path, field, "page at byte %d: %d bytes that unpack to %d, of %d values: expected at most %d, %d and %d", at, p.packed, p.unpacked, p.values, end-at, maxPage, maxPageValues)
		}
		if format.PageType(p.kind) != format.DictionaryPage {
			values += p.values
		}
		if err := visit(at, p); err != nil {
			return err
		}
		at += p.packed
	}
	if values != m.NumValues {
		return inputFault(c.path, field, "pages of %d values, but it says %d", values, m.NumValues)
	}
	return nil
}

// header reads the header of a page, of n bytes.
func (c *pageChecker) header(at, end int64) (p page, n int64, err error) {
	for _, most := range []int64{4 << 10, maxPageHeader} {
		c.in = slices.Grow(c.in[:0], int(most))[:min(most, end-at)]
		if _, err := c.file.ReadAt(c.in, at); err != nil && err != io.EOF {
			return p, 0, err
		}
		p = page{compressed: true, encoding: -1, levelEncodings: [2]int64{int64(format.RLE), int64(format.RLE)}}
		w := thriftWalker{data: c.in, elements: 16, number: func(path []int16, v int64) { p.set(path, v) }}
		if err = w.structure(); err == nil {
			return p, int64(w.at), nil
		}
	}
	return p, 0, err
}

func (p *page) set(path []int16, v int64) {
	switch {
	case len(path) == 1 && path[0] == 1:
		p.kind = v
	case len(path) == 1 && path[0] == 2:
		p.unpacked = v
	case len(path) == 1 && path[0] == 3:
		p.packed = v
	case len(path) != 2 || path[0] != 5 && path[0] != 7 && path[0] != 8:
	case path[1] == 1:
		p.values = v
	case path[0] != 8 && path[1] == 2, path[0] == 8 && path[1] == 4:
		p.encoding = v
	case path[0] == 5 && (path[1] == 3 || path[1] == 4):
		p.levelEncodings[4-path[1]] = v
	case path[0] == 8 && path[1] == 7:
		p.compressed = v == 1
	case path[0] == 8 && path[1] == 5:
		p.levels[1] = v
	case path[0] == 8 && path[1] == 6:
		p.levels[0] = v
	}
}

// page goes over the page in c.in.
func (c *pageChecker) page(p page, codec format.CompressionCodec, leaf *parquet.Column) error {
	depth := [2]int{leaf.MaxRepetitionLevel(), leaf.MaxDefinitionLevel()}
	data := c.in
	var err error
	switch format.PageType(p.kind) {
	case format.DictionaryPage:
		if e := format.Encoding(p.encoding); e != format.Plain && e != format.PlainDictionary {
			return fmt.Errorf("a dictionary in encoding %v, expected PLAIN", e)
		}
		data, err = c.unpack(codec, data, p.unpacked)
		if err == nil && p.values > 8*int64(len(data)) {
			err = fmt.Errorf("a dictionary of %d values in %d bytes", p.values, len(data))
		}
		return err
	case format.DataPage:
		if data, err = c.unpack(codec, data, p.unpacked); err != nil {
			return err
		}
		for i, most := range depth {
			if most == 0 {
				continue
			}
			if p.levelEncodings[i] != int64(format.RLE) {
				return fmt.Errorf("levels in encoding %v, expected RLE", format.Encoding(p.levelEncodings[i]))
			}
			if data, err = checkSizedRuns(data, bits.Len(uint(most)), p.values); err != nil {
				return err
			}
		}
	case format.DataPageV2:
		if p.levels[0] < 0 || p.levels[1] < 0 || p.levels[0]+p.levels[1] > int64(len(data)) || p.levels[0]+p.levels[1] > p.unpacked {
			return fmt.Errorf("levels of %d and %d bytes in a page of %d", p.levels[0], p.levels[1], len(data))
		}
		for i, n := range p.levels {
			if err := checkRuns(data[:n], bits.Len(uint(depth[i])), p.values); err != nil && depth[i] > 0 {
				return err
			}
			data = data[n:]
		}
		if p.compressed {
			if data, err = c.unpack(codec, data, p.unpacked-p.levels[0]-p.levels[1]); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("of type %d, expected data or a dictionary", p.kind)
	}
	return checkValues(data, format.Encoding(p.encoding), p.values)
}

// unpack gives the want bytes that src unpacks to.
func (c *pageChecker) unpack(codec format.CompressionCodec, src []byte, want int64) ([]byte, error) {
	var from io.Reader
	switch codec {
	case format.Uncompressed:
		return src, nil
	case format.Snappy:
		n, err := snappy.DecodedLen(src)
		if err != nil || int64(n) != want || n > 64*len(src) {
			return nil, fmt.Errorf("%d bytes of Snappy unpack to %d, expected %d", len(src), n, want)
		}
		return snappy.Decode(make([]byte, n), src)
	case format.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return nil, fmt.Errorf("cannot unpack: %w", err)
		}
		from = r
	case format.Zstd:
		if c.zstd == nil {
			var err error
			if c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderLowmem(true)); err != nil {
				return nil, err
			}
		}
		if err := c.zstd.Reset(bytes.NewReader(src)); err != nil {
			return nil, fmt.Errorf("cannot unpack: %w", err)
		}
		from = c.zstd
	}
	c.out.Reset()
	if n, err := io.CopyN(&c.out, from, want+1); err != io.EOF || n != want {
		return nil, fmt.Errorf("unpacks to other than the %d bytes that it says (%w)", want, cmp.Or(err, io.ErrShortBuffer))
	}
	return c.out.Bytes(), nil
}
