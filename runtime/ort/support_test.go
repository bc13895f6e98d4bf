package ort

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func newSHA256() hash.Hash { return sha256.New() }
func newSHA512() hash.Hash { return sha512.New() }

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

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
		faulttest.Want(t, err, fault.Usage, "cpu, cuda, cuda:N or auto")
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
