// Package sniff says what a file is by its first bytes, for those who wanted
// another kind of file.
package sniff

import (
	"bytes"
	"strings"
)

// A mark is the beginning of a kind of file.
type mark struct {
	at     int // offset of the mark; -1: after white space, letter case ignored
	text   string
	what   string
	remedy string // how an ONNX model comes of it
}

var marks = []mark{
	{0, "version https://git-lfs", "a git-lfs pointer", "run git lfs pull"},
	{0, "\x89PNG", "a PNG image", ""},
	{0, "GIF8", "a GIF image", ""},
	{0, "\x93NUMPY", "a NumPy array", ""},
	{0, "PAR1", "a Parquet file", ""},
	{0, "\xff\xd8\xff", "a JPEG image", ""},
	{0, "%PDF", "a PDF document", ""},
	{0, "PK\x03\x04", "a ZIP archive (PyTorch .pt files are)", "export to ONNX, or unpack the .onnx in it"},
	{0, "\x1f\x8b", "a gzip archive", "unpack it"},
	{0, "\x28\xb5\x2f\xfd", "a zstd archive", "unpack it"},
	{0, "BZh", "a bzip2 archive", "unpack it"},
	{0, "\xfd7zXZ", "an xz archive", "unpack it"},
	{0, "\x80\x02", "a Python pickle (old PyTorch .pt files are)", "export to ONNX"},
	{0, "\x80\x03", "a Python pickle", "export to ONNX"},
	{0, "\x80\x04", "a Python pickle", "export to ONNX"},
	{0, "\x80\x05", "a Python pickle", "export to ONNX"},
	{0, "\x89HDF", "an HDF5 file (Keras .h5 files are)", "export to ONNX"},
	{0, "GGUF", "a GGUF model", "export to ONNX"},
	{0, "\x7fELF", "a program or shared library", ""},
	{4, "TFL3", "a TensorFlow Lite model", "convert to ONNX"},
	{4, "ORTM", "an ONNX Runtime .ort model", "use the .onnx it was made from"},
	{8, "{\"", "a safetensors file", "export to ONNX"},
	{-1, "<!doctype", "an HTML page", "download the file itself"},
	{-1, "<html", "an HTML page", "download the file itself"},
	{-1, "<head", "an HTML page", "download the file itself"},
	{-1, "<?xml", "an XML document", ""},
	{-1, "{\"", "JSON", ""},
	{-1, "{\n", "JSON", ""},
	{-1, "{ ", "JSON", ""},
	{-1, "[{", "JSON", ""},
}

// Len is how many bytes of a file What wants to see.
const Len = 512

// What names the kind of a file by its first bytes, with an article, and how
// an ONNX model comes of it. Both are empty when the kind is not known.
func What(head []byte) (what, remedy string) {
	text := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), Len)], "\ufeff \t\r\n")))
	for _, m := range marks {
		if m.match(head, text) {
			return m.what, m.remedy
		}
	}
	return "", ""
}

// match compares the mark with the head of a file or with its text, which is
// without leading white space and in lower case.
func (m mark) match(head []byte, text string) bool {
	switch {
	case m.at < 0:
		return strings.HasPrefix(text, m.text)
	case len(head) < m.at || !bytes.HasPrefix(head[m.at:], []byte(m.text)):
		return false
	}
	// Before a mark that stands further in comes a small little-endian number,
	// so a zero or, in damage, a high bit; an ONNX file could have the mark
	// inside a name.
	return m.at == 0 || head[m.at-1] == 0 || head[m.at-1] >= 0x80
}
