package kernel

var avx2Tiles = correlateTiles{
	narrow: []correlateTile{
		{1, 8, correlate1x8AVX2},
		{2, 8, correlate2x8AVX2},
		{3, 8, correlate3x8AVX2},
		{4, 8, correlate4x8AVX2},
		{6, 8, correlate6x8AVX2},
		{8, 8, correlate8x8AVX2},
		{10, 8, correlate10x8AVX2},
	},
	wide: []correlateTile{
		{1, 16, correlate1x16AVX2},
		{2, 16, correlate2x16AVX2},
		{3, 16, correlate3x16AVX2},
		{4, 16, correlate4x16AVX2},
		{5, 16, correlate5x16AVX2},
		{6, 16, correlate6x16AVX2},
	},
	depthwise: []correlateTile{
		{1, 8, depthwise1x8AVX2},
		{2, 8, depthwise2x8AVX2},
		{3, 8, depthwise3x8AVX2},
		{4, 8, depthwise4x8AVX2},
		{5, 8, depthwise5x8AVX2},
		{8, 8, depthwise8x8AVX2},
	},
}

var avx512Tiles = correlateTiles{
	narrow: []correlateTile{
		{1, 16, correlate1x16AVX512},
		{2, 16, correlate2x16AVX512},
		{3, 16, correlate3x16AVX512},
		{4, 16, correlate4x16AVX512},
		{5, 16, correlate5x16AVX512},
		{6, 16, correlate6x16AVX512},
		{7, 16, correlate7x16AVX512},
		{8, 16, correlate8x16AVX512},
		{10, 16, correlate10x16AVX512},
		{12, 16, correlate12x16AVX512},
		{14, 16, correlate14x16AVX512},
		{16, 16, correlate16x16AVX512},
	},
	wide: []correlateTile{
		{1, 32, correlate1x32AVX512},
		{2, 32, correlate2x32AVX512},
		{3, 32, correlate3x32AVX512},
		{4, 32, correlate4x32AVX512},
		{5, 32, correlate5x32AVX512},
		{6, 32, correlate6x32AVX512},
		{7, 32, correlate7x32AVX512},
		{8, 32, correlate8x32AVX512},
		{9, 32, correlate9x32AVX512},
		{10, 32, correlate10x32AVX512},
		{11, 32, correlate11x32AVX512},
		{12, 32, correlate12x32AVX512},
		{14, 32, correlate14x32AVX512},
	},
	depthwise: []correlateTile{
		{1, 16, depthwise1x16AVX512},
		{2, 16, depthwise2x16AVX512},
		{3, 16, depthwise3x16AVX512},
		{4, 16, depthwise4x16AVX512},
		{5, 16, depthwise5x16AVX512},
		{8, 16, depthwise8x16AVX512},
	},
}
