package fault

import (
	"fmt"
	"io"
	"testing"
)

func TestError(t *testing.T) {
	cause := io.ErrUnexpectedEOF
	err := New(Input, "teacher.onnx", `graph input "x"`, "got rank %d, want %d: %w", 4, 2, cause)
	if got, want := err.Error(), `teacher.onnx: graph input "x": got rank 4, want 2: unexpected EOF`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err.Unwrap() != cause {
		t.Errorf("cause %v", err.Unwrap())
	}
	if got := New(IO, "a\nb", "", "x").Error(); got != `a\nb: x` {
		t.Errorf("a line feed in a name gave %q", got)
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{New(Parity, "", "", "x"), Parity},
		{fmt.Errorf("while exporting: %w", New(Usage, "", "", "x")), Usage},
		{io.EOF, IO},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v: kind %d, want %d", c.err, got, c.want)
		}
	}
}
