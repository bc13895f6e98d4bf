package loss

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// standardPrefix before a loss's name standardises the logits by row.
const standardPrefix = "std+"

// baseName is the registered name in the name of a loss with what may stand
// around it.
func baseName(text string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, standardPrefix), ":")
	return name
}

// parse reads a loss's name with what may stand around it, see New, into s.
func (s *Settings) parse(text string) (Entry, error) {
	bad := func(format string, args ...any) (Entry, error) {
		return Entry{}, fault.New(fault.Usage, "", "--loss", "got %q, "+format, append([]any{text}, args...)...)
	}
	_, own, given := strings.Cut(text, ":")
	standard := strings.HasPrefix(text, standardPrefix)
	name := baseName(text)
	e, known := registry[name]
	if !known {
		return bad("want one of %s", names(Entries()))
	}
	if standard && !e.Standardisable {
		return bad("but %s has no softened logits to standardise, want one of %s", name, names(slices.DeleteFunc(Entries(), func(e Entry) bool { return !e.Standardisable })))
	}
	s.Standardise = standard
	s.Own = map[string]float64{}
	for _, o := range e.Own {
		s.Own[o.Name] = o.Default
	}
	if !given {
		return e, nil
	}
	for part := range strings.SplitSeq(own, ",") {
		key, value, _ := strings.Cut(part, "=")
		v, err := strconv.ParseFloat(value, 64)
		if _, has := s.Own[key]; !has || err != nil || !(v >= 0 && v <= MaxWeight) {
			var want []string
			for _, o := range e.Own {
				want = append(want, o.Name+"="+number(o.Default))
			}
			if want == nil {
				return bad("but %s has no numbers of its own", name)
			}
			return bad("want numbers from 0 to 1e6 behind the colon, as in %s:%s", name, strings.Join(want, ","))
		}
		s.Own[key] = v
	}
	return e, nil
}
