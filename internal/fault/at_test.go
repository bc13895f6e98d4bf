package fault

import (
	"errors"
	"testing"
)

func TestAt(t *testing.T) {
	plain := errors.New("plain")
	for _, c := range []struct {
		err  error
		want string
	}{
		{New(Input, "", "row 1", "bad"), "a.csv: row 1: bad"},
		{New(Input, "b.csv", "row 1", "bad"), "b.csv: row 1: bad"},
		{plain, "plain"},
	} {
		if got := At("a.csv", c.err); got.Error() != c.want || KindOf(got) != KindOf(c.err) {
			t.Errorf("got %v, expected %s", got, c.want)
		}
	}
	if At("a.csv", nil) != nil {
		t.Error("no error became one")
	}
}
