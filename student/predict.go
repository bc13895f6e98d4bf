package student

import (
	"context"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/graph"
)

// predictRows are the batch sizes that Predict cuts its rows into, largest
// first. A row's bits are the same in each of them.
var predictRows = []int{128, 32, 8, 1}

// Predict puts the outputs (n, Classes) of the rows x (n, InputShape) into
// out, in inference mode. A row's result does not depend on the rows around
// it, nor on how many there are. A row that holds what the graph does not take,
// such as a token that an embedding does not have, is an error of kind Input.
//
// Each call takes the weights as they are then; who calls it often with few
// rows is faster with a Predictor.
func (s *Student) Predict(ctx context.Context, x []float32, n int, out []float32) error {
	return s.Predictor().Predict(ctx, x, n, out)
}

// A Predictor predicts with the weights that the student had when it was made:
// it keeps them in the form that inference works fastest with. It is of no use
// once they have changed, and for one goroutine at a time with its student.
type Predictor struct {
	s     *Student
	ready map[*graph.Plan]bool // prepared since the Predictor was made
}

// Predictor makes a Predictor.
func (s *Student) Predictor() *Predictor { return &Predictor{s, map[*graph.Plan]bool{}} }

// Predict is Student.Predict.
func (p *Predictor) Predict(ctx context.Context, x []float32, n int, out []float32) error {
	s, row := p.s, p.s.rowSize()
	if n < 0 || len(x) != n*row || len(out) != n*s.classes {
		return fault.New(fault.Input, s.g.Name, "Predict", "got %d values in and %d out for %d rows, expected %d and %d", len(x), len(out), n, n*row, n*s.classes)
	}
	for at := 0; at < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := 1
		for _, size = range predictRows {
			if size <= n-at {
				break
			}
		}
		plan, err := s.plan(size)
		if err != nil {
			return err
		}
		if !p.ready[plan] {
			plan.Prepare()
			p.ready[plan] = true
		}
		plan.Forward(x[at*row : (at+size)*row])
		if err := plan.Err(); err != nil {
			return named(err, s.g.Name)
		}
		copy(out[at*s.classes:(at+size)*s.classes], plan.Output(0))
		at += size
	}
	return nil
}

// plan is the inference plan for batches of n rows, made once.
func (s *Student) plan(n int) (*graph.Plan, error) {
	if p := s.plans[n]; p != nil {
		return p, nil
	}
	p, err := s.g.NewPlan(n, nil)
	if err == nil {
		s.plans[n] = p
	}
	return p, err
}
