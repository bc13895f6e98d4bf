package kernel

// pack writes a panel of k rows of width elements, stride apart:
// dst[p·stride+j] = src[p·ld+j], or src[j·ld+p] when trans. The elements from
// width to stride become 0.
func (v *variant) pack(dst []float32, stride int, src []float32, ld, width, k int, trans bool) {
	if width < stride {
		clear(dst)
	}
	switch {
	case stride == 1 && trans:
		copy(dst, src[:k])
	case trans:
		v.packTransposed(dst, stride, src, ld, width, k)
	default:
		v.packRows(dst, stride, src, ld, width, k)
	}
}

// packPanel packs columns [j, j+width) of op(B) (k,n) into their panel.
func (v *variant) packPanel(panels []float32, j, width int, transB bool, k, n int, b []float32, ldb int) {
	dst, cols := panels[j*k:(j+width)*k], min(width, n-j)
	if transB {
		v.pack(dst, width, b[j*ldb:], ldb, cols, k, true)
	} else {
		v.pack(dst, width, b[j:], ldb, cols, k, false)
	}
}

// packTransposed works by fours of source rows, the last four overlapping the
// ones before, and by chunks of k so that the panel stays in the first cache.
func (v *variant) packTransposed(dst []float32, stride int, src []float32, ld, width, k int) {
	whole := 0
	if v.transpose != nil && width >= 4 {
		whole = k &^ 7
	}
	for p := 0; p < whole; p += packChunk {
		n := min(packChunk, whole-p)
		for j := 0; j < width; j += 4 {
			j := min(j, width-4)
			v.transpose(dst[p*stride+j:], stride, src[j*ld+p:], ld, n)
		}
	}
	for j := range width {
		for p, x := range src[j*ld+whole : j*ld+k] {
			dst[(whole+p)*stride+j] = x
		}
	}
}

func (v *variant) packRows(dst []float32, stride int, src []float32, ld, width, k int) {
	if v.copy4 == nil || width < 4 {
		for p := range k {
			copy(dst[p*stride:p*stride+width], src[p*ld:p*ld+width])
		}
		return
	}
	j := 0
	for ; j+16 <= width; j += 16 {
		v.copy16(dst[j:], stride, src[j:], ld, k)
	}
	for ; j < width; j += 4 {
		j := min(j, width-4)
		v.copy4(dst[j:], stride, src[j:], ld, k)
	}
}
