package store

import "testing"

// TestContent holds that stores of one key are told apart by what they hold:
// a training run must not go on with targets that only look the same.
func TestContent(t *testing.T) {
	content := func(nudge float32) string {
		ids := rowsOf(10)
		w, err := Create(t.TempDir(), testKey(), gathered(ids), 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range w.Missing() {
			logits := logitsOf(w.Positions(nil, m.Index))
			if m.Index == 2 {
				logits[0] += nudge
			}
			if err := w.WriteShard(m.Index, logits); err != nil {
				t.Fatal(err)
			}
		}
		s, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Content()
	}
	if content(0) != content(0) {
		t.Error("equal targets have two contents")
	}
	if content(0) == content(0.25) {
		t.Error("a changed target has the same content")
	}
}
