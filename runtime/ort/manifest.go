package ort

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// manifestName is the file beside an installed library that holds its digest.
const manifestName = "kdonnx-runtime.json"

// manifest says what Install put into a folder.
type manifest struct {
	File    string `json:"file"`
	Version string `json:"version"`
	Digest  string `json:"sha256"`
	Origin  string `json:"origin"` // how it was obtained
}

// readManifest reads the manifest in dir; ok is false when there is none.
func readManifest(dir string) (m manifest, ok bool, err error) {
	path := filepath.Join(dir, manifestName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fault.New(fault.IO, path, "", "cannot be read: %s", reason(err))
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return m, false, fault.New(fault.IO, path, "", "cannot be read: %s", reason(err))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || len(m.Digest) != 64 {
		return m, false, fault.New(fault.Integrity, path, "", "not a manifest of an installed library; %s", remedy)
	}
	return m, true, nil
}

// checkManifest compares lib with the manifest that lies beside path and
// speaks of it, if there is one. A link put in the place of an installed
// library is so judged by the manifest of that place.
func checkManifest(lib Library, path string) error {
	m, ok, err := readManifest(filepath.Dir(path))
	if err != nil || !ok || m.File != filepath.Base(path) {
		return err
	}
	if m.Digest != lib.Digest {
		return fault.New(fault.Integrity, path, "sha256", "found %s, wanted %s as installed; %s", lib.Digest, m.Digest, remedy)
	}
	return nil
}

// writeManifest records lib, which lies in dir.
func writeManifest(dir string, lib Library, origin string) error {
	raw, err := json.MarshalIndent(manifest{filepath.Base(lib.Path), lib.Version, lib.Digest, origin}, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, manifestName), append(raw, '\n'))
}
