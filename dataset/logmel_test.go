package dataset

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"
)

func melOf(t *testing.T, rate, mels, frames int) *logMel {
	t.Helper()
	m, err := newLogMel(rate, mels, frames)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// spectrogram is that of samples x, by frame.
func spectrogram(m *logMel, x []float64) [][]float64 {
	dst := make([]float32, m.mels*m.frames)
	m.apply(dst, len(x), func(to []float64, from int) { copy(to, x[from:]) })
	by := make([][]float64, m.frames)
	for t := range by {
		for i := range m.mels {
			by[t] = append(by[t], float64(dst[i*m.frames+t]))
		}
	}
	return by
}

func tone(rate, n int, hz, size float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = size * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))
	}
	return x
}

// TestMelScale holds the scale against values of the HTK Book's formula.
func TestMelScale(t *testing.T) {
	for hz, mel := range map[float64]float64{0: 0, 700: 781.1728384, 1000: 999.9855371, 6300: 2595, 8000: 2840.0230467} {
		if got := hzToMel(hz); math.Abs(got-mel) > 1e-6 {
			t.Errorf("%v Hz is %v mel, want %v", hz, got, mel)
		}
		if got := melToHz(mel); math.Abs(got-hz) > 1e-4 {
			t.Errorf("%v mel is %v Hz, want %v", mel, got, hz)
		}
	}
}

// TestMelFilters are triangles: neighbours sum to 1 from the first centre to
// the last, and the top of each is where the scale says.
func TestMelFilters(t *testing.T) {
	for _, c := range []struct{ rate, mels, fft int }{{16000, 40, 512}, {8000, 23, 256}, {44100, 128, 4096}} {
		sums := make([]float64, c.fft/2+1)
		step := 2595 * math.Log10(1+float64(c.rate)/1400) / float64(c.mels+1)
		hz := func(i int) float64 { return 700*math.Pow(10, step*float64(i)/2595) - 700 }
		for i, f := range melFilters(c.rate, c.mels, c.fft) {
			best := 0
			for k, w := range f.weights {
				sums[f.first+k] += w
				if w > f.weights[best] {
					best = k
				}
			}
			bin := float64(c.rate) / float64(c.fft)
			if at := float64(f.first+best) * bin; math.Abs(at-hz(i+1)) > bin {
				t.Errorf("%+v: band %d is highest at %v Hz, want %v", c, i, at, hz(i+1))
			}
		}
		for k, sum := range sums {
			f := float64(k) * float64(c.rate) / float64(c.fft)
			if f >= hz(1) && f <= hz(c.mels) && math.Abs(sum-1) > 1e-9 {
				t.Errorf("%+v: weights of %v Hz sum to %v, want 1", c, f, sum)
			}
		}
	}
}

// TestLogMelNaive computes it from the definition: a discrete Fourier
// transform by its sum, and triangles point by point.
func TestLogMelNaive(t *testing.T) {
	const rate, mels, frames, window, hop, fft = 8000, 12, 5, 200, 80, 256
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, window+3*hop+17) // the last frame is cut short, so partly silence
	for i := range x {
		x[i] = r.NormFloat64()
	}
	m := melOf(t, rate, mels, frames)
	if m.window != window || m.hop != hop || m.fft != fft || m.samples() != window+4*hop {
		t.Fatalf("%d samples each %d, %d points", m.window, m.hop, m.fft)
	}
	got := spectrogram(m, x)
	for f := range frames {
		power := make([]float64, fft/2+1)
		for k := range power {
			var sum complex128
			for n := range window {
				v := 0.0
				if f*hop+n < len(x) {
					v = x[f*hop+n]
				}
				hann := math.Pow(math.Sin(math.Pi*float64(n)/window), 2)
				sum += complex(v*hann, 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*n)/fft))
			}
			power[k] = math.Pow(cmplx.Abs(sum), 2)
		}
		for i := range mels {
			edge := func(j int) float64 { return 700 * (math.Exp(math.Log(1+rate/2./700)*float64(j)/(mels+1)) - 1) }
			sum := 0.0
			for k, p := range power {
				switch hz := float64(k) * rate / fft; {
				case hz > edge(i) && hz <= edge(i+1):
					sum += p * (hz - edge(i)) / (edge(i+1) - edge(i))
				case hz > edge(i+1) && hz < edge(i+2):
					sum += p * (edge(i+2) - hz) / (edge(i+2) - edge(i+1))
				}
			}
			if want := math.Log(max(sum, 1e-10)); math.Abs(got[f][i]-want) > 1e-5 {
				t.Errorf("frame %d, band %d: %v, want %v", f, i, got[f][i], want)
			}
		}
	}
}

// TestLogMelTone lights the band whose centre it is at; its power is that of
// the windowed samples by Parseval's theorem; what follows it is silence.
func TestLogMelTone(t *testing.T) {
	const rate, mels = 16000, 40
	m := melOf(t, rate, mels, 98)
	for _, band := range []int{3, 11, 20, 33, 38} {
		hz := melToHz(hzToMel(rate/2) * float64(band+1) / (mels + 1))
		x := tone(rate, rate/2, hz, 0.5)
		frames := spectrogram(m, x)
		energy, power := 0.0, 0.0
		for i, v := range x[:400] {
			v *= 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/400)
			energy += v * v
		}
		for _, v := range frames[0] {
			power += math.Exp(v)
		}
		if want := energy * 512 / 2; math.Abs(power/want-1) > 0.01 {
			t.Errorf("%v Hz: power %v, want %v", hz, power, want)
		}
		if best := slices.Index(frames[7], slices.Max(frames[7])); best != band {
			t.Errorf("%v Hz lights band %d, want %d", hz, best, band)
		}
		if last := slices.Max(frames[60]); last != float64(float32(math.Log(1e-10))) {
			t.Errorf("a frame of silence has %v", last)
		}
	}
}

// TestLogMelSizes covers clips of any length and rates of any size.
func TestLogMelSizes(t *testing.T) {
	m := melOf(t, 16000, 40, 98)
	for n, want := range map[int]int{1: 1, 400: 1, 401: 2, 560: 2, 561: 3, 16000: 99, 15920: 98} {
		if got := m.framesFor(n); got != want {
			t.Errorf("%d samples need %d frames, want %d", n, got, want)
		}
	}
	for _, rate := range []int{minRate, 11025, 44100, maxRate} {
		for _, mels := range []int{1, 40, maxMels} {
			m := melOf(t, rate, mels, 1)
			if m.fft < m.window || len(m.filters) != mels {
				t.Errorf("%d Hz, %d bands: %d points, %d filters", rate, mels, m.fft, len(m.filters))
			}
		}
	}
}

// TestWAVDecode reads the extremes of each type, and averages channels.
func TestWAVDecode(t *testing.T) {
	for _, c := range []struct {
		bits  int
		float bool
		raw   []byte
		want  []float64
	}{
		{8, false, []byte{0, 128, 255}, []float64{-1, 0, 127. / 128}},
		{16, false, []byte{0, 0x80, 0, 0, 0xff, 0x7f}, []float64{-1, 0, 32767. / 32768}},
		{24, false, []byte{0, 0, 0x80, 1, 0, 0, 0xff, 0xff, 0x7f}, []float64{-1, 1. / (1 << 23), 8388607. / 8388608}},
		{32, false, []byte{0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff}, []float64{-1, -1. / (1 << 31)}},
		{32, true, []byte{0, 0, 0x80, 0xbf, 0, 0, 0, 0x3f}, []float64{-1, 0.5}},
	} {
		got := make([]float64, len(c.want))
		wavHead{channels: 1, bits: c.bits, float: c.float}.decode(got, c.raw)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d bits: %v, want %v", c.bits, got, c.want)
		}
		got = got[:1]
		wavHead{channels: 2, bits: c.bits, float: c.float}.decode(got, c.raw)
		if want := (c.want[0] + c.want[1]) / 2; got[0] != want {
			t.Errorf("%d bits, two channels: %v, want %v", c.bits, got[0], want)
		}
	}
}
