package hostile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

// archiveRows are F-58: NPZ archives that lie about what is in them.
func archiveRows() []row {
	var c dataCases
	array := datasettest.NPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 4), }", bytes.Repeat(floatBytes(1, 2, 3, 4), 6))
	entry := func(name string, data []byte) datasettest.Entry { return datasettest.Entry{Name: name, Data: data} }
	good := datasettest.NPZ(entry("x.npy", array))
	edited := func(edit func(local, central []byte)) []byte {
		b := bytes.Clone(good)
		edit(b[bytes.Index(b, []byte("PK\x03\x04")):], b[bytes.Index(b, []byte("PK\x01\x02")):])
		return b
	}
	c.good("F-58", "sound", "a.npz", good, 6)
	c.bad("F-58", "empty", "a.npz", nil, `no end record`)
	c.bad("F-58", "parent folder", "a.npz", datasettest.NPZ(entry("../a.npy", array)), `\.\./a\.npy: not the name of an array`)
	c.bad("F-58", "absolute", "a.npz", datasettest.NPZ(entry("/tmp/a.npy", array)), `/tmp/a\.npy: not the name of an array`)
	c.bad("F-58", "drive", "a.npz", datasettest.NPZ(entry(`C:\a.npy`, array)), `not the name of an array|holds`)
	c.bad("F-58", "escapes in a name", "a.npz", datasettest.NPZ(entry("\x1b[2J.npy", array)), `\\x1b\[2J`)
	c.bad("F-58", "name twice", "a.npz", datasettest.NPZ(entry("x.npy", array), entry("x.npy", array)), `x: two arrays of that name`)
	c.bad("F-58", "encrypted", "a.npz", edited(func(l, c []byte) { l[6] |= 1; c[8] |= 1 }), `is encrypted`)
	c.bad("F-58", "wrong CRC", "a.npz", edited(func(_, c []byte) { c[16] ^= 1 }), `CRC|unpack`)
	c.bad("F-58", "unknown method", "a.npz", edited(func(l, c []byte) { l[8], c[10] = 12, 12 }), `compression method 12`)
	c.bad("F-58", "says a byte more", "a.npz", edited(func(_, c []byte) { c[24]++ }), `fewer than`)
	c.bad("F-58", "says a byte less", "a.npz", edited(func(_, c []byte) { c[24]-- }), `more than|unpack`)
	c.bad("F-58", "says 4 GiB", "a.npz", edited(func(_, c []byte) { copy(c[24:], "\xfe\xff\xff\xff") }), `limit 100 times`)
	c.bad("F-58", "entry outside the file", "a.npz", edited(func(_, c []byte) { copy(c[42:], "\x00\x00\x00\x70") }), `no local header`)
	c.bad("F-58", "1:1000", "a.npz", datasettest.NPZ(entry("x.npy", make([]byte, 300_000_000))), `unpack to 300000000, limit 100 times`)
	c.bad("F-58", "a zip of zips of zips", "a.npz", nested(6), `holds|not the name of an array`)
	c.bad("F-58", "1,000,000 entries", "a.npz", entries(1_000_000), `1000000 entries, limit 1024`)
	c.bad("F-58", "overlapping entries", "a.npz", overlapping(2000), `limit 1024|overlap`)
	c.bad("F-58", "two overlapping entries", "a.npz", overlapping(2), `overlap|bytes`)
	c.bad("F-58", "Zip64 record outside the file", "a.npz", zip64Lie(good, 1<<62), `Zip64 record lies outside the file`)
	c.bad("F-58", "Zip64 record at −1", "a.npz", zip64Lie(good, 1<<64-1), `Zip64 record lies outside the file`)
	for i := 1; i < 8; i++ {
		c.bad("F-58", fmt.Sprintf("cut at %d/8", i), "a.npz", good[:len(good)*i/8], `a\.npz`)
	}
	return c.rows
}

// nested packs an archive into ten entries of the next, depth times.
func nested(depth int) []byte {
	data := make([]byte, 1<<20)
	for range depth {
		var list []datasettest.Entry
		for i := range 10 {
			list = append(list, datasettest.Entry{Name: fmt.Sprintf("lib %d.zip", i), Data: data})
		}
		data = datasettest.NPZ(list...)
	}
	return data
}

// entries is the directory of n empty files, with nothing else.
func entries(n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		must(w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("a%d.npy", i)}))
	}
	check(w.Close())
	return b.Bytes()
}

// overlapping is n entries that all lie where the first does.
func overlapping(n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f := must(w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%c.npy", 'x'+rune(i)), Method: zip.Store}))
		must(f.Write(datasettest.NPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 4), }", make([]byte, 96))))
	}
	check(w.Close())
	data := b.Bytes()
	for at := bytes.Index(data, []byte("PK\x01\x02")); at >= 0; {
		binary.LittleEndian.PutUint32(data[at+42:], 0)
		next := bytes.Index(data[at+4:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	return data
}

// zip64Lie says that the archive's Zip64 record lies at an offset.
func zip64Lie(good []byte, offset uint64) []byte {
	end := bytes.Index(good, []byte("PK\x05\x06"))
	locator := binary.LittleEndian.AppendUint64([]byte("PK\x06\x07\x00\x00\x00\x00"), offset)
	locator = append(locator, 1, 0, 0, 0)
	b := append(append(bytes.Clone(good[:end]), locator...), good[end:]...)
	copy(b[end+len(locator)+10:], strings.Repeat("\xff", 2))
	return b
}
