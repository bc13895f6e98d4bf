package graph

import (
	"fmt"
	"math/bits"
)

// integer is c + n·N, where N ≥ 1 is the batch: what shape arithmetic computes
// with at import. A number has n = 0, a batch axis of k values a row has c = 0
// and n = k.
type integer struct{ c, n int64 }

func number(c int64) integer { return integer{c: c} }

func numbers(list []int64) []integer {
	out := make([]integer, len(list))
	for i, v := range list {
		out[i] = number(v)
	}
	return out
}

// integers is a shape as the op Shape gives it.
func (s Shape) integers() []integer {
	out := make([]integer, len(s))
	for i, d := range s {
		if d < 0 {
			out[i] = integer{n: -int64(d)}
		} else {
			out[i] = number(int64(d))
		}
	}
	return out
}

func (a integer) String() string {
	switch {
	case a.n == 0:
		return fmt.Sprint(a.c)
	case a.c == 0 && a.n == 1:
		return "N"
	case a.c == 0:
		return fmt.Sprintf("%dN", a.n)
	}
	return fmt.Sprintf("%dN%+d", a.n, a.c)
}

func integersText(list []integer) string {
	if len(list) > maxRank {
		return fmt.Sprintf("%v...", list[:maxRank])
	}
	return fmt.Sprint(list)
}

// dim is a as an axis of a Shape: a number from 0, or a multiple of the batch.
func (a integer) dim() (int, bool) {
	switch {
	case a.n == 0 && a.c >= 0 && a.c <= maxSize:
		return int(a.c), true
	case a.c == 0 && a.n > 0 && a.n <= maxSize:
		return -int(a.n), true
	}
	return 0, false
}

func addChecked(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

func mulChecked(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func (a integer) add(b integer) (integer, error) {
	c, ok := addChecked(a.c, b.c)
	n, fits := addChecked(a.n, b.n)
	if !ok || !fits {
		return a, fmt.Errorf("%v + %v overflows", a, b)
	}
	return integer{c, n}, nil
}

func (a integer) neg() (integer, error) { return a.mul(number(-1)) }

func (a integer) sub(b integer) (integer, error) {
	b, err := b.neg()
	if err != nil {
		return a, err
	}
	return a.add(b)
}

func (a integer) mul(b integer) (integer, error) {
	if a.n != 0 {
		a, b = b, a
	}
	if a.n != 0 {
		return a, fmt.Errorf("(%v)·(%v) has the square of the batch", a, b)
	}
	c, ok := mulChecked(a.c, b.c)
	n, fits := mulChecked(a.c, b.n)
	if !ok || !fits {
		return a, fmt.Errorf("%v·%v overflows", a, b)
	}
	return integer{c, n}, nil
}

// div is the quotient rounded towards 0, as ONNX divides integers, where it
// is c + n·N for every batch.
func (a integer) div(b integer) (integer, error) {
	switch {
	case b == integer{}:
		return a, fmt.Errorf("%v is divided by 0", a)
	case b == number(-1):
		return a.neg()
	case b.n == 0 && a.n == 0:
		return number(a.c / b.c), nil
	case b.n == 0 && a.n%b.c == 0 && (a.c%b.c == 0 || a.c >= 0 && a.n >= 0 && b.c > 0):
		return integer{a.c / b.c, a.n / b.c}, nil
	case b.n != 0 && a.c == 0 && b.c == 0:
		return number(a.n / b.n), nil
	}
	return a, fmt.Errorf("(%v)/(%v) is no multiple of the batch", a, b)
}

// mod is the remainder, of the sign of b, or with fmod of that of a.
func (a integer) mod(b integer, fmod bool) (integer, error) {
	switch {
	case b == integer{}:
		return a, fmt.Errorf("%v modulo 0", a)
	case b.n == 0 && a.n == 0 || b.n == 0 && a.n%b.c == 0 && !fmod || b.n == 0 && a.c == 0 && a.n%b.c == 0:
		if b.c == -1 {
			return integer{}, nil
		}
		r := a.c % b.c
		if !fmod && r != 0 && (r < 0) != (b.c < 0) {
			r += b.c
		}
		return number(r), nil
	}
	return a, fmt.Errorf("(%v) modulo (%v) depends on the batch", a, b)
}

// sign of a−b where it is the same for every batch; different says that they
// never agree.
func (a integer) sign(b integer) (sign int, different bool, err error) {
	d, err := a.sub(b)
	if err != nil {
		return 0, false, err
	}
	first, ok := addChecked(d.c, d.n) // at N = 1
	unknown := fmt.Errorf("how %v compares with %v depends on the batch", a, b)
	switch {
	case !ok:
		return 0, false, unknown
	case d.n == 0 && d.c == 0:
		return 0, false, nil
	case first > 0 && d.n >= 0:
		return 1, true, nil
	case first < 0 && d.n <= 0:
		return -1, true, nil
	case d.n != 0 && d.c%d.n != 0:
		return 0, true, unknown
	}
	return 0, false, unknown
}

// compare is 1 where want holds of the sign of a−b, else 0.
func compare(want func(sign int) bool) intBinary {
	return func(a, b integer) (integer, error) {
		s, _, err := a.sign(b)
		return boolean(want(s)), err
	}
}

func equal(a, b integer) (integer, error) {
	s, different, err := a.sign(b)
	if different {
		return integer{}, nil
	}
	return boolean(s == 0), err
}

func boolean(b bool) integer {
	if b {
		return number(1)
	}
	return integer{}
}
