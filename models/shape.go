package models

import (
	"net/url"
	"strings"
)

// Shape is a line of nets of one family that differ in their width alone: what
// a net costs grows with it.
type Shape struct {
	Min, Max int                    // widths, from 1
	Spec     func(width int) string // what Build takes
}

// Shapes are the nets that text stands for. The name of a family without
// sizes, with options or not, such as "mlp" or "cnn?norm=1", stands for nets
// of several depths and tapers in every width; any other spec for itself alone.
// Errors are of kind Usage.
func Shapes(text string) ([]Shape, error) {
	name, query, _ := strings.Cut(text, "?")
	for _, a := range zoo {
		if a.Family != name || a.shapes == nil {
			continue
		}
		given, err := url.ParseQuery(query)
		if err != nil {
			return nil, usage("student "+text, "has options %q, expected key=value&key=value", query)
		}
		shapes := a.shapes(given)
		for i, s := range shapes {
			shapes[i].Spec = func(width int) string { return withOptions(s.Spec(width), query) }
		}
		_, err = parse(shapes[0].Spec(shapes[0].Min)) // its options
		return shapes, err
	}
	_, err := parse(text)
	return []Shape{one(text)}, err
}

// Families are the names that stand for nets of several sizes, and those of
// nets that come in one.
func Families() (names []string) {
	for _, a := range List() {
		names = append(names, a.Family)
	}
	return names
}

// withOptions adds options to those that a spec may have.
func withOptions(spec, query string) string {
	switch {
	case query == "":
		return spec
	case strings.Contains(spec, "?"):
		return spec + "&" + query
	}
	return spec + "?" + query
}

// one is the shape of a net that has no free size.
func one(spec string) Shape { return Shape{1, 1, func(int) string { return spec }} }

// Largest is the largest width that fits, where with each width that fits
// every smaller one does; ok is false where not even the smallest fits. It
// asks about twice the number of binary digits of the answer.
func (s Shape) Largest(fits func(width int) (bool, error)) (width int, ok bool, err error) {
	if ok, err = fits(s.Min); !ok || err != nil {
		return 0, false, err
	}
	lo, hi := s.Min, s.Max+1 // lo fits, hi does not
	for step := 1; lo+step < hi; step *= 2 {
		if ok, err = fits(lo + step); err != nil {
			return 0, false, err
		} else if !ok {
			hi = lo + step
			break
		}
		lo += step
	}
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if ok, err = fits(mid); err != nil {
			return 0, false, err
		} else if ok {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, true, nil
}
