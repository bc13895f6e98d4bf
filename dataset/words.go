package dataset

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// wordKind is one kind of word of a text such as "shift=2 flip".
type wordKind struct{ name, want string }

// eachWord reads a text of words NAME or NAME=VALUE, each kind once, and returns
// it in its one form. read takes in a word of the i-th kind, given telling whether
// there was a "=", and says whether it is as the kind wants it. what names the
// text in faults.
func eachWord(what, text string, kinds []wordKind, read func(i int, word, value string, given bool) bool) (string, error) {
	words := strings.Fields(text)
	seen := make([]bool, len(kinds))
	for _, word := range words {
		bad := func(want string) (string, error) {
			return "", fault.New(fault.Usage, "", what+" "+strconv.Quote(text), "got %q, expected %s", word, want)
		}
		name, value, given := strings.Cut(word, "=")
		i := slices.IndexFunc(kinds, func(k wordKind) bool { return k.name == name })
		if i < 0 {
			names := make([]string, len(kinds))
			for i, k := range kinds {
				names[i] = k.name
			}
			return bad("one of " + strings.Join(names, ", "))
		}
		if seen[i] {
			return bad(name + " once")
		}
		seen[i] = true
		if !read(i, word, value, given) {
			return bad(kinds[i].want)
		}
	}
	return strings.Join(words, " "), nil
}
