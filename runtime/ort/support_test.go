package ort

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func newSHA256() hash.Hash { return sha256.New() }
func newSHA512() hash.Hash { return sha512.New() }

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// wantFault requires an error of that kind, in one line, holding all parts.
func wantFault(t *testing.T, err error, kind fault.Kind, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one of kind %d with %q", kind, parts)
	}
	if fault.KindOf(err) != kind || strings.Contains(err.Error(), "\n") {
		t.Errorf("kind %d, want %d: %v", fault.KindOf(err), kind, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q is not in: %v", p, err)
		}
	}
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"Error running network: a\n\tb  c ":                                      "a b c",
		"Error creating C session from file: Error loading temporary session: x": "x",
		"Status Message: /build/onnxruntime/core/x.cc:12 virtual OrtValue* onnxruntime::A::B(int, const onnxruntime::S&) [ONNXRuntimeError] : 2": "Status Message: [ONNXRuntimeError] : 2",
		strings.Repeat("é", 200): strings.Repeat("é", 150) + "…",
	} {
		if got := cleanText(in); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", in, got, want)
		}
	}
}

func TestParseProvider(t *testing.T) {
	for in, want := range map[string]provider{
		"": {}, "cpu": {}, "cuda": {cuda: true}, "cuda:3": {cuda: true, device: 3}, "auto": {cuda: true, fallback: true},
	} {
		if got, err := parseProvider(in); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"gpu", "cuda:", "cuda:-1", "cuda:x", "auto:1", "CPU"} {
		_, err := parseProvider(in)
		wantFault(t, err, fault.Usage, "cpu, cuda, cuda:N or auto")
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int64
		n     int64
		ok    bool
	}{
		{nil, 1, true}, {[]int64{0, 1 << 40, 1 << 40}, 0, false}, {[]int64{0, 5}, 0, true}, {[]int64{2, 3}, 6, true},
		{[]int64{-1, 2}, 0, false}, {[]int64{1 << 32, 1 << 32}, 0, false}, {[]int64{1 << 62}, 0, false},
	} {
		if n, ok := elements(c.shape); n != c.n || ok != c.ok {
			t.Errorf("%v: got %d, %v", c.shape, n, ok)
		}
	}
}
