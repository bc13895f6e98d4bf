package dataset_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func columns(text string, c hostile) hostile {
	c.options.Columns = text
	return c
}

func TestHostileJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	deeper := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	var keys strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&keys, "{\"k%d\": 1}\n", i)
	}
	run(t, []hostile{
		bad("F-63", "empty", "a.jsonl", nil, `a\.jsonl: is empty`),
		bad("F-63", "only a mark", "a.jsonl", []byte("\xef\xbb\xbf\n\n"), `is empty`),
		bad("F-63", "no keys", "a.jsonl", []byte("{}\n{}\n"), `holds no objects with keys`),
		bad("F-63", "NUL", "a.jsonl", []byte("{\"a\":1}\n{\"a\":\x001}\n"), `line 2: byte 6 is '\\x00'`),
		bad("F-63", "long line", "a.jsonl", []byte("{\"a\":1}\n{\"a\":\""+strings.Repeat("x", 1<<20)+"\"}"), `line 2: longer than 1048576 bytes`),
		bad("F-63", "long text", "a.jsonl", []byte("{\"a\":1,\"b\":\""+strings.Repeat("x", 70_000)+"\"}"), `line 1, key "b": text of 70000 bytes, limit 65536`),
		bad("F-63", "invalid UTF-8", "a.jsonl", []byte("{\"a\":\"\xff\"}"), `line 1: invalid UTF-8`),
		bad("F-63", "key twice", "a.jsonl", []byte(`{"a":1,"b":2,"a":3}`), `line 1, key "a": given twice`),
		bad("F-63", "key twice by a dot", "a.jsonl", []byte(`{"a":{"b":1},"a.b":3}`), `line 1, key "a\.b": given twice`),
		bad("F-63", "trailing bytes", "a.jsonl", []byte(`{"a":1} x`), `line 1, byte 9: 'x' after the object`),
		bad("F-63", "two objects", "a.jsonl", []byte(`{"a":1}{"a":1}`), `line 1, byte 8: '\{' after the object`),
		bad("F-63", "not an object", "a.jsonl", []byte("{\"a\":1}\n7\n"), `line 2, byte 1: '7', expected an object`),
		bad("F-63", "array in lines", "a.ndjson", []byte("{\"a\":1}\n[1]\n"), `line 2, byte 1: '\[', expected an object`),
		bad("F-63", "no end", "a.jsonl", []byte(`{"a":1`), `line 1, byte 7: the end, expected a comma`),
		bad("F-63", "no colon", "a.jsonl", []byte(`{"a" 1}`), `line 1, key "a": '1', expected a colon`),
		bad("F-63", "single quotes", "a.jsonl", []byte(`{'a': 1}`), `'\\'', expected a key in double quotes`),
		bad("F-63", "NaN", "a.jsonl", []byte(`{"a": NaN}`), `line 1, key "a": 'N', expected a number`),
		bad("F-63", "leading zero", "a.jsonl", []byte(`{"a": 01}`), `key "a": '0', expected a number`),
		bad("F-63", "no digits", "a.jsonl", []byte(`{"a": -}`), `key "a": '-', expected a number`),
		bad("F-63", "trailing comma", "a.jsonl", []byte(`{"a": 1,}`), `expected a key`),
		bad("F-63", "bad escape", "a.jsonl", []byte(`{"a": "\x"}`), `an escape that JSON does not have`),
		bad("F-63", "half a surrogate", "a.jsonl", []byte(`{"a": "\ud800"}`), `an escape that JSON does not have`),
		bad("F-63", "tab in a text", "a.jsonl", []byte("{\"a\": \"\t\"}"), `'\\t' inside a text`),
		bad("F-63", "open text", "a.jsonl", []byte(`{"a": "x`), `a text without a closing quote`),
		bad("F-63", "deep", "a.jsonl", []byte(deep), `nested deeper than 64`),
		bad("F-63", "deeper", "a.jsonl", []byte(deeper), `nested deeper than 64`),
		bad("F-63", "keys without end", "a.jsonl", []byte(keys.String()), `4097 keys so far, of which a row has 1 on average`),
		bad("F-63", "list of texts", "a.jsonl", []byte(`{"a": [1, "b"]}`), `line 1, key "a": a list of other than numbers`),
		bad("F-63", "list of truths", "a.jsonl", []byte(`{"a": [true]}`), `key "a": a list of other than numbers`),
		bad("F-63", "lists of two lengths", "a.jsonl", []byte("{\"a\": [1, 2]}\n{\"a\": [1]}\n"), `line 2, key "a": a list of 1 numbers, expected 2`),
		bad("F-63", "text among numbers", "a.jsonl", []byte("{\"a\":1,\"b\":1}\n{\"a\":2,\"b\":\"7\"}\n{\"a\":3,\"b\":2}\n"), `line 2, key "b": "7" is not a number, as most`),
		bad("F-65", "overflow", "a.jsonl", []byte(`{"a": 1e39}`), `line 1, key "a": "1e39", expected a finite`),
		bad("F-63", "label not whole", "a.jsonl", []byte(`{"a": 1, "class": 0.5}`), `line 1, key "class": "0.5" in label column`),
		bad("F-63", "array without end", "a.json", []byte(`[{"a":1},`), `line 1: the array has no end`),
		bad("F-63", "array of numbers", "a.json", []byte("[\n1]"), `line 2: byte '1', expected an object`),
		bad("F-63", "array with a trailing comma", "a.json", []byte(`[{"a":1},]`), `byte '\]', expected an object`),
		bad("F-63", "array without commas", "a.json", []byte("[{\"a\":1}\n{\"a\":1}]"), `line 2: byte '\{', expected a comma`),
		bad("F-63", "text after the array", "a.json", []byte("[{\"a\":1}]]"), `byte '\]' after the array`),
		bad("F-63", "empty array", "a.json", []byte("[]"), `holds no objects`),
		bad("F-63", "object without end", "a.json", []byte(`[{"a":1`), `the object has no end`),
		bad("F-63", "long object", "a.json", []byte(`[{"a":"`+strings.Repeat("x", 1<<20)), `object longer than 1048576 bytes`),
		bad("F-63", "array not UTF-8", "a.json", []byte("[{\"a\":\"\xff\"}]"), `line 1: invalid UTF-8`),
		bad("F-63", "keys in one object", "a.jsonl", []byte("{"+strings.Repeat(" ", 9)+strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(keys.String(), "{", ""), "}\n", ","), ",")+"}"), `more than 32768 keys`),
		columns("b=drop", bad("", "no such key", "a.jsonl", []byte(`{"a": 1}`), `columns: no column "b": expected "a"`)),
		columns("a=categorical:1", bad("", "too many levels", "a.csv", []byte("a,b\nx,1\ny,2\n"), `column "a": more than 1 levels`)),
		columns("a=numeric", bad("", "not a number", "a.csv", []byte("a,b\nx,1\ny,2\n"), `line 2, column 1: "x" is not a number`)),
		columns("a=boolean", bad("", "not a boolean", "a.csv", []byte("a,b\n7,1\n1,2\n"), `line 2, column 1: "7", expected true or false`)),
		columns("a=ordinal(x<y)", bad("", "no rank", "a.csv", []byte("a,b\nx,1\nz,2\n"), `line 3, column 1: "z", expected one of \["x" "y"\]`)),
		{"", "a declared label", "a.csv", []byte("a,y\n1,1\n"), dataset.Options{Columns: "y=numeric", Label: "y"}, `column "y" is the label`, fault.Usage},
		{"", "columns that say nothing", "a.csv", []byte("a,y\n1,1\n"), dataset.Options{Columns: "y"}, `expected name=kind`, fault.Usage},
		columns("c=text:65536,d=text:65536,e=text:65536,f=text:65536,g=text:65536,h=text:65536,i=text:65536,j=text:65536,k=text:65536,l=text:65536,m=text:65536,n=text:65536,o=text:65536,p=text:65536,q=text:65536,r=text:65536,s=text:65536",
			bad("", "features without end", "a.csv", []byte("c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s\n"+strings.Repeat("a,", 16)+"a\n"), `columns of 1114112 features, limit 1048576`)),
	})
}

func TestHostileParquet(t *testing.T) {
	good := adultParquet()
	footer := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[len(b)-8:], n)
		return b
	}
	withFooter := func(meta []byte) []byte {
		b := append([]byte("PAR1"), meta...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(meta)))
		return append(b, "PAR1"...)
	}
	edited := func(change func(m *format.FileMetaData)) []byte {
		return datasettest.EditParquet(good, func(m *format.FileMetaData, body []byte) []byte { change(m); return body })
	}
	type constant struct {
		X int32 `parquet:"x,dict"`
	}
	type times struct {
		X float64 `parquet:"x"`
		T int64   `parquet:"t,timestamp"`
	}
	type points struct {
		X float64                  `parquet:"x"`
		P []struct{ A, B float64 } `parquet:"p"`
	}
	type lists struct {
		X []float64 `parquet:"x,list"`
	}
	type raw struct {
		X float64 `parquet:"x"`
		B []byte  `parquet:"b"`
	}
	list, huge := []byte{0x29, 0xfc}, []byte{0xff, 0xff, 0xff, 0xff, 0x07} // field 2: a list of 2³¹ structs
	run(t, []hostile{
		bad("F-63", "empty", "a.parquet", nil, `is 0 bytes long, too short`),
		bad("F-63", "text", "a.parquet", []byte("<html>404 not found</html>"), `ends with ".*", expected PAR1`),
		bad("F-63", "encrypted", "a.parquet", append(bytes.Clone(good[:len(good)-4]), "PARE"...), `ends with "PARE"`),
		bad("F-63", "footer of 4 GiB", "a.parquet", footer(0xffffffff), `metadata: 4294967295 bytes in a file of`),
		bad("F-63", "footer too short", "a.parquet", footer(40), `metadata: |schema: `),
		bad("F-63", "list of 2^31 structs", "a.parquet", withFooter(append(list, huge...)), `metadata: not readable: it ends too early`),
		bad("F-63", "rows that no group has", "a.parquet", edited(func(m *format.FileMetaData) { m.NumRows++ }), `metadata: 4 rows, but the row groups have 3`),
		bad("F-63", "values that no page has", "a.parquet", edited(func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues = 1 << 62 }), `column "age": pages of 3 values, but it says 4611686018427387904`),
		bad("F-63", "codec 99", "a.parquet", edited(func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Codec = 99 }), `compressed by .*, expected UNCOMPRESSED`),
		bad("F-63", "a page too often", "a.parquet", datasettest.EditParquet(datasettest.Parquet(make([]constant, 100_000)), func(m *format.FileMetaData, body []byte) []byte {
			c := &m.RowGroups[0].Columns[0].MetaData
			end := c.DictionaryPageOffset + c.TotalCompressedSize
			pages := bytes.Clone(body[c.DataPageOffset:end])
			c.TotalCompressedSize += 999 * int64(len(pages))
			for _, n := range []*int64{&c.NumValues, &m.RowGroups[0].NumRows, &m.NumRows} {
				*n *= 1000
			}
			return append(body[:end], bytes.Repeat(pages, 999)...)
		}), `column "x": page at byte \d+: pages unpack to \d+ bytes and \d+ values so far, limit`),
		bad("F-63", "no schema", "a.parquet", withFooter([]byte{0}), `schema: 0 elements`),
		bad("F-63", "no rows", "a.parquet", datasettest.Parquet[adult](nil), `and 0 rows, expected`),
		bad("", "a time", "a.parquet", datasettest.Parquet([]times{{1, 2}}), `row 0, column "t": a time, which is not read: leave the column out by --columns "t=drop"`),
		bad("", "a list of groups", "a.parquet", datasettest.Parquet([]points{{X: 1, P: []struct{ A, B float64 }{{1, 2}}}}), `column "p": a list of groups or lists`),
		bad("", "two lengths", "a.parquet", datasettest.Parquet([]lists{{[]float64{1, 2}}, {[]float64{1}}}), `row 1, column "x": a list of 1 numbers, expected 2`),
		bad("", "bytes", "a.parquet", datasettest.Parquet([]raw{{1, []byte("ok")}, {1, []byte("\xff")}}), `row 1, column "b": bytes that are not UTF-8`),
		bad("", "codec", "a.parquet", adultParquet(parquet.Compression(&parquet.Brotli)), `compressed by BROTLI, expected`),
	})
	if err := openAndRead(put(t, t.TempDir(), "a.parquet", datasettest.Parquet([]times{{1, 2}})), dataset.Options{Columns: "t=drop"}); err != nil {
		t.Errorf("a time that is left out: %v", err)
	}
	for i := range good { // truncated anywhere
		checkHostile(t, bad("", fmt.Sprint("truncated to ", i), "", nil, `a\.parquet: `), put(t, t.TempDir(), "a.parquet", good[:i]))
	}
}

// TestParquetDamage flips bytes of files of every encoding and codec: each
// gives rows or a fault of one line, without a panic, in little memory.
func TestParquetDamage(t *testing.T) {
	type row struct {
		N int64   `parquet:"n,delta"`
		D float64 `parquet:"d"`
		F float32 `parquet:"f,split"`
		S string  `parquet:"s,dict"`
		T string  `parquet:"t"`
		B bool    `parquet:"b"`
		O *int32  `parquet:"o,optional"`
		L []int32 `parquet:"l,list"`
	}
	rows := make([]row, 300)
	for i := range rows {
		v := int32(i)
		rows[i] = row{int64(i), float64(i), float32(i), fmt.Sprint("s", i%7), fmt.Sprint("t", i%9), i%2 == 0, &v, []int32{v, 1}}
		if i%3 == 0 {
			rows[i].O, rows[i].L = nil, nil
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	dir := t.TempDir()
	for _, options := range [][]parquet.WriterOption{
		{}, {parquet.Compression(&parquet.Snappy)}, {parquet.Compression(&parquet.Gzip), parquet.DataPageVersion(1)}, {parquet.Compression(&parquet.Zstd)}, {parquet.DataPageVersion(1), parquet.MaxRowsPerRowGroup(100)},
	} {
		good := datasettest.Parquet(rows, options...)
		src, err := dataset.Open(put(t, dir, "good.parquet", good), dataset.Options{})
		if err != nil || src.Len() != 300 {
			t.Fatalf("undamaged: %v", err)
		}
		var b dataset.Batch
		if err := src.Read(context.Background(), []int{8}, &b); err != nil {
			t.Fatal(err)
		}
		if s := src.Spec(); b.X[0] != 8 || b.X[2] != 8 || b.S[0] != "s1" || b.S[1] != "t8" || !s.Missing || b.X[s.Size()-2] != 8 {
			t.Fatalf("row 8 is %v %q", b.X, b.S)
		}
		for range 400 {
			bad := bytes.Clone(good)
			for range 1 + rng.IntN(3) {
				at := rng.IntN(len(bad))
				if rng.IntN(2) == 0 {
					at = len(bad) - 1 - rng.IntN(min(len(bad), 1500)) // the metadata
				}
				bad[at] = byte(rng.Uint32())
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := openAndRead(put(t, dir, "a.parquet", bad), dataset.Options{})
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Fatalf("allocated %d MiB", grown>>20)
			}
			var f *fault.Error
			if err != nil && (!errors.As(err, &f) || f.Kind != fault.Input || strings.Contains(err.Error(), "\n")) {
				t.Fatalf("%v", err)
			}
		}
	}
}
