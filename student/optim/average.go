package optim

import "github.com/kdonnx/kdonnx/student/kernel"

// Average is the exponential moving average of slices that training changes
// (Polyak and Juditsky 1992, in the form of Tarvainen and Valpola 2017): after
// step t
//
//	mean ← d·mean + (1−d)·w,  d = min(decay, (1+t)/(10+t))
//
// so that early means follow quickly, as TensorFlow's does it.
type Average struct {
	decay float64
	rate  float32
	live  []Slot
	mean  []Slot
	*pieces
}

// NewAverage begins with the present values of live.
func NewAverage(live []Slot, decay float64) *Average {
	a := &Average{decay: decay, live: live, mean: make([]Slot, len(live))}
	sizes := make([]int, len(live))
	for i, s := range live {
		sizes[i] = len(s.Data)
		a.mean[i] = Slot{s.Name + "/ema", append([]float32(nil), s.Data...)}
	}
	a.pieces = newPieces(sizes, a.follow)
	return a
}

// Update follows the values that step, counted from 1, has left.
func (a *Average) Update(step uint64) {
	t := float64(step)
	a.rate = float32(1 - min(a.decay, (1+t)/(10+t)))
	a.each()
}

func (a *Average) follow(i int) {
	s := a.spans[i]
	kernel.Lerp(s.of(a.mean), s.of(a.live), a.rate)
}

// Swap puts the means where the values were, and the other way round.
func (a *Average) Swap() {
	for i, s := range a.live {
		mean := a.mean[i].Data
		for j, v := range s.Data {
			s.Data[j], mean[j] = mean[j], v
		}
	}
}

// State lists the means, to be saved and restored.
func (a *Average) State() []Slot { return a.mean }
