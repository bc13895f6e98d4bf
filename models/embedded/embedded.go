// Package embedded holds the teacher that ships in the binary: a
// convolutional net of this project's own making that reads the 62 characters
// of dataset/glyphs. CARD.md beside it says how it was made and what it
// scores.
package embedded

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

//go:embed teacher.onnx
var teacher []byte

// Unpack puts the teacher into a folder below cache, unless it is there
// already, and returns its path. The folder is named by the teacher's digest.
func Unpack(cache string) (path string, err error) {
	sum := sha256.Sum256(teacher)
	dir := filepath.Join(cache, "embedded", hex.EncodeToString(sum[:8]))
	path = filepath.Join(dir, "teacher.onnx")
	if have, err := os.ReadFile(path); err == nil && sha256.Sum256(have) == sum {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	return path, durable.Write(path, teacher)
}
