package dataset

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Defaults and limits of the log-mel spectrogram.
const (
	defaultMels   = 40
	defaultFrames = 98 // one second: 1 + (1 s − 25 ms) / 10 ms
	maxMels       = 512
	maxFrames     = 10_000  // 100 s
	maxFFT        = 1 << 18 // points
	melFloor      = 1e-10   // least power of a band
)

// logMel computes log-mel spectrograms: the power spectrum |X|² of frames of
// 25 ms each 10 ms under a periodic Hann window, no frame before the first
// sample, summed under triangles that are equally spaced in mel on the HTK
// scale from 0 Hz to half the sample rate, of height 1; then the natural
// logarithm of at least 1e-10.
type logMel struct {
	mels, frames int
	window, hop  int       // samples
	hann         []float64 // (window)
	fft          int       // points: a power of two, such that each triangle holds one
	filters      []melFilter
	plans        sync.Pool // *melPlan
}

// melFilter is one triangle: weights of the bins from first on.
type melFilter struct {
	first   int
	weights []float64
}

// melPlan is memory for one frame.
type melPlan struct {
	fft  *fourier.FFT
	x    []float64    // (fft)
	spec []complex128 // (fft/2 + 1)
	pow  []float64    // (fft/2 + 1)
}

func hzToMel(f float64) float64 { return 2595 * math.Log10(1+f/700) }
func melToHz(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }

// melFrames gives the samples of a frame and from one to the next.
func melFrames(rate int) (window, hop int) {
	return int(math.Round(0.025 * float64(rate))), int(math.Round(0.010 * float64(rate)))
}

// newLogMel prepares spectrograms of (mels, frames) for a sample rate in Hz.
func newLogMel(rate, mels, frames int) (*logMel, error) {
	m := &logMel{mels: mels, frames: frames}
	m.window, m.hop = melFrames(rate)
	m.hann = make([]float64, m.window)
	for i := range m.hann {
		m.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(m.window))
	}
	for m.fft = 1; m.fft < m.window; m.fft *= 2 {
	}
	for ; m.fft <= maxFFT; m.fft *= 2 { // zeros behind the window: more points of one spectrum
		if m.filters = melFilters(rate, mels, m.fft); m.filters != nil {
			break
		}
	}
	if m.filters == nil {
		return nil, inputFault("", "mels", "%d bands are more than %d Hz can fill", mels, rate)
	}
	m.plans.New = func() any {
		return &melPlan{fourier.NewFFT(m.fft), make([]float64, m.fft), make([]complex128, m.fft/2+1), make([]float64, m.fft/2+1)}
	}
	return m, nil
}

// melFilters makes the triangles, or nil when one of them holds no bin.
func melFilters(rate, mels, fft int) []melFilter {
	top := hzToMel(float64(rate) / 2)
	corner := func(i int) float64 { return melToHz(top * float64(i) / float64(mels+1)) }
	filters := make([]melFilter, mels)
	for i := range filters {
		left, centre, right := corner(i), corner(i+1), corner(i+2)
		for k := range fft/2 + 1 {
			f := float64(k) * float64(rate) / float64(fft)
			w := min((f-left)/(centre-left), (right-f)/(right-centre))
			if w <= 0 {
				continue
			}
			if filters[i].weights == nil {
				filters[i].first = k
			}
			filters[i].weights = append(filters[i].weights, w)
		}
		if filters[i].weights == nil {
			return nil
		}
	}
	return filters
}

// samples is the number of samples that the frames cover.
func (m *logMel) samples() int { return m.window + (m.frames-1)*m.hop }

// framesFor is the least number of frames that cover n samples.
func (m *logMel) framesFor(n int) int {
	return 1 + (max(0, n-m.window)+m.hop-1)/m.hop
}

// apply puts the spectrogram of n samples into dst, (mels, frames). decode
// puts samples from a position on into its argument; beyond n is silence.
func (m *logMel) apply(dst []float32, n int, decode func(x []float64, from int)) {
	p := m.plans.Get().(*melPlan)
	defer m.plans.Put(p)
	for t := range m.frames {
		clear(p.x)
		if from := t * m.hop; from < n {
			decode(p.x[:min(m.window, n-from)], from)
		}
		for i, w := range m.hann {
			p.x[i] *= w
		}
		p.spec = p.fft.Coefficients(p.spec, p.x)
		for k, c := range p.spec {
			p.pow[k] = real(c)*real(c) + imag(c)*imag(c)
		}
		for i, f := range m.filters {
			sum := 0.0
			for k, w := range f.weights {
				sum += w * p.pow[f.first+k]
			}
			dst[i*m.frames+t] = float32(math.Log(max(sum, melFloor)))
		}
	}
}
