package kernel

// portable is the micro kernels in plain Go. They round as the fused
// multiply-add of the assembly does, so a program gives the same bits on every
// CPU.
var portable = &variant{
	name: "portable", lanes: 4, wide: 8,
	kernels: []tileKernel{
		{2, 4, portableKernel(2, 4)}, {2, 8, portableKernel(2, 8)},
		{4, 4, portableKernel(4, 4)}, {4, 8, portableKernel(4, 8)},
	},
	correlate: &portableTiles,
}

// portableKernel gives the kernel of a tile of rows × cols, rows a multiple of
// 2 and cols of 4.
func portableKernel(rows, cols int) microKernel {
	return func(k int, a, b []float32, bstride int, c []float32, ldc int, beta float32) {
		for i := 0; i < rows; i += 2 {
			for j := 0; j < cols; j += 4 {
				upper, lower := product2x4(k, a[i:], rows, b[j:], bstride)
				storeRow(c[i*ldc+j:], &upper, beta)
				storeRow(c[(i+1)*ldc+j:], &lower, beta)
			}
		}
	}
}

func storeRow(c []float32, sums *[4]float32, beta float32) {
	c = c[:4]
	for j, s := range sums {
		if beta != 0 {
			s += float32(beta * c[j])
		}
		c[j] = s
	}
}
