package distill

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// choose lists the classes that get a bias; prior is NaN of those that it says
// nothing of, and is made to sum to 1 where it is rounded.
func (c *recalibrating) choose(prior []float64) (chosen []int, err error) {
	asked := c.o.Classes
	all := make([]int, c.classes)
	for k := range all {
		all[k] = k
	}
	switch {
	case len(asked) == 1 && asked[0] == "all":
		chosen = all
	case len(asked) > 0:
		if chosen, err = classNumbers(asked, c.names, c.classes); err != nil {
			return nil, fault.New(fault.Usage, "", "--classes", "%w", err)
		}
	case c.explicit:
		chosen = slices.DeleteFunc(all, func(k int) bool { return math.IsNaN(prior[k]) })
	default:
		if chosen, err = c.rare(prior); err != nil {
			return nil, err
		}
	}
	var sum float64
	for _, k := range chosen {
		if p := prior[k]; !(p > 0 && p < 1) {
			what := fmt.Sprintf("gives class %q the share %v, expected one above 0 and below 1", c.name(k), p)
			if math.IsNaN(p) {
				what = fmt.Sprintf("says nothing of class %q", c.name(k))
			}
			return nil, fault.New(fault.Usage, "", "--prior", "%s %s", c.o.Prior, what)
		}
		sum += prior[k]
	}
	if len(chosen) == c.classes && math.Abs(sum-1) < 1e-3 {
		for k := range prior {
			prior[k] /= sum
		}
	}
	return chosen, nil
}

// rare are the classes that, as the student says of itself, its transfer set
// had less of than rareShare times their prior.
func (c *recalibrating) rare(prior []float64) (chosen []int, err error) {
	field := "metadata " + export.MetaPrefix + sharesKey
	m := c.st.Model()
	text, ok := m.Meta(export.MetaPrefix + sharesKey)
	if !ok {
		return nil, fault.New(fault.Usage, c.o.Model.Model, "--classes", "missing: the file does not say which classes its transfer set lacked; name them, or all")
	}
	share, err := splitNumbers(text, c.classes)
	if err != nil {
		return nil, fault.New(fault.Input, c.o.Model.Model, field, "%w", err)
	}
	for k, s := range share {
		if s < rareShare*prior[k] {
			chosen = append(chosen, k)
		}
	}
	if chosen == nil {
		return nil, fault.New(fault.Usage, c.o.Model.Model, "--classes", "missing: no class had less than a tenth of its prior in the transfer set; name some, or all")
	}
	return chosen, nil
}
