package glob

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.bias", "fc1.bias", true}, {"*.bias", "block/0/fc1.bias", true}, {"block/*", "block/0/fc1", true},
		{"fc?", "fc1", true}, {"fc?", "fc/1", false}, {"fc[1-2]", "fc2", true}, {"fc[1-2]", "fc3", false}, {"fc", "fc1", false},
	} {
		if got, err := Match(c.pattern, c.name); got != c.want || err != nil {
			t.Errorf("%q with %q: %v, %v; want %v", c.pattern, c.name, got, err, c.want)
		}
	}
	if _, err := Match("[", "x"); err == nil {
		t.Error("a pattern that is none matches")
	}
}
