package dataset

import (
	"math"
	"strings"
	"unicode"
)

// HashText puts the features of a text into x, overwriting it: signed feature
// hashing (Weinberger et al. 2009) of its words and of the runs of three
// characters in them, in length 1. A word is a run of letters and digits, in
// lower case; its runs of three include its ends, as '<' and '>'. Each is
// hashed by FNV-1a in 64 bits: the upper bit is the sign, the rest modulo
// len(x) the feature. A text without words is all 0.
func HashText(x []float32, text string) {
	clear(x)
	add := func(kind byte, token string) {
		h := uint64(14695981039346656037)
		h = (h ^ uint64(kind)) * 1099511628211
		for i := range len(token) {
			h = (h ^ uint64(token[i])) * 1099511628211
		}
		sign := float32(1)
		if h>>63 != 0 {
			sign = -1
		}
		x[h<<1>>1%uint64(len(x))] += sign
	}
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		add('w', word)
		ends := "<" + word + ">"
		at := [4]int{} // where the last runes begin
		n := 0
		for i := range ends {
			at[0], at[1], at[2], at[3] = at[1], at[2], at[3], i
			if n++; n > 3 {
				add('c', ends[at[0]:at[3]])
			}
		}
		if n >= 3 {
			add('c', ends[at[1]:])
		}
	}
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / math.Sqrt(sum))
	}
}
