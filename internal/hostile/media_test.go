package hostile

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// folder adds a folder "data" that must be refused, given as arg; file is what
// the error names.
func (c *dataCases) folder(id, name, arg, file, says string, make func(d folder)) {
	command := read[len(c.rows)%len(read)]
	c.rows = append(c.rows, row{id: id, name: name, args: strings.ReplaceAll(command, "%s", arg), file: file, exit: []int{3}, says: says, make: make})
}

// taken adds a folder "data" that is odd and right: the teacher says so much
// of it.
func (c *dataCases) taken(id, name, says string, teacher *onnx.Model, make func(d folder)) {
	c.rows = append(c.rows, row{id: id, name: name, args: "targets --teacher fits.onnx --data data -o out/store", exit: []int{0}, says: says, runs: true, peak: 256, make: func(d folder) {
		d.model("fits.onnx", teacher)
		make(d)
	}})
}

// cifarRows are F-64 as records of CIFAR.
func cifarRows() []row {
	var c dataCases
	labels := func(y ...byte) (all [][]byte) {
		for _, l := range y {
			all = append(all, []byte{l})
		}
		return all
	}
	good := datasettest.CIFAR(labels(0, 1, 2)...)
	const names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"
	const of = "cifar:data?split=train" // predict and eval read the test rows
	file := func(id, name string, data []byte, says string) {
		c.folder(id, "CIFAR: "+name, of, "data_batch_1.bin", says, func(d folder) {
			d.put("data/batches.meta.txt", []byte(names))
			d.put("data/data_batch_1.bin", data)
		})
	}
	file("F-64", "a byte short", good[:len(good)-1], `file of 9218 bytes, expected a multiple of 3073`)
	file("F-64", "a byte more", append(bytes.Clone(good), 0), `file of 9220 bytes, expected a multiple of 3073`)
	file("F-64", "empty", nil, `file of 0 bytes, expected a multiple of 3073`)
	file("F-64", "records of CIFAR-100", datasettest.CIFAR([]byte{1, 2}, []byte{3, 4}), `file of 6148 bytes, expected a multiple of 3073`)
	file("F-44", "a label of 255", datasettest.CIFAR(labels(0, 1, 255)...), `record 2: label 255, expected from 0 to 9`)
	c.folder("F-44", "CIFAR-100: a fine label of 100", of, "train.bin", `record 1: label 100, expected from 0 to 99`, func(d folder) { d.put("data/train.bin", datasettest.CIFAR([]byte{1, 1}, []byte{1, 100})) })
	c.folder("F-64", "CIFAR: a folder for a file", of, "data_batch_2.bin", `record 0: label 77|data_batch_2`, func(d folder) {
		d.put("data/data_batch_1.bin/x", good)
		d.put("data/data_batch_2.bin", datasettest.CIFAR(labels(77)...))
	})
	c.folder("F-64", "CIFAR: only folders for files", of, "data", `data: `, func(d folder) { d.put("data/data_batch_1.bin/x", good) })
	c.folder("F-64", "CIFAR: two names of ten", of, "batches.meta.txt", `2 names, expected 10`, func(d folder) {
		d.put("data/batches.meta.txt", []byte("a\nb\n"))
		d.put("data/data_batch_1.bin", good)
	})
	c.folder("F-64", "CIFAR: a name twice", of, "batches.meta.txt", `line 2: class "a" named twice`, func(d folder) {
		d.put("data/batches.meta.txt", []byte("a\na\n"))
		d.put("data/data_batch_1.bin", good)
	})
	c.folder("F-64", "CIFAR: a petabyte and a byte", of, "data_batch_1.bin", `file of 1099511627776 bytes, expected a multiple`, func(d folder) { d.sparse("data/data_batch_1.bin", nil, 1<<40) })
	c.folder("F-67", "CIFAR: a pipe", of, "data", `data: `, func(d folder) {
		check(os.Mkdir(d.at("data"), 0o755))
		mkfifo(d.at("data/data_batch_1.bin"))
	})
	tens := imageTeacher(32, 32)
	tens.Graph.Initializers[0] = onnx.FloatTensor("w", []int64{3, 10}, make([]float32, 30))
	tens.Graph.Outputs[0].Shape[1].Value = 10
	c.taken("F-64", "CIFAR: no names of classes", `3 rows of 10 logits`, tens, func(d folder) { d.put("data/data_batch_1.bin", good) })
	return c.rows
}

// wavRows are F-62 as sounds.
func wavRows() []row {
	var c dataCases
	clip := func(name, file, says string, data []byte) {
		c.folder("F-62", "WAV: "+name, "data", file, says, func(d folder) { d.put("data/k/a.wav", data) })
	}
	bad := func(name, says string, data []byte) { clip(name, "a.wav", says, data) }
	x := datasettest.Sine(8000, 440, 0.1)
	form := datasettest.WAVFormat(1, 1, 8000, 16)
	samples := datasettest.Chunk("data", datasettest.WAVData(1, 1, 16, x))
	good := datasettest.RIFF(form, samples)
	with := func(at int, bytes string) []byte {
		b := append([]byte{}, good...)
		copy(b[at:], bytes)
		return b
	}
	of := func(format, channels, rate, bits int) []byte {
		return datasettest.RIFF(datasettest.WAVFormat(format, channels, rate, bits), samples)
	}
	floats := func(v float64) []byte { return datasettest.WAV(3, 1, 8000, 32, []float64{0, 0.5, v, 0}) }
	bad("empty", `truncated: 0 bytes, expected a RIFF/WAVE header of 12`, nil)
	bad("a page of an error", `starts with "<html>404 no", expected RIFF and WAVE`, []byte("<html>404 not found</html>"))
	bad("big-endian", `expected RIFF and WAVE`, with(0, "RIFX"))
	for i := 1; i < 8; i++ {
		n := min(len(good)-1, 12*i*i)
		bad(fmt.Sprintf("cut at byte %d", n), `truncated|ends without a chunk of samples`, good[:n])
	}
	bad("samples that are longer than the file", `offset 44: truncated: 16777215 bytes of samples, but the file has 1600`, with(40, "\xff\xff\xff\x00"))
	bad("4 GiB of samples in 44 bytes", `offset 44: truncated: 4294967292 bytes of samples, but the file has 0`, with(40, "\xfc\xff\xff\xff")[:44])
	bad("samples without a length, and none", `offset 44: holds no samples`, with(40, "\xff\xff\xff\xff")[:44])
	bad("0 channels", `offset 20: 0 channels, expected 1 or 2`, of(1, 0, 8000, 16))
	bad("65535 channels", `offset 20: 65535 channels, expected 1 or 2`, of(1, 65535, 8000, 16))
	bad("0 Hz", `offset 20: sample rate 0 Hz, expected from 1000 to 768000`, of(1, 1, 0, 16))
	bad("4 GHz", `offset 20: sample rate 4294967295 Hz`, with(24, "\xff\xff\xff\xff"))
	bad("3 bits", `offset 20: samples of 3 bits, expected PCM of 8, 16, 24 or 32, or float of 32`, of(1, 1, 8000, 3))
	bad("0 bits", `offset 20: samples of 0 bits`, of(1, 1, 8000, 0))
	bad("ADPCM", `offset 20: format 0x0002, expected PCM`, of(2, 1, 8000, 4))
	bad("MP3", `offset 20: format 0x0055, expected PCM`, of(0x55, 1, 8000, 16))
	bad("extensible, cut", `offset 20: `, of(0xfffe, 1, 8000, 16))
	bad("samples before the format", `samples before the chunk of format`, datasettest.RIFF(samples, form))
	bad("two formats", `a second chunk of format`, datasettest.RIFF(form, form, samples))
	bad("a format of 4 GiB", `a\.wav: `, with(16, "\xff\xff\xff\xff"))
	bad("5,000 chunks of nothing", `more than 4096 chunks before the samples`, datasettest.RIFF(bytes.Repeat(datasettest.Chunk("junk", nil), 5000), form, samples))
	bad("a chunk that would lead back to itself", `offset \d+: ends without a chunk of samples`, datasettest.RIFF(form, []byte("LIST\xf8\xff\xff\xff"), samples))
	bad("no samples", `holds no samples`, datasettest.RIFF(form, datasettest.Chunk("data", nil)))
	bad("NaN among floats", `sample 2: is NaN or infinite`, floats(math.NaN()))
	bad("Inf among floats", `sample 2: is NaN or infinite`, floats(math.Inf(-1)))
	c.folder("F-62", "WAV: two sample rates", "data", "b.wav", `sample rate 16000 Hz, but .*a\.wav has 8000 Hz`, func(d folder) {
		d.put("data/k/a.wav", good)
		d.put("data/k/b.wav", of(1, 1, 16000, 16))
	})
	c.folder("F-67", "WAV: a link out of the folder", "data", "a.wav", `a\.wav: a symbolic link that leads nowhere inside`, func(d folder) {
		d.put("secret.wav", good)
		d.put("data/k/b.wav", good)
		check(os.Symlink("../../secret.wav", d.at("data/k/a.wav")))
	})
	c.folder("F-67", "WAV: a list that leads out", "data", "testing_list.txt", `line 1: "\.\./secret\.wav" is no clip`, func(d folder) {
		d.put("secret.wav", good)
		d.put("data/k/b.wav", good)
		d.put("data/testing_list.txt", []byte("../secret.wav\n"))
	})
	taken := func(name string, data []byte) {
		c.taken("F-62", "WAV: "+name, `1 rows of 3 logits`, soundTeacher(), func(d folder) {
			for _, class := range []string{"k", "l", "m"} {
				d.put("data/"+class+"/a.wav", data)
			}
		})
	}
	taken("a length of the file that is not so", with(4, "\x10\x00\x00\x00"))
	taken("a length of the file of 4 GiB", with(4, "\xfe\xff\xff\xff"))
	taken("samples without a length", with(40, "\xff\xff\xff\xff"))
	taken("chunks without end behind the samples", append(bytes.Clone(good), bytes.Repeat([]byte("LIST\xf8\xff\xff\xff"), 10_000)...))
	taken("floats of 3e38", floats(3e38))
	return c.rows
}

// soundTeacher takes log-mel spectrograms of 40 bands and 98 frames.
func soundTeacher() *onnx.Model {
	m := imageTeacher(40, 98)
	m.Graph.Inputs[0].Shape[1].Value = 1
	m.Graph.Initializers[0] = onnx.FloatTensor("w", []int64{1, 3}, []float32{1, 2, 3})
	return m
}

// npyDirRows are F-53, F-56, F-57 and F-67 as folders of arrays.
func npyDirRows() []row {
	var c dataCases
	array := func(descr string, n, size int) []byte {
		return datasettest.NPY(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, 4), }", descr, n), make([]byte, 4*n*size))
	}
	labels := func(y ...byte) []byte {
		return datasettest.NPY(1, fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }", len(y)), y)
	}
	rows, few := array("<f4", 3, 4), labels(0, 1, 2)
	pickled := datasettest.NPY(1, "{'descr': '|O', 'fortran_order': False, 'shape': (3, 4), }", []byte("\x80\x02cposix\nsystem\nq\x00."))
	type files map[string][]byte
	add := func(id, name, file, says string, list files) {
		c.folder(id, "arrays: "+name, "data", file, says, func(d folder) {
			for name, data := range list {
				d.put("data/"+name, data)
			}
		})
	}
	add("F-44", "2 labels of 3 rows", "y.npy", `2 labels for 3 rows`, files{"x.npy": rows, "y.npy": labels(0, 1)})
	add("F-44", "4 labels of 3 rows in a shard", "y-2.npy", `4 labels for 3 rows`, files{"x-1.npy": rows, "y-1.npy": few, "x-2.npy": rows, "y-2.npy": labels(0, 1, 2, 0)})
	add("F-44", "a shard without labels", "x-2.npy", `no labels beside it: expected y-2\.npy`, files{"x-1.npy": rows, "y-1.npy": few, "x-2.npy": rows})
	add("F-44", "labels without a shard", "y-2.npy", `no rows beside it: expected x-2\.npy`, files{"x-1.npy": rows, "y-1.npy": few, "y-2.npy": few})
	add("F-44", "a label of −1000", "y.npy", `row 1: label -1000|y\.npy: .*-1000`, files{"x.npy": rows, "y.npy": datasettest.NPY(1, "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", []byte("\x00\x00\x18\xfc\x00\x00"))})
	add("F-44", "a label of 2^40", "y.npy", `row 2: label 1\.099511627776e\+12, expected`, files{"x.npy": rows, "y.npy": datasettest.NPY(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", append(make([]byte, 16), "\x00\x00\x00\x00\x00\x01\x00\x00"...))})
	add("F-53", "a pickled shard", "x-2.npy", `object arrays are not supported`, files{"x-1.npy": rows, "x-2.npy": pickled, "x-3.npy": rows})
	add("F-53", "pickled labels", "y.npy", `object arrays are not supported`, files{"x.npy": rows, "y.npy": pickled})
	add("F-53", "a pickled row", "b.npy", `object arrays are not supported`, files{"k/a.npy": rows, "k/b.npy": pickled})
	add("F-56", "shards of two shapes", "x-2.npy", `rows of shape \[5\], but .*x-1\.npy has rows of shape \[4\]`, files{"x-1.npy": rows,
		"x-2.npy": datasettest.NPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 5), }", make([]byte, 20))})
	add("F-56", "a shard of a petabyte", "x-2.npy", `takes`, files{"x-1.npy": rows, "x-2.npy": datasettest.NPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (281474976710656, 4), }", nil)})
	add("F-57", "a shard that is cut", "x-2.npy", `takes`, files{"x-1.npy": rows, "x-2.npy": rows[:len(rows)-1]})
	add("F-57", "an empty shard", "x-2.npy", `x-2\.npy: `, files{"x-1.npy": rows, "x-2.npy": nil})
	add("F-57", "a folder for a shard", "data", `x-1\.npy beside the folder x-2\.npy|x-2\.npy`, files{"x-1.npy": rows, "x-2.npy/x.npy": rows})
	add("F-57", "names that say nothing", "data", `holds \["a\.npy" "b\\x1b`, files{"a.npy": rows, "b\x1b[2J.npy": rows})
	add("F-57", "a number of 30 digits, twice", "data", `either of x-\d+\.npy and x-\d+\.npy could be the rows`, files{"x-100000000000000000000000000001.npy": rows, "x-100000000000000000000000000002.npy": rows})
	c.folder("F-67", "arrays: a shard that links to itself", "data", "x-2.npy", `x-2\.npy: cannot read: too many levels of symbolic links`, func(d folder) {
		d.put("data/x-1.npy", rows)
		check(os.Symlink("x-2.npy", d.at("data/x-2.npy")))
	})
	c.rows[len(c.rows)-1].exit = []int{3, 4}
	c.folder("F-67", "arrays: a shard that is a pipe", "data", "x-2.npy", `is a device or pipe`, func(d folder) {
		d.put("data/x-1.npy", rows)
		mkfifo(d.at("data/x-2.npy"))
	})
	c.folder("F-67", "arrays: a class that links to the one above", "data", "data", `data`, func(d folder) {
		check(os.MkdirAll(d.at("data/k"), 0o755))
		check(os.Symlink("..", d.at("data/k/up")))
		check(os.Symlink("..", d.at("data/up")))
	})
	c.taken("F-56", "arrays: shards of two types", `1 rows of 3 logits`, goodTeacher(), func(d folder) {
		d.put("data/x-1.npy", rows)
		d.put("data/x-2.npy", array("<i8", 3, 8))
	})
	c.taken("F-67", "arrays: 3,000 shards", `3000 rows of 3 logits`, goodTeacher(), func(d folder) {
		for i := range 3000 {
			b := array("<f4", 1, 4)
			copy(b[len(b)-4:], floatBytes(float32(i)))
			d.put(fmt.Sprintf("data/x-%d.npy", i), b)
			d.put(fmt.Sprintf("data/y-%d.npy", i), labels(byte(i%3)))
		}
	})
	return c.rows
}
