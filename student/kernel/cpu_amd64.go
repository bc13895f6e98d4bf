package kernel

import "golang.org/x/sys/cpu"

// GODEBUG=cpu.avx2=off, cpu.fma=off and cpu.avx512=off reach these flags.
var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512 && cpu.X86.HasAVX512F
)

var columnLoops = columnFuncs{columnMomentsAVX2, columnDotsAVX2, columnMaskedDotsAVX2}

func init() {
	if hasAVX512 {
		columnLoops = columnFuncs{columnMomentsAVX512, columnDotsAVX512, columnMaskedDotsAVX512}
	}
}

func cpuVariants() []*variant {
	var v []*variant
	if hasAVX512 {
		v = append(v, &avx512)
	}
	if hasAVX2 {
		v = append(v, &avx2)
	}
	return v
}

var avx2 = variant{
	name: "AVX2", lanes: 8, wide: 64, peak: peakAVX2, peakOps: 12 * 8,
	kernels: []tileKernel{
		{1, 8, kernel1x8AVX2}, {1, 16, kernel1x16AVX2}, {1, 64, kernel1x64AVX2},
		{2, 8, kernel2x8AVX2}, {2, 16, kernel2x16AVX2},
		{4, 8, kernel4x8AVX2}, {4, 16, kernel4x16AVX2},
		{6, 8, kernel6x8AVX2}, {6, 16, kernel6x16AVX2},
	},
	transpose: packTranspose4AVX2, copy4: packCopy4AVX2, copy16: packCopy16AVX2,
	correlate: &avx2Tiles,
}

var avx512 = variant{
	name: "AVX-512", lanes: 16, wide: 128, peak: peakAVX512, peakOps: 28 * 16,
	kernels: []tileKernel{
		{1, 16, kernel1x16AVX512}, {1, 32, kernel1x32AVX512}, {1, 128, kernel1x128AVX512},
		{2, 16, kernel2x16AVX512}, {2, 32, kernel2x32AVX512},
		{4, 16, kernel4x16AVX512}, {4, 32, kernel4x32AVX512},
		{8, 16, kernel8x16AVX512}, {8, 32, kernel8x32AVX512},
		{12, 16, kernel12x16AVX512}, {12, 32, kernel12x32AVX512},
	},
	transpose: packTranspose4AVX2, copy4: packCopy4AVX2, copy16: packCopy16AVX2,
	correlate: &avx512Tiles,
}
