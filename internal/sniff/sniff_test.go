package sniff

import "testing"

func TestWhat(t *testing.T) {
	for head, want := range map[string]string{
		"": "", "\x08\x08\x12\x06kdonnx": "", "a,b\n1,2\n": "",
		"version https://git-lfs.github.com/spec/v1\n": "a git-lfs pointer",
		"\ufeff \n<!DOCTYPE html><title>404":           "an HTML page",
		"\x3a\x00\x00\x00\x00\x00\x00\x00{\"w\":":      "a safetensors file",
		"\x00\x00\x00\x00\x00\x00\x00\x80{\"w\":":      "a safetensors file", // of 2^63 bytes
		"\x08\x08\x12\x05abcd{\"w\":":                  "",                   // the mark inside a name
		"\x93NUMPY\x01\x00":                            "a NumPy array",
		"\x1c\x00\x00\x00TFL3":                         "a TensorFlow Lite model",
		"\x1c\x00\x00":                                 "",
	} {
		if got, _ := What([]byte(head)); got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
}
