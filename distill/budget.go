package distill

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
)

// Budget bounds what a student may cost; a zero field bounds nothing.
type Budget struct {
	Params  int64         // trained parameters
	Bytes   int64         // of the .onnx file, metadata included
	FLOPs   int64         // of one row, a multiply-add as two
	Latency time.Duration // of one row in ONNX Runtime on one thread of this machine, the median
}

// IsZero tells whether b bounds nothing.
func (b Budget) IsZero() bool { return b == Budget{} }

// Units of budgets. Those of bytes are the SI's and the IEC's.
var (
	countUnits = []unit{{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}}
	byteUnits  = []unit{{"", 1}, {"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}
)

type unit struct {
	name string
	of   float64
}

// Bounds of a latency that can be measured.
const (
	shortestLatency = time.Microsecond
	longestLatency  = time.Minute
)

// Budget reads what s bounds. Errors are of kind Usage and name the flag.
func (s StudentRecipe) Budget() (b Budget, err error) {
	for _, q := range []struct {
		flag, text, want string
		units            []unit
		to               *int64
	}{
		{"--budget-params", s.BudgetParams, "a number of parameters such as 100000, 100k or 1.5M", countUnits, &b.Params},
		{"--budget-bytes", s.BudgetBytes, "a size such as 400000, 400kB, 1.5MB, 64KiB or 1MiB", byteUnits, &b.Bytes},
		{"--budget-flops", s.BudgetFLOPs, "a number of operations such as 200000, 200k, 20M or 1.5G", countUnits, &b.FLOPs},
	} {
		if q.text == "" {
			continue
		}
		var ok bool
		if *q.to, ok = quantity(q.text, q.units); !ok {
			return b, fault.New(fault.Usage, "", q.flag, "got %q, expected %s", q.text, q.want)
		}
	}
	b.Latency = s.BudgetLatency
	if l := b.Latency; l != 0 && (l < shortestLatency || l > longestLatency) {
		return b, fault.New(fault.Usage, "", "--budget-latency", "got %v, expected a duration from %v to %v such as 50us", l, shortestLatency, longestLatency)
	}
	return b, nil
}

// quantity reads digits, perhaps with a point, and one of units: at least 1,
// at most 10^15.
func quantity(text string, units []unit) (int64, bool) {
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	v, err := strconv.ParseFloat(text[:end], 64)
	if err != nil {
		return 0, false
	}
	for _, u := range units {
		if u.name == strings.TrimLeft(text[end:], " ") {
			v *= u.of
			return int64(v), v >= 1 && v <= 1e15
		}
	}
	return 0, false
}

// autoArch stands for a net by default, or within a budget for a family.
const autoArch = "auto"

// arch is the architecture that s stands for.
func (s StudentRecipe) arch() string {
	switch b, _ := s.Budget(); {
	case s.Arch != autoArch:
		return s.Arch
	case b.IsZero():
		return "mlp:256,128"
	}
	return "mlp"
}

// unbounded is s as a net without a budget.
func (s StudentRecipe) unbounded(arch string) StudentRecipe {
	s.Arch, s.BudgetParams, s.BudgetBytes, s.BudgetFLOPs, s.BudgetLatency = arch, "", "", "", 0
	return s
}

// searched tells whether s stands for several nets, of which the best within
// a budget is meant.
func (s StudentRecipe) searched() bool {
	b, _ := s.Budget()
	shapes, _ := models.Shapes(s.arch())
	return !b.IsZero() && len(shapes) > 1
}

// check is about the architecture and its budget.
func (s StudentRecipe) check() error {
	b, err := s.Budget()
	switch {
	case err != nil:
		return err
	case s.File() != "" && !b.IsZero():
		return fault.New(fault.Usage, "", "--student", "got %s beside a budget, expected a family such as mlp or a net by name: a file has the size that it has", s.Arch)
	case s.File() != "":
		return nil
	case b.IsZero():
		_, err = models.Find(s.arch())
	default:
		_, err = models.Shapes(s.arch())
	}
	return err
}

// overrun says by which bound c is over b the most: the flag, what it has and
// what it may have, and the ratio of these. Within all, ratio is at most 1.
func (b Budget) overrun(c Candidate) (flag, has string, ratio float64) {
	for _, q := range []struct {
		flag      string
		cost, max float64
		has       string
	}{
		{"--budget-params", float64(c.Params), float64(b.Params), fmt.Sprintf("%d parameters, expected at most %d", c.Params, b.Params)},
		{"--budget-bytes", float64(c.Bytes), float64(b.Bytes), fmt.Sprintf("a file of %d bytes, expected at most %d", c.Bytes, b.Bytes)},
		{"--budget-flops", float64(c.FLOPs), float64(b.FLOPs), fmt.Sprintf("%d operations a row, expected at most %d", c.FLOPs, b.FLOPs)},
		{"--budget-latency", float64(c.Latency), float64(b.Latency), fmt.Sprintf("a median latency of %v, expected at most %v", tidy(c.Latency), b.Latency)},
	} {
		if r := q.cost / q.max; q.max > 0 && r > ratio {
			flag, has, ratio = q.flag, q.has, r
		}
	}
	return flag, has, ratio
}

// tidy rounds a measured time to four digits or so.
func tidy(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 10_000*unit {
			return d.Round(unit)
		}
	}
}

// String names the bounds.
func (b Budget) String() string {
	var parts []string
	for _, q := range []struct {
		on   bool
		text string
	}{
		{b.Params > 0, fmt.Sprintf("%d parameters", b.Params)}, {b.Bytes > 0, fmt.Sprintf("%d bytes", b.Bytes)},
		{b.FLOPs > 0, fmt.Sprintf("%d operations a row", b.FLOPs)}, {b.Latency > 0, fmt.Sprintf("%v a row", b.Latency)},
	} {
		if q.on {
			parts = append(parts, q.text)
		}
	}
	return strings.Join(parts, ", ")
}
