// Package clouds is a small problem for tests: classes that are overlapping
// clouds of numbers, and the classifier that nobody can better.
package clouds

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
)

// Clouds are normal distributions of one deviation, all as frequent.
type Clouds struct {
	Centres [][]float64 // (classes, features)
	Spread  float64
}

// CSV draws n rows as a table whose features are a, b, … and whose classes are
// x, y, ….
func (c Clouds) CSV(n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	var b strings.Builder
	for f := range c.Centres[0] {
		fmt.Fprintf(&b, "%c,", 'a'+f)
	}
	b.WriteString("label\n")
	for range n {
		k := rng.IntN(len(c.Centres))
		for _, v := range c.Centres[k] {
			fmt.Fprintf(&b, "%.2f,", v+c.Spread*rng.NormFloat64())
		}
		fmt.Fprintf(&b, "%c\n", 'x'+k)
	}
	return b.String()
}

// WriteTeacher writes the optimal classifier, whose input has the given name:
// the logit of a class is (2·c·x − |c|²)/(2·Spread²), c being its centre.
func (c Clouds) WriteTeacher(path, input string) error {
	features := len(c.Centres[0])
	m, err := models.Build("linear", models.Input{Name: input, Shape: []int{features}}, len(c.Centres), 1)
	if err != nil {
		return err
	}
	net, err := student.FromModel(m, path)
	if err != nil {
		return err
	}
	scale := 2 * c.Spread * c.Spread
	for _, p := range net.Params() {
		switch {
		case !p.Trainable:
		case len(p.Dims) == 1:
			for k, centre := range c.Centres {
				p.Data[k] = 0
				for _, v := range centre {
					p.Data[k] -= float32(v * v / scale)
				}
			}
		default: // (classes, features) or (features, classes)
			for k, centre := range c.Centres {
				for f, v := range centre {
					at := k*features + f
					if p.Dims[0] == features {
						at = f*len(c.Centres) + k
					}
					p.Data[at] = float32(2 * v / scale)
				}
			}
		}
	}
	data, err := export.Bytes(net, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
