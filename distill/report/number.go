package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Number is a float64 whose JSON is null when it is NaN or infinite.
type Number float64

// MarshalJSON writes a finite number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !finite(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads a number, or null as NaN.
func (n *Number) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// none stands for a number that there is not.
const none = "–"

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// clean replaces what no HTML file may hold or what could reorder a line:
// control characters, text-direction marks and broken UTF-8.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == 0xfffe, r == 0xffff:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// shorten cuts s to n characters, the last an ellipsis.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// thousands groups digits: 1234567 is "1,234,567".
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(int64(n)) + " " + what
}

func percent(x float64, digits int) string {
	if !finite(x) {
		return none
	}
	return strconv.FormatFloat(100*x, 'f', digits, 64) + " %"
}

// general prints x in four significant digits.
func general(x float64) string {
	if !finite(x) {
		return none
	}
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e7) {
		return scientific(x, 3)
	}
	if math.Abs(x) >= 1e4 {
		return thousands(int64(math.Round(x)))
	}
	return minus(strconv.FormatFloat(x, 'g', 4, 64))
}

// setting prints x in the fewest digits that give it back.
func setting(x float64) string {
	if !finite(x) {
		return none
	}
	return minus(strconv.FormatFloat(x, 'g', -1, 64))
}

// scientific prints x in at most digits significant ones with a power of ten.
func scientific(x float64, digits int) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', digits-1, 64), "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	e, _ := strconv.Atoi(exponent)
	return minus(fmt.Sprintf("%se%d", mantissa, e))
}

func minus(s string) string {
	return strings.ReplaceAll(s, "-", "−")
}

func pValue(p float64) string {
	switch {
	case !finite(p):
		return "is not known"
	case p == 0:
		return "<\u00a01e−300"
	case p < 1e-3:
		return "=\u00a0" + scientific(p, 2)
	}
	return "=\u00a0" + strconv.FormatFloat(p, 'g', 2, 64)
}

// magnitude prints a count in steps of base: 1.24 M.
func magnitude(x float64, base float64, units ...string) string {
	if !finite(x) || x <= 0 {
		return none
	}
	i := 0
	for x >= base && i < len(units)-1 {
		x /= base
		i++
	}
	s := strconv.FormatFloat(x, 'g', 3, 64)
	if x >= 100 {
		s = strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strings.TrimSpace(s + " " + units[i])
}

func count(n int64) string { return magnitude(float64(n), 1000, "", "k", "M", "G", "T", "P") }
func size(n int64) string  { return magnitude(float64(n), 1024, "B", "KiB", "MiB", "GiB", "TiB") }

// seconds prints a duration to three digits.
func seconds(s float64) string {
	switch {
	case !finite(s) || s < 0:
		return none
	case s < 1:
		return fmt.Sprintf("%.3g ms", 1000*s)
	case s < 120:
		return fmt.Sprintf("%.3g s", s)
	case s < 7200:
		return fmt.Sprintf("%d min %02d s", int(s)/60, int(s)%60)
	case s < 1e9:
		return fmt.Sprintf("%s h %02d min", thousands(int64(s)/3600), int64(s)/60%60)
	}
	return general(s) + " s"
}
