package fault

import "testing"

// TestNearest finds what was meant, and nothing for a word that is like none.
func TestNearest(t *testing.T) {
	words := []string{"temperature", "temperatures", "teacher", "alpha", "seed", "seeds"}
	for word, want := range map[string]string{
		"temprature": "temperature", "temperatrue": "temperature", "teachr": "teacher", "aplha": "", "alfa": "", "alphaa": "alpha", "sed": "seed", "t": "", "": "", "losses": "",
		"temp": "temperature", "tea": "teacher", "se": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q is taken for %q, expected %q", word, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"", "abc", 3}, {"abc", "", 3}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance of %q and %q is %d, expected %d", c.a, c.b, got, c.want)
		}
	}
}
