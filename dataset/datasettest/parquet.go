package datasettest

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Parquet is a file of rows.
func Parquet[T any](rows []T, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	_, err := w.Write(rows)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// EditParquet is a Parquet file whose metadata and body, which is all before it,
// are changed.
func EditParquet(file []byte, change func(m *format.FileMetaData, body []byte) []byte) []byte {
	m, begin := parquetMetadata(file)
	body := change(&m, bytes.Clone(file[:begin]))
	metadata := encodeThrift(&m)
	b := append(body, metadata...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(metadata)))
	return append(b, "PAR1"...)
}

// EditParquetPage is a Parquet file whose first page of a column of the first
// row group is changed: its header, and its data as they are stored. All that
// lies behind is moved.
func EditParquetPage(file []byte, column int, change func(h *format.PageHeader, data []byte) []byte) []byte {
	return EditParquet(file, func(m *format.FileMetaData, body []byte) []byte {
		chunk := m.RowGroups[0].Columns[column].MetaData
		first := cmp.Or(chunk.DictionaryPageOffset, chunk.DataPageOffset)
		r := bytes.NewReader(body[first:])
		var h format.PageHeader
		if err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(r)).Decode(&h); err != nil {
			panic(err)
		}
		data := len(body) - r.Len()
		behind := data + int(h.CompressedPageSize)
		page := change(&h, bytes.Clone(body[data:behind]))
		page = append(encodeThrift(&h), page...)
		moved := first + int64(len(page)) - int64(behind)
		for g := range m.RowGroups {
			for k := range m.RowGroups[g].Columns {
				c := &m.RowGroups[g].Columns[k].MetaData
				if g == 0 && k == column {
					c.TotalCompressedSize += moved
				}
				for _, offset := range []*int64{&c.DictionaryPageOffset, &c.DataPageOffset} {
					if *offset > first {
						*offset += moved
					}
				}
			}
		}
		return append(append(bytes.Clone(body[:first]), page...), body[behind:]...)
	})
}

// parquetMetadata is the metadata of a file and where it begins.
func parquetMetadata(file []byte) (m format.FileMetaData, begin int) {
	begin = len(file) - 8 - int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), file[begin:len(file)-8], &m); err != nil {
		panic(err)
	}
	return m, begin
}

func encodeThrift(v any) []byte {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		panic(err)
	}
	return b
}
