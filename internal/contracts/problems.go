package contracts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// problem is rows with classes that a linear model tells apart: the classes
// are normal distributions with one deviation, so that the logits
// x·μ/σ² − |μ|²/2σ² are Bayes' own.
type problem struct {
	classes int
	shape   []int // of a row: features, or height, width, channels
	names   []string
	centre  [][]float64 // of each class, by feature
	spread  float64     // deviation of every feature
	x       [][]float64
	y       []int
}

const problemRows = 700

// size is the values of a row.
func (p *problem) size() int {
	n := 1
	for _, d := range p.shape {
		n *= d
	}
	return n
}

// draw makes the rows.
func (p *problem) draw(seed uint64, whole bool) *problem {
	rng := rand.New(rand.NewPCG(seed, 7))
	for r := range problemRows {
		y := r % p.classes
		row := make([]float64, p.size())
		for i := range row {
			row[i] = p.centre[y][i] + p.spread*rng.NormFloat64()
			if whole {
				row[i] = math.Round(math.Min(255, math.Max(0, row[i])))
			}
		}
		p.x, p.y = append(p.x, row), append(p.y, y)
	}
	return p
}

// blobs is a table of features around a centre for each class.
func blobs(classes, features int) *problem {
	rng := rand.New(rand.NewPCG(uint64(classes), uint64(features)))
	p := &problem{classes: classes, shape: []int{features}, spread: 1}
	for c := range classes {
		p.names = append(p.names, string(rune('a'+c)))
		centre := make([]float64, features)
		for i := range centre {
			centre[i] = 2.2 * rng.NormFloat64()
		}
		p.centre = append(p.centre, centre)
	}
	return p.draw(1, false)
}

// pictures is images of bytes, brighter in one quarter for each of four
// classes, whose channels differ in strength.
func pictures(side, channels int) *problem {
	p := &problem{classes: 4, shape: []int{side, side, channels}, spread: 45}
	for c := range 4 {
		p.names = append(p.names, fmt.Sprint(c))
		centre := make([]float64, side*side*channels)
		for i := range centre {
			y, x, k := i/channels/side, i/channels%side, i%channels
			centre[i] = 90
			if y*2/side*2+x*2/side == c {
				centre[i] = 90 + 40/float64(1+k)
			}
		}
		p.centre = append(p.centre, centre)
	}
	return p.draw(2, true)
}

// linear is the weights (size, classes) and biases (classes) of the logits.
func (p *problem) linear() (w, b []float32) {
	w, b = make([]float32, p.size()*p.classes), make([]float32, p.classes)
	for c, centre := range p.centre {
		norm := 0.0
		for i, m := range centre {
			w[i*p.classes+c] = float32(m / p.spread / p.spread)
			norm += m * m
		}
		b[c] = float32(-norm / 2 / p.spread / p.spread)
	}
	return w, b
}

// columns are the names of the features.
func (p *problem) columns() []string {
	names := make([]string, p.size())
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i+1)
	}
	return names
}

// csv is the table with its class last.
func (p *problem) csv() []byte {
	return p.table(append(p.columns(), "label"), func(r int) []string { return append(numbers(p.x[r]), p.names[p.y[r]]) })
}

// table is a CSV of a header and what row gives for each row.
func (p *problem) table(header []string, row func(r int) []string) []byte {
	var b strings.Builder
	b.WriteString(strings.Join(header, ",") + "\n")
	for r := range p.x {
		b.WriteString(strings.Join(row(r), ",") + "\n")
	}
	return []byte(b.String())
}

// numbers writes values as a table has them.
func numbers(v []float64) []string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = fmt.Sprintf("%.4g", x)
	}
	return out
}

// images puts the rows into d as the files of MNIST, or as one array where they
// have several channels.
func (p *problem) images(d *dir) string {
	if p.shape[2] > 1 {
		return p.array(d)
	}
	be := binary.BigEndian
	x := be.AppendUint32(nil, 0x803)
	for _, n := range append([]int{len(p.x)}, p.shape[:2]...) {
		x = be.AppendUint32(x, uint32(n))
	}
	y := be.AppendUint32(be.AppendUint32(nil, 0x801), uint32(len(p.y)))
	for r, row := range p.x {
		for _, v := range row {
			x = append(x, byte(v))
		}
		y = append(y, byte(p.y[r]))
	}
	d.file("rows/train-images-idx3-ubyte", x)
	d.file("rows/train-labels-idx1-ubyte", y)
	return d.path + "/rows"
}

// array puts the images into d as an array with its labels beside it.
func (p *problem) array(d *dir) string {
	var x, y bytes.Buffer
	header := func(b *bytes.Buffer, descr string, dims ...int) {
		if err := dataset.WriteNPYHeader(b, descr, dims); err != nil && d.err == nil {
			d.err = err
		}
	}
	header(&x, "|u1", append([]int{len(p.x)}, p.shape...)...)
	header(&y, "|u1", len(p.y))
	for r, row := range p.x {
		for _, v := range row {
			x.WriteByte(byte(v))
		}
		y.WriteByte(byte(p.y[r]))
	}
	d.file("rows_labels.npy", y.Bytes())
	return d.file("rows.npy", x.Bytes())
}

// mixed is a table of two numbers and a word, all three of which tell the
// class, with the table's bytes. Its model adds the scores of the parts.
func mixed() (p *problem, words []string, table []byte) {
	p = blobs(3, 2)
	words = []string{"red", "green", "blue"}
	rng := rand.New(rand.NewPCG(5, 5))
	table = p.table([]string{"width", "colour", "height", "label"}, func(r int) []string {
		w := words[p.y[r]]
		if rng.IntN(3) == 0 {
			w = words[rng.IntN(3)]
		}
		v := numbers(p.x[r])
		return []string{v[0], w, v[1], p.names[p.y[r]]}
	})
	return p, words, table
}

// vocabulary are the words of sentences, three for each of three classes and
// some that say nothing.
var vocabulary = []string{"goal", "match", "team", "vote", "senate", "law", "piano", "opera", "song", "the", "a", "of", "today", "again"}

// sentences is a table with one column of text.
func sentences() []byte {
	rng := rand.New(rand.NewPCG(9, 9))
	var b strings.Builder
	b.WriteString("text,label\n")
	for r := range problemRows {
		y := r % 3
		var words []string
		for range 6 {
			k := 9 + rng.IntN(5)
			if rng.IntN(2) == 0 {
				k = 3*y + rng.IntN(3)
			}
			words = append(words, vocabulary[k])
		}
		fmt.Fprintf(&b, "%s,%s\n", strings.Join(words, " "), []string{"sport", "politics", "music"}[y])
	}
	return []byte(b.String())
}
