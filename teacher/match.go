package teacher

import (
	"slices"
	"strings"
	"unicode"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// match finds the columns of several inputs: by their names, else in their
// order, each as many as it is declared to take. It is nil when they do not
// come out even.
func (p *planner) match(infos []ort.Info, columns []column) (chosen [][]column, why string) {
	chosen = make([][]column, len(infos))
	var rest []int
	left := slices.Clone(columns)
	for i, in := range infos {
		if chosen[i] = named(in, left); chosen[i] == nil {
			rest = append(rest, i)
			continue
		}
		left = slices.DeleteFunc(left, func(c column) bool { return slices.Contains(chosen[i], c) })
	}
	if len(rest) == 0 {
		return chosen, "by their names"
	}
	if len(rest) < len(infos) {
		others := make([]ort.Info, len(rest))
		for k, i := range rest {
			others[k] = infos[i]
		}
		if by := p.inOrder(others, left); by != nil {
			for k, i := range rest {
				chosen[i] = by[k]
			}
			return chosen, "by their names, and in their order where the names differ"
		}
	}
	if chosen = p.inOrder(infos, columns); chosen != nil {
		return chosen, "in their order, for the names differ"
	}
	return nil, ""
}

// named is what goes by the name of an input: one column, or as many as it
// takes whose names begin with its.
func named(in ort.Info, columns []column) []column {
	w := width(in)
	if i := find(columns, in); i >= 0 && (w == 1 || w < 0) {
		return slices.Clone(columns[i : i+1])
	}
	var out []column
	prefix := strings.ToLower(in.Name)
	for _, c := range columns {
		if rest, ok := strings.CutPrefix(strings.ToLower(c.name), prefix); ok && rest != "" && !unicode.IsLetter(rune(rest[0])) && c.fits(in.DType) {
			out = append(out, c)
		}
	}
	if len(out) > 0 && (len(out) == w || w < 0) {
		return out
	}
	return nil
}

// find is the column that has an input's name: as written, whatever the case,
// or by its letters and digits alone. It is -1 when there is none that fits.
func find(columns []column, in ort.Info) int {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return -1
			}
			return unicode.ToLower(r)
		}, s)
	}
	for _, same := range []func(a, b string) bool{
		func(a, b string) bool { return a == b }, strings.EqualFold,
		func(a, b string) bool { return plain(a) == plain(b) && plain(a) != "" },
	} {
		if i := slices.IndexFunc(columns, func(c column) bool { return same(c.name, in.Name) && c.fits(in.DType) }); i >= 0 {
			return i
		}
	}
	return -1
}

// width is the number of values that an input takes of a row, -1 where it may
// be any. The first axis is the batch's.
func width(in ort.Info) int {
	if len(in.Shape) == 0 {
		return -1
	}
	w := int64(1)
	for _, d := range in.Shape[1:] {
		if d < 0 {
			return -1
		}
		if w *= max(d, 1); w > 1<<24 {
			return 1 << 24
		}
	}
	return int(w)
}

// inOrder deals the columns out to the inputs in their order: all columns when
// each input takes one, else numbers to inputs of numbers and texts to those of
// strings, else features to inputs of numbers.
func (p *planner) inOrder(infos []ort.Info, columns []column) [][]column {
	if by := deal(infos, columns); by != nil {
		return by
	}
	var kinds [2]struct {
		at      []int
		infos   []ort.Info
		columns []column
	}
	for i, in := range infos {
		k := &kinds[0]
		if in.DType == onnx.String {
			k = &kinds[1]
		}
		k.at, k.infos = append(k.at, i), append(k.infos, in)
	}
	for _, c := range columns {
		k := &kinds[0]
		if !c.number() {
			k = &kinds[1]
		}
		k.columns = append(k.columns, c)
	}
	out := make([][]column, len(infos))
	for _, k := range kinds {
		by := deal(k.infos, k.columns)
		if by == nil {
			out = nil
			break
		}
		for j, i := range k.at {
			out[i] = by[j]
		}
	}
	if out == nil && len(kinds[1].infos) == 0 {
		return deal(infos, features(p.spec))
	}
	return out
}

// deal gives each input as many columns as it takes, in order, all of which
// must fit and none be left. One input that takes any number has what the
// others leave; of several each has one.
func deal(infos []ort.Info, columns []column) [][]column {
	fixed, free := 0, 0
	for _, in := range infos {
		if w := width(in); w < 0 {
			free++
		} else {
			fixed += w
		}
	}
	each := 1
	if free == 1 {
		each = len(columns) - fixed
	}
	if each < 1 || fixed+free*each != len(columns) {
		return nil
	}
	out := make([][]column, len(infos))
	for i, in := range infos {
		w := width(in)
		if w < 0 {
			w = each
		}
		out[i], columns = columns[:w:w], columns[w:]
		if slices.ContainsFunc(out[i], func(c column) bool { return !c.fits(in.DType) }) {
			return nil
		}
	}
	return out
}
