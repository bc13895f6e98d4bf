package fault

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
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

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"plain ü 猫 \u00d7": "plain ü 猫 ×", `"quoted" \ kept`: `"quoted" \ kept`,
		"\x1b[2J\u009b\u202e\x00\x7f\xff\n": `\x1b[2J\u009b\u202e\x00\x7f\xff\n`,
	} {
		if got := Printable(s); got != want {
			t.Errorf("%q gave %q, want %q", s, got, want)
		}
	}
	if got := New(Input, "", "", "%s", strings.Repeat("é", 1<<20)).Error(); len(got) > 2*longest || !utf8.ValidString(got) {
		t.Errorf("a message of 2 MiB gave %d bytes", len(got))
	}
}

// TestExitCodes holds every kind to the exit code that README.md and docs/design.md
// promise; the program ends with KindOf of its error.
func TestExitCodes(t *testing.T) {
	for kind, want := range map[Kind]int{Input: 3, IO: 4, Teacher: 5, Diverged: 6, Parity: 7, Integrity: 8, Usage: 64, Interrupted: 130} {
		if got := int(KindOf(fmt.Errorf("deeper: %w", New(kind, "", "", "x")))); got != want {
			t.Errorf("kind %d ends with %d, expected %d", kind, got, want)
		}
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
