package onnx

import (
	"bytes"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// A stranger is the beginning of a file that gets passed for a model and that
// no ONNX file has.
type stranger struct {
	at     int // offset of the mark; -1: after white space, letter case ignored
	mark   string
	what   string
	remedy string
}

var strangers = []stranger{
	{0, "version https://git-lfs", "a git-lfs pointer", "run git lfs pull"},
	{0, "\x89PNG", "a PNG image", ""},
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

// sniffLen is how many bytes of a file sniff wants to see.
const sniffLen = 512

// sniff refuses what is plainly something else than an ONNX model, given the
// first bytes of the file.
func sniff(head []byte) error {
	if len(head) == 0 {
		return fault.New(fault.Input, "", "", "no graph: the file is empty, expected an ONNX model")
	}
	text := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), sniffLen)], "\ufeff \t\r\n")))
	for _, s := range strangers {
		if s.match(head, text) {
			msg := "no ONNX model: it looks like " + s.what
			if s.remedy != "" {
				msg += ": " + s.remedy
			}
			return fault.New(fault.Input, "", "", "%s", msg)
		}
	}
	return nil
}

// match compares the mark with the head of a file or with its text, which is
// without leading white space and in lower case.
func (s stranger) match(head []byte, text string) bool {
	switch {
	case s.at < 0:
		return strings.HasPrefix(text, s.mark)
	case len(head) < s.at || !bytes.HasPrefix(head[s.at:], []byte(s.mark)):
		return false
	}
	// Before a mark that stands further in comes a small little-endian number,
	// so a zero; an ONNX file could have the mark inside a name.
	return s.at == 0 || head[s.at-1] == 0
}
