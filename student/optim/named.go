package optim

import "github.com/kdonnx/kdonnx/internal/fault"

// Named makes the schedule of a run of total steps by name: constant, cosine
// (to zero), or step (a tenth after each third). It begins with warmup steps
// of linear warm-up. An unknown name is a fault.Usage.
func Named(name string, total, warmup uint64) (Schedule, error) {
	var s Schedule
	total -= min(total, warmup)
	switch name {
	case "constant":
		s = Constant()
	case "cosine":
		s = Cosine(total, 0)
	case "step":
		s = Steps((total+2)/3, 0.1)
	default:
		return nil, fault.New(fault.Usage, "", "--schedule", "got %q, expected constant, cosine or step", name)
	}
	if warmup == 0 {
		return s, nil
	}
	return Warmup(warmup, s), nil
}
