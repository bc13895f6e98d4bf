package store

import (
	"cmp"
	"errors"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func init() {
	kinds[TopK] = kind{forms: "topk:K, topk:MASS (with :float32)", parse: parseTopK, text: topKText, codec: newTopK}
}

// parseTopK reads K, MASS, or MASS=K, and an element type.
func parseTopK(d *DType, args []string) (err error) {
	bad := errors.New("no number of logits and no mass")
	if len(args) < 1 || len(args) > 2 {
		return bad
	}
	d.Elem = Float16
	if len(args) == 2 {
		d.Elem = args[1]
		if d.Elem != Float16 && d.Elem != Float32 {
			return bad
		}
	}
	k := args[0]
	if strings.Contains(k, ".") {
		mass, chosen, found := strings.Cut(k, "=")
		if d.Mass, err = strconv.ParseFloat(mass, 64); err != nil || !(d.Mass > 0 && d.Mass < 1) {
			return bad
		}
		if !found {
			return nil
		}
		k = chosen
	}
	if d.K, err = strconv.Atoi(k); err != nil || d.K < 1 || d.K > maxClasses {
		return bad
	}
	return nil
}

func topKText(d DType) string {
	s := TopK + ":"
	switch {
	case d.Mass == 0:
		s += strconv.Itoa(d.K)
	default:
		s += strconv.FormatFloat(d.Mass, 'f', -1, 64)
		if d.K > 0 {
			s += "=" + strconv.Itoa(d.K)
		}
	}
	if d.Elem == Float32 {
		s += ":" + Float32
	}
	return s
}

// topK keeps the k largest logits of a row with their classes, and two
// statistics of the rest.
//
// A row is: k logits, the largest first; their classes, each in as few bits as
// the number of classes takes, the lowest bit first; then, over the m classes
// of the rest, level = log(Σ exp(v)/m) and mean = Σ v/m, in the same type as
// the logits. 16 of 1,000 logits in float16 are 56 bytes.
//
// The rest is reconstructed as one value for all its classes, so what matters
// is how much mass it has at the temperature T of the loss. At T = 1 level is
// exact. For T → ∞ the mean is. Between them log(Σ exp(v/T)/m)·T of normally
// distributed logits is mean + (level − mean)/T, which is used for all T. On
// 1,000-class logits drawn five ways (normal, grouped, exponential, flat and
// steep), k = 16, KL to the true softmax at T = 1, 2, 4, 8, 20 is within 3 % of
// what the exact mass of the rest at each T gives. With level alone it is up to
// 23 % above that at T = 2 and 14 % at T = 4, with the mean alone up to 150 % at
// T = 1. Spreading the rest by normal quantiles, so that one row
// would serve every T, doubles it: the wrong class gets each value.
type topK struct {
	elem    floats
	k       int
	classes int
	width   int // bits of a class
}

func newTopK(d DType, classes int) (codec, error) {
	if d.K >= classes {
		return nil, fault.New(fault.Usage, "", "store dtype", "got %s for a teacher of %d classes, expected to keep fewer than all: take float16", d, classes)
	}
	return topK{elements[d.Elem], d.K, classes, bits.Len(uint(classes - 1))}, nil
}

func (t topK) array() (string, int) { return "|u1", t.size() }
func (t topK) size() int            { return (t.k+2)*t.elem.size + (t.k*t.width+7)/8 }

func (t topK) encode(dst []byte, row []float32) error {
	clear(dst[:t.size()])
	top := largest(row, t.k)
	at := t.k * t.elem.size * 8 // bit where the next class goes
	for i, c := range top {
		if !t.elem.fits(row[c]) {
			return t.elem.tooLarge(c, row[c])
		}
		t.elem.put(dst[i*t.elem.size:], row[c])
		putBits(dst, at, uint32(c), t.width)
		at += t.width
	}
	level, mean := t.rest(row, top)
	if !t.elem.fits(mean) { // level lies between the mean and the last logit kept
		low := slices.Index(row, slices.Min(row))
		return t.elem.tooLarge(low, row[low])
	}
	tail := dst[t.size()-2*t.elem.size:]
	t.elem.put(tail, level)
	t.elem.put(tail[t.elem.size:], mean)
	return nil
}

// rest is log(Σ exp(v)/m) and Σ v/m over the m classes that top, whose last is
// the smallest, lacks.
func (t topK) rest(row []float32, top []int) (level, mean float32) {
	last := top[len(top)-1]
	m := float64(t.classes - t.k)
	peak := math.Inf(-1)
	for c, v := range row {
		if follows(row, last, c) {
			peak = max(peak, float64(v))
		}
	}
	sum, mass := 0.0, 0.0
	for c, v := range row {
		if follows(row, last, c) {
			sum += float64(v)
			mass += math.Exp(float64(v) - peak)
		}
	}
	return float32(peak + math.Log(mass/m)), float32(sum / m)
}

func (t topK) decode(dst []float32, src []byte, temperature float64) {
	tail := src[t.size()-2*t.elem.size:]
	level, mean := float64(t.elem.get(tail)), float64(t.elem.get(tail[t.elem.size:]))
	least := t.elem.get(src[(t.k-1)*t.elem.size:])
	rest := min(float32(mean+(level-mean)/temperature), least)
	for c := range dst {
		dst[c] = rest
	}
	at := t.k * t.elem.size * 8
	for i := range t.k {
		if c := getBits(src, at, t.width); int(c) < len(dst) {
			dst[c] = t.elem.get(src[i*t.elem.size:])
		}
		at += t.width
	}
}

// follows tells whether class b comes after class a when logits fall; the
// lower class is first of two equal ones.
func follows(row []float32, a, b int) bool {
	return row[b] < row[a] || row[b] == row[a] && b > a
}

// largest is the classes of the k largest logits, the largest first.
func largest(row []float32, k int) []int {
	heap := make([]int, 0, k) // the root follows all others
	sift := func(i int) {
		for {
			last := i
			for j := 2*i + 1; j <= 2*i+2 && j < len(heap); j++ {
				if follows(row, heap[last], heap[j]) {
					last = j
				}
			}
			if last == i {
				return
			}
			heap[i], heap[last] = heap[last], heap[i]
			i = last
		}
	}
	for c := range row {
		switch {
		case len(heap) < k:
			if heap = append(heap, c); len(heap) == k {
				for i := k/2 - 1; i >= 0; i-- {
					sift(i)
				}
			}
		case follows(row, c, heap[0]):
			heap[0] = c
			sift(0)
		}
	}
	slices.SortFunc(heap, func(a, b int) int {
		return cmp.Or(cmp.Compare(row[b], row[a]), cmp.Compare(a, b))
	})
	return heap
}

// putBits sets the width bits of dst from bit at on, which are 0, to v.
func putBits(dst []byte, at int, v uint32, width int) {
	for width > 0 {
		shift := at % 8
		dst[at/8] |= byte(v << shift)
		n := min(8-shift, width)
		v >>= n
		at += n
		width -= n
	}
}

func getBits(src []byte, at, width int) uint32 {
	v, have := uint32(0), 0
	for have < width {
		shift := at % 8
		n := min(8-shift, width-have)
		v |= uint32(src[at/8]>>shift) & (1<<n - 1) << have
		have += n
		at += n
	}
	return v
}

// massRows is the share of rows that must keep the mass.
const massRows = 0.99

// Choose settles an open d by the logits (n, classes) of a sample of rows: K
// is the smallest with which 99 % of the rows keep the share Mass of their
// softmax mass. A mass that takes more than half of the logits, which float16
// keeps better, is a fault.Usage.
func (d DType) Choose(logits []float32, classes int) (DType, error) {
	if !d.Open() {
		return d, nil
	}
	n := len(logits) / classes
	need := make([]int, 0, n)
	p := make([]float64, classes)
	for r := range n {
		row := logits[r*classes : (r+1)*classes]
		peak, sum := float64(slices.Max(row)), 0.0
		for c, v := range row {
			p[c] = math.Exp(float64(v) - peak)
			sum += p[c]
		}
		slices.Sort(p)
		kept, k := 0.0, 0
		for k < classes && kept < d.Mass*sum {
			k++
			kept += p[classes-k]
		}
		need = append(need, k)
	}
	if n == 0 {
		return d, fault.New(fault.Input, "", "store dtype", "got no rows to choose %s by", d)
	}
	slices.Sort(need)
	d.K = need[max(0, int(math.Ceil(massRows*float64(n)))-1)]
	if d.K > classes/2 {
		return d, fault.New(fault.Usage, "", "store dtype", "keeping %v of the mass takes %d of %d logits, more than half: take float16 or a smaller mass", d.Mass, d.K, classes)
	}
	return d, nil
}
