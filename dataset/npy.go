package dataset

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "npy",
		About:  "an NPY array (.npy) whose first axis is the rows, labels beside it in NAME_labels.npy or y.npy",
		Detect: detectNPY,
		Open:   openNPY,
	})
}

func detectNPY(path string) bool {
	f, _, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [6]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == npyMagic || strings.EqualFold(filepath.Ext(path), ".npy")
}

// ndarray is an array of known type and shape whose values lie in data from
// offset on, in C order.
type ndarray struct {
	path   string
	field  string // entry of an archive; empty for a file
	descr  string
	dims   []int
	elem   element
	data   io.ReaderAt
	offset int64
}

// newArray checks the header of an NPY file of size bytes against its length,
// and its type. A Fortran-ordered array is read and turned into C order.
func newArray(path, field string, data io.ReaderAt, size int64) (*ndarray, error) {
	descr, fortran, dims, offset, err := ParseNPYHeader(io.NewSectionReader(data, 0, size))
	if err != nil {
		return nil, at(path, err)
	}
	elem, err := npyElement(descr)
	if err != nil {
		return nil, inputFault(path, field, "%v", err)
	}
	count, _ := product(dims)
	if int64(count) > (math.MaxInt64-offset)/int64(elem.size) {
		return nil, inputFault(path, field, "shape %v of %s overflows", dims, descr)
	}
	if want := offset + int64(count)*int64(elem.size); size != want {
		return nil, inputFault(path, field, "%d bytes, but shape %v of %s takes %d", size, dims, descr, want)
	}
	a := &ndarray{path: path, field: field, descr: descr, dims: dims, elem: elem, data: data, offset: offset}
	if fortran && len(dims) > 1 {
		return a.fromFortran(count)
	}
	return a, nil
}

// npyElement finds the reader of a type such as "<f4".
func npyElement(descr string) (element, error) {
	if strings.Contains(descr, "O") {
		return element{}, inputFault("", "", "type %q: object arrays are not supported", descr)
	}
	kind := strings.TrimLeft(descr, "<>=|")
	e, ok := elements[kind]
	if kind == "?" {
		e, ok = elements["b1"]
	}
	if !ok || len(descr)-len(kind) > 1 {
		return element{}, inputFault("", "", "type %q, expected a boolean, integer or float of at most 64 bits", descr)
	}
	if strings.HasPrefix(descr, ">") && e.size > 1 {
		e = e.bigEndian()
	}
	return e, nil
}

// fromFortran reads the values and puts them in C order.
func (a *ndarray) fromFortran(count int) (*ndarray, error) {
	size := int64(count) * int64(a.elem.size)
	if size > maxUnpacked {
		return nil, inputFault(a.path, a.field, "a Fortran-ordered array of %d bytes, limit %d: store it in C order", size, int64(maxUnpacked))
	}
	src, _, err := readExactly(io.NewSectionReader(a.data, a.offset, size), size)
	if err != nil {
		return nil, ioFault(a.path, err)
	}
	dst := make([]byte, size)
	index := make([]int, len(a.dims)) // of the value in C order
	strides := make([]int, len(a.dims))
	stride := a.elem.size
	for k, d := range a.dims {
		strides[k] = stride
		stride *= d
	}
	from := 0
	for to := 0; to < len(dst); to += a.elem.size {
		copy(dst[to:to+a.elem.size], src[from:])
		for k := len(index) - 1; k >= 0; k-- {
			index[k]++
			from += strides[k]
			if index[k] < a.dims[k] {
				break
			}
			from -= index[k] * strides[k]
			index[k] = 0
		}
	}
	c := *a
	c.data, c.offset = bytes.NewReader(dst), 0
	return &c, nil
}

func openNPY(path string, o Options) (Source, error) {
	a, err := openRows(path, o)
	if err != nil {
		return nil, err
	}
	if err := a.addNPYLabels(o); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// openRows opens the rows of an NPY file, without labels.
func openRows(path string, o Options) (*array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	x, err := newArray(path, "", f, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	a, err := x.source(o)
	if err != nil {
		f.Close()
		return nil, err
	}
	a.closer = f
	return a, nil
}

// source is rows with names for the columns of features.
func (x *ndarray) source(o Options) (*array, error) {
	a, err := x.rows(o)
	if err == nil && !a.spec.Image {
		a.spec.Columns = columnNumbers(a.spec.Shape[0])
	}
	return a, err
}

// rows makes rows of the first axis: (N, D) features, (N, H, W) gray images,
// (N, H, W, C) or (N, C, H, W) images.
func (x *ndarray) rows(o Options) (*array, error) {
	a := &array{path: x.path, data: x.data, offset: x.offset, elem: x.elem}
	a.spec.DType = Float32
	if strings.HasSuffix(x.descr, "u1") {
		a.spec.DType = Uint8
	}
	if n, _ := product(x.dims); n == 0 && len(x.dims) > 0 {
		return nil, inputFault(x.path, x.field, "shape %v holds no values", x.dims)
	}
	switch d := x.dims; len(d) {
	case 2:
		if d[1] > maxFeatures {
			return nil, inputFault(x.path, x.field, "shape %v has %d features, limit %d", d, d[1], maxFeatures)
		}
		a.n, a.spec.Shape = d[0], []int{d[1]}
	case 3:
		a.n, a.spec.Image, a.spec.Shape = d[0], true, []int{d[1], d[2], 1}
	case 4:
		layout, note, err := x.layout(o.Layout)
		if err != nil {
			return nil, err
		}
		if note != "" {
			a.spec.Notes = append(a.spec.Notes, note)
		}
		a.n, a.spec.Image, a.spec.Shape = d[0], true, []int{d[1], d[2], d[3]}
		if layout == NCHW {
			a.planar, a.spec.Shape = true, []int{d[2], d[3], d[1]}
		}
	default:
		return nil, inputFault(x.path, x.field, "shape %v, expected (rows, features), (rows, H, W), (rows, H, W, C) or (rows, C, H, W)", d)
	}
	return a, nil
}

// columnNumbers names n columns that have no names.
func columnNumbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "column " + strconv.Itoa(i+1)
	}
	return names
}

// layout decides which axis of a rank 4 array is the channels: the one of size
// 1, 3 or 4.
func (x *ndarray) layout(asked Layout) (Layout, string, error) {
	if asked != "" {
		return asked, "", nil
	}
	channels := func(n int) bool { return n == 1 || n == 3 || n == 4 }
	first, last := channels(x.dims[1]), channels(x.dims[3])
	switch {
	case first && !last:
		return NCHW, "axis 1 is the channels (NCHW)", nil
	case last && !first:
		return NHWC, "axis 3 is the channels (NHWC)", nil
	}
	return "", "", inputFault(x.path, x.field, "shape %v does not show which axis is the channels: say layout NCHW or NHWC", x.dims)
}

// addNPYLabels reads the labels beside the rows.
func (a *array) addNPYLabels(o Options) error {
	if o.Label == "none" {
		return nil
	}
	dir, name := filepath.Split(a.path)
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	beside := []string{stem + "_labels.npy"}
	if strings.HasPrefix(stem, "X") || strings.HasPrefix(stem, "x") {
		beside = append(beside, "y"+stem[1:]+".npy")
	}
	beside = append(beside, "y.npy")
	if o.Label != "" {
		if o.Label != filepath.Base(o.Label) {
			return inputFault(a.path, "label", "%q is not the name of a file beside it", o.Label)
		}
		beside = []string{o.Label}
	}
	for _, b := range beside {
		path := dir + b
		if b == name || !isFile(path) {
			continue
		}
		return a.readLabels(path, o)
	}
	if o.Label != "" {
		return inputFault(a.path, "label", "no file %q beside it", o.Label)
	}
	a.spec.Notes = append(a.spec.Notes, "no "+listOr(beside, "")+" beside it: rows are unlabelled")
	return nil
}

// readLabels takes the labels of an NPY file.
func (a *array) readLabels(path string, o Options) error {
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	y, err := newArray(path, "", f, size)
	if err != nil {
		return err
	}
	return a.setLabels(y, o)
}

func float64At(b []byte, bigEndian bool) float64 {
	if bigEndian {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// joinField joins the parts of a field that are not empty.
func joinField(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
