package optim

import (
	"sort"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Schedule gives the learning rate as a fraction of the base rate at a step,
// counted from 0. It is a pure function: a resumed run needs no state of it.
type Schedule func(step uint64) float64

// Rate is the learning rate at step for a base rate.
func (s Schedule) Rate(base float64, step uint64) float32 { return float32(base * s(step)) }

// A scheduler makes the schedule of a run of total steps.
type scheduler struct {
	help string
	make func(total uint64) Schedule
}

var schedulers = map[string]scheduler{}

func registerSchedule(name, help string, f func(total uint64) Schedule) {
	schedulers[name] = scheduler{help, f}
}

// Schedules gives the names of the schedules in alphabetical order.
func Schedules() []string {
	names := make([]string, 0, len(schedulers))
	for name := range schedulers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// ScheduleHelp says in one line how the schedule of that name runs.
func ScheduleHelp(name string) string { return schedulers[name].help }

// Named makes the schedule of a run of total steps by name. It begins with
// warmup steps of linear warm-up, and the schedule has the rest. An unknown
// name is a fault.Usage.
func Named(name string, total, warmup uint64) (Schedule, error) {
	s, ok := schedulers[name]
	if !ok {
		return nil, fault.New(fault.Usage, "", "--schedule", "got %q, expected one of %s", name, strings.Join(Schedules(), ", "))
	}
	rest := s.make(total - min(total, warmup))
	if warmup == 0 {
		return rest, nil
	}
	return Warmup(warmup, rest), nil
}

// done is the share of total that step has left behind, at most 1.
func done(step, total uint64) float64 {
	if step >= total {
		return 1
	}
	return float64(step) / float64(total)
}
