package main

import (
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// cacheDir is the folder of target stores and of the unpacked teacher:
// KDONNX_CACHE, else kdonnx in the user's cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("KDONNX_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.New(fault.IO, "", "KDONNX_CACHE", "no cache folder: %w; set KDONNX_CACHE to one", err)
	}
	return filepath.Join(dir, "kdonnx"), nil
}
