package hostile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

// parquetRow is a row for the good teacher.
type parquetRow struct {
	A     float64 `parquet:"a"`
	B     float32 `parquet:"b,split"`
	C     int64   `parquet:"c,delta"`
	D     *int32  `parquet:"d,dict,optional"`
	Label string  `parquet:"label,dict"`
}

func parquetOf(n int, options ...parquet.WriterOption) []byte {
	rows := make([]parquetRow, n)
	for i := range rows {
		v := int32(i % 5)
		rows[i] = parquetRow{float64(i), float32(i) / 4, int64(i), &v, string(rune('x' + i%3))}
	}
	return datasettest.Parquet(rows, options...)
}

// parquetRows are F-63 as Parquet: what the footer, the pages and the values
// claim.
func parquetRows() []row {
	var c dataCases
	file := func(name string, data []byte, says string) { c.bad("F-63", "Parquet: "+name, "t.parquet", data, says) }
	good := parquetOf(24)
	length := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[len(b)-8:], n)
		return b
	}
	footer := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	// cut ends the metadata early and says so.
	cut := func(n int) []byte {
		b := binary.LittleEndian.AppendUint32(bytes.Clone(good[:len(good)-8-footer+n]), uint32(n))
		return append(b, "PAR1"...)
	}
	file("empty", nil, `is 0 bytes long, too short`)
	file("a page of an error", []byte("<html>404 not found</html>"), `ends with "ml>\\?".*expected PAR1|ends with ".*", expected PAR1`)
	file("encrypted", append(bytes.Clone(good[:len(good)-4]), "PARE"...), `ends with "PARE", expected PAR1`)
	for i := 1; i < 8; i++ {
		file(fmt.Sprintf("cut at %d/8", i), good[:len(good)*i/8], `expected PAR1`)
	}
	file("a byte short", good[:len(good)-1], `expected PAR1`)
	for i := 1; i < 4; i++ {
		file(fmt.Sprintf("metadata cut at %d/4", i), cut(footer*i/4), `metadata: not readable|schema: |row group 0`)
	}
	file("metadata of 0 bytes", length(0), `metadata: not readable`)
	file("metadata of 4 GiB", length(0xffffffff), `metadata: 4294967295 bytes in a file of`)
	file("metadata of a byte less", length(uint32(footer-1)), `metadata: `)
	file("metadata of a byte more", length(uint32(footer+1)), `metadata: `)
	file("metadata that is the whole file", length(uint32(len(good)-12)), `metadata: `)

	meta := func(name, says string, change func(m *format.FileMetaData)) {
		file(name, datasettest.EditParquet(good, func(m *format.FileMetaData, body []byte) []byte { change(m); return body }), says)
	}
	column := func(m *format.FileMetaData, k int) *format.ColumnMetaData {
		return &m.RowGroups[0].Columns[k].MetaData
	}
	meta("25 rows of 24", `metadata: 25 rows, but the row groups have 24`, func(m *format.FileMetaData) { m.NumRows = 25 })
	meta("25 rows of 24 in the group", `row group 0: 24 rows, but it says 25`, func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = 25, 25 })
	meta("23 rows of 24 in the group", `row group 0`, func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = 23, 23 })
	meta("2^62 rows", `t\.parquet: `, func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = 1<<62, 1<<62 })
	meta("−1 rows", `t\.parquet: .*-1`, func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = -1, -1 })
	meta("2^62 values of a column", `row group 0, column "a": pages of 24 values, but it says 4611686018427387904`, func(m *format.FileMetaData) { column(m, 0).NumValues = 1 << 62 })
	meta("23 values of a column of 24", `row group 0, column "b": pages of 24 values, but it says 23`, func(m *format.FileMetaData) { column(m, 1).NumValues = 23 })
	meta("a column behind the end", `row group 0, column "b".* of a file of`, func(m *format.FileMetaData) { column(m, 1).DataPageOffset = 1 << 40 })
	meta("a column before the beginning", `row group 0, column "c"`, func(m *format.FileMetaData) { column(m, 2).DataPageOffset = -8 })
	meta("a column of other pages", `row group 0, column "b"`, func(m *format.FileMetaData) { column(m, 1).DataPageOffset = column(m, 0).DataPageOffset + 1 })
	meta("a column of −1 bytes", `row group 0, column "a"`, func(m *format.FileMetaData) { column(m, 0).TotalCompressedSize = -1 })
	meta("a column less than the schema has", `row group at index 0 does not have enough columns`, func(m *format.FileMetaData) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:4] })
	meta("a schema that is a tree of itself", `schema: `, func(m *format.FileMetaData) { n := int32(1 << 30); m.Schema[0].NumChildren.V = n })
	meta("a codec of number 99", `compressed by CompressionCodec.*, expected UNCOMPRESSED, SNAPPY, GZIP or ZSTD`, func(m *format.FileMetaData) { column(m, 0).Codec = 99 })
	file("compressed by BROTLI", parquetOf(24, parquet.Compression(&parquet.Brotli)), `column "a": page at byte \d+: compressed by BROTLI, expected UNCOMPRESSED, SNAPPY, GZIP or ZSTD`)
	file("compressed by LZ4", parquetOf(24, parquet.Compression(&parquet.Lz4Raw)), `column "a": page at byte \d+: compressed by LZ4_RAW, expected`)

	page := func(name, says string, k int, change func(h *format.PageHeader)) {
		file(name, datasettest.EditParquetPage(good, k, func(h *format.PageHeader, data []byte) []byte { change(h); return data }), `row group 0, column "\w+"`+says)
	}
	page("a page of 2 GiB", `: page at byte \d+: \d+ bytes that unpack to 2147483647`, 0, func(h *format.PageHeader) { h.UncompressedPageSize = 1<<31 - 1 })
	page("a page of −1 bytes", `: page at byte \d+: -1 bytes`, 0, func(h *format.PageHeader) { h.CompressedPageSize = -1 })
	page("a page that is longer than its column", `: page at byte \d+: 100000 bytes`, 0, func(h *format.PageHeader) { h.CompressedPageSize = 100_000 })
	page("a page of a byte less", `|row group 0`, 0, func(h *format.PageHeader) { h.CompressedPageSize--; h.UncompressedPageSize-- })
	page("a page of 2^31 values", `: page at byte \d+: .*, of 2147483647 values`, 4, func(h *format.PageHeader) {
		if h.DictionaryPageHeader.Valid {
			h.DictionaryPageHeader.V.NumValues = 1<<31 - 1
		}
	})
	c.rows = append(c.rows, bombRows()...)

	nested := func(name string, data []byte, says string) { file(name, data, `column ".*": `+says) }
	nested("a list of groups", datasettest.Parquet([]struct {
		X float64                  `parquet:"x"`
		P []struct{ A, B float64 } `parquet:"p"`
	}{{1, []struct{ A, B float64 }{{1, 2}}}}), `a list of groups or lists, which is not read`)
	nested("a map", datasettest.Parquet([]struct {
		X float64            `parquet:"x"`
		M map[string]float64 `parquet:"m"`
	}{{1, map[string]float64{"a": 1}}}), `a list of groups or lists, which is not read`)
	nested("lists of two lengths", datasettest.Parquet([]struct {
		X []float64 `parquet:"x,list"`
	}{{[]float64{1, 2, 3, 4}}, {[]float64{1, 2, 3}}}), `a list of 3 numbers, expected 4 as in the rows before`)
	nested("texts that are not UTF-8", datasettest.Parquet([]struct {
		X string `parquet:"x"`
	}{{"a"}, {"\xff"}}), `bytes that are not UTF-8`)
	nested("a text of 70,000 bytes", datasettest.Parquet([]struct {
		X string `parquet:"x"`
	}{{"a"}, {strings.Repeat("x", 70_000)}}), `text of 70000 bytes, limit 65536`)
	nested("a time", datasettest.Parquet([]struct {
		X int64 `parquet:"x,timestamp"`
	}{{1}}), `a time, which is not read`)
	file("no rows", parquetOf(0), `and 0 rows, expected`)
	for name, options := range map[string][]parquet.WriterOption{
		"GZIP, pages of version 1": {parquet.Compression(&parquet.Gzip), parquet.DataPageVersion(1)}, "ZSTD": {parquet.Compression(&parquet.Zstd)}, "SNAPPY, many groups": {parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(5)},
	} {
		c.good("F-63", "Parquet: "+name, "t.parquet", parquetOf(24, options...), 24)
	}
	rng := rand.New(rand.NewPCG(63, 32))
	for i := range 32 {
		at, bit := rng.IntN(len(good)), rng.IntN(8)
		c.rows = append(c.rows, row{id: "F-63", name: fmt.Sprintf("Parquet: flip %d: bit %d of byte %d", i, bit, at), args: "eval --model good.onnx --data t.parquet --engine native", file: "kdonnx:", exit: []int{0, 3}, says: `t\.parquet: |good\.onnx: |rows +24`,
			make: func(d folder) {
				b := bytes.Clone(good)
				b[at] ^= 1 << bit
				d.put("t.parquet", b)
			}})
	}
	return c.rows
}

// bombRows are small files that unpack to much more.
func bombRows() []row {
	var c dataCases
	bomb := func(name, says string, made func() []byte) {
		c.rows = append(c.rows, row{id: "F-63", name: "Parquet: " + name, args: "inspect good.onnx --data t.parquet", exit: []int{3}, says: says, peak: 64,
			make: func(d folder) { d.put("t.parquet", made()) }})
	}
	const width = 1000
	type wide struct {
		X string `parquet:"x"`
	}
	zeros := func(pages int, codec parquet.WriterOption) func() []byte {
		return func() []byte { // a page of texts, then the same page again and again
			rows := make([]wide, 24_000)
			for i := range rows {
				rows[i].X = strings.Repeat("x", width)
			}
			return repeatedPages(datasettest.Parquet(rows, codec, parquet.DataPageVersion(1), parquet.DataPageStatistics(false), parquet.PageBufferSize(1<<30)), pages)
		}
	}
	bomb("24 MB packed by ZSTD, a thousand times", `column "x": page at byte \d+: pages unpack to \d+ bytes and \d+ values so far, limit`, zeros(1000, parquet.Compression(&parquet.Zstd)))
	bomb("24 MB packed by GZIP, a thousand times", `column "x": page at byte \d+: pages unpack to \d+ bytes and \d+ values so far, limit`, zeros(1000, parquet.Compression(&parquet.Gzip)))
	bomb("SNAPPY that says 4 GiB", `bytes of Snappy unpack to`, func() []byte {
		return datasettest.EditParquetPage(parquetOf(24, parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(1)), 0, func(h *format.PageHeader, data []byte) []byte {
			data = append([]byte("\xff\xff\xff\xff\x0f"), data[2:]...)
			h.CompressedPageSize = int32(len(data))
			return data
		})
	})
	bomb("a billion values in runs", `column "x": page at byte \d+: pages unpack to \d+ bytes and \d+ values so far, limit`, func() []byte {
		type one struct {
			X int32 `parquet:"x,dict"`
		}
		rows := make([]one, 400_000)
		return repeatedPages(datasettest.Parquet(rows, parquet.DataPageVersion(1), parquet.PageBufferSize(1<<30)), 2500)
	})
	return c.rows
}

// repeatedPages is a Parquet file of one column whose data pages are there n
// times.
func repeatedPages(file []byte, n int) []byte {
	return datasettest.EditParquet(file, func(m *format.FileMetaData, body []byte) []byte {
		group := &m.RowGroups[0]
		c := &group.Columns[0].MetaData
		end := cmp.Or(c.DictionaryPageOffset, c.DataPageOffset) + c.TotalCompressedSize
		pages := bytes.Clone(body[c.DataPageOffset:end])
		c.TotalCompressedSize += int64(n-1) * int64(len(pages))
		c.NumValues *= int64(n)
		group.NumRows *= int64(n)
		m.NumRows *= int64(n)
		return append(body[:end], bytes.Repeat(pages, n-1)...)
	})
}
