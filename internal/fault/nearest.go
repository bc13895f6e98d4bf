package fault

import (
	"slices"
	"strings"
)

// Nearest is the word of those given that word is most likely a misspelling
// of: a third of its letters or fewer are added, left out or exchanged for
// others (Levenshtein 1966), or else it is the beginning of it, of several the
// shortest. It is empty where there is none.
func Nearest(word string, among []string) string {
	best, least := "", len(word)/3+1
	for _, w := range among {
		if d := distance(word, w); d > 0 && d < least {
			best, least = w, d
		}
	}
	if best != "" || len(word) < shortestBeginning {
		return best
	}
	for _, w := range among {
		if len(w) > len(word) && strings.HasPrefix(w, word) && (best == "" || len(w) < len(best)) {
			best = w
		}
	}
	return best
}

// shortestBeginning is how many letters of a word say which is meant.
const shortestBeginning = 3

// distance is the least number of letters to add, leave out or exchange that
// makes b of a.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range before {
		before[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := before[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = slices.Min([]int{change, before[j+1] + 1, row[j] + 1})
		}
		before, row = row, before
	}
	return before[len(b)]
}
