package models

import "slices"

// Widened are the nets that differ from the one that text names by a factor on
// all of its widths: of mlp:64,32 those of two layers of which the first is
// twice as wide as the second, as near as whole numbers come. What has no
// widths to scale, such as lenet, is an error of kind Usage.
func Widened(text string) (Shape, error) {
	s, err := parse(text)
	if err != nil {
		return Shape{}, err
	}
	if s.arch.widened != nil {
		if shape := s.arch.widened(s); shape.Spec != nil {
			return shape, nil
		}
	}
	return Shape{}, usage(s.field(), "has no widths that could be scaled, expected sizes, such as mlp:64,32 or cnn:16,32")
}

// inProportion are the nets whose widths are to one another as the given ones;
// the width of the shape is the largest of them. Without any it is the zero
// Shape.
func inProportion(widths []int, spec func(widths []int) string) Shape {
	if len(widths) == 0 {
		return Shape{}
	}
	largest := slices.Max(widths)
	return Shape{1, maxWidth, func(width int) string {
		scaled := make([]int, len(widths))
		for i, w := range widths {
			scaled[i] = max(1, (2*w*width+largest)/(2*largest)) // w·width/largest, rounded
		}
		return spec(scaled)
	}}
}

// Nearest is the net of s whose number of trained parameters comes nearest to
// params, for rows like in; of two that are as near, the smaller.
func (s Shape) Nearest(params int64, in Input, classes int) (spec string, cost Cost, err error) {
	if cost, err = Measure(s.Spec(s.Min), in, classes); err != nil {
		return "", cost, err
	}
	width, ok, err := s.Largest(func(width int) (bool, error) {
		c, err := Measure(s.Spec(width), in, classes)
		return err == nil && c.Params <= params, nil // what is too large to build is too large
	})
	if err != nil {
		return "", cost, err
	}
	if !ok {
		return s.Spec(s.Min), cost, nil
	}
	if cost, err = Measure(s.Spec(width), in, classes); err != nil {
		return "", cost, err
	}
	if width < s.Max {
		if wider, err := Measure(s.Spec(width+1), in, classes); err == nil && wider.Params-params < params-cost.Params {
			return s.Spec(width + 1), wider, nil
		}
	}
	return s.Spec(width), cost, nil
}
