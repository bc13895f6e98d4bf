package ort

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// InstallOptions say where the library comes from and where it goes.
type InstallOptions struct {
	// From is a library, an archive (.tgz) that holds one, or the URL of
	// either. Empty tries the official release archive, then the
	// onnxruntime-node package through the npm client, both of the Pinned
	// version and checked against digests compiled in.
	From string
	// Dir is the folder that gets the library and its manifest. Empty is the
	// cache folder of the library's version, where Find looks.
	Dir string
	// Log gets a line for each step; nil is silent.
	Log func(string)
}

// Install puts a checked ONNX Runtime library into the cache, durably and in
// one step, with a manifest of its digest. It returns at once when the pinned
// version is there already and right. Only one installer works at a time;
// others wait.
//
// A pinned digest that does not match, a damaged archive or one without a
// library for this machine is an Integrity fault; no network is IO.
func Install(ctx context.Context, o InstallOptions) (Library, error) {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	root := o.Dir
	if root == "" {
		var err error
		if root, err = cacheRoot(); err != nil {
			return Library{}, err
		}
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return Library{}, fault.New(fault.IO, root, "", "cannot be created: %s", reason(err))
	}
	lock, err := waitLock(ctx, filepath.Join(root, ".lock"), o.Log)
	if err != nil {
		return Library{}, err
	}
	defer lock.Unlock()
	target := func(version string) string {
		if o.Dir != "" {
			return o.Dir
		}
		return filepath.Join(root, version)
	}
	if o.From == "" {
		if lib, ok := already(target(Pinned)); ok {
			o.Log("already installed: " + lib.Path)
			return lib, nil
		}
	}
	stage, err := os.MkdirTemp("", "kdonnx-install-")
	if err != nil {
		return Library{}, fault.New(fault.IO, os.TempDir(), "", "no room to work in: %s", reason(err))
	}
	defer os.RemoveAll(stage)
	staged, origin, err := fetch(ctx, o, stage)
	if err != nil {
		return Library{}, err
	}
	if staged.Version == "" {
		return Library{}, fault.New(fault.Integrity, staged.Path, "", "its symbols carry no version, wanted ONNX Runtime %s or newer", Oldest)
	}
	return settle(staged, target(staged.Version), origin, o.Log)
}

// already returns the library in dir when its manifest vouches for it.
func already(dir string) (Library, bool) {
	if _, ok, err := readManifest(dir); err != nil || !ok {
		return Library{}, false
	}
	lib, err := inspect(filepath.Join(dir, libraryNames[0]))
	lib.Source = "cache"
	return lib, err == nil && lib.Version == Pinned
}

// settle copies the staged library into dir and records it.
func settle(staged Library, dir, origin string, log func(string)) (Library, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Library{}, fault.New(fault.IO, dir, "", "cannot be created: %s", reason(err))
	}
	if err := durable.Clean(dir, nil); err != nil {
		return Library{}, err
	}
	src, err := os.Open(staged.Path)
	if err != nil {
		return Library{}, fault.New(fault.IO, staged.Path, "", "cannot be read: %s", reason(err))
	}
	defer src.Close()
	path := filepath.Join(dir, libraryNames[0])
	err = durable.WriteFile(durable.OS{}, path, func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
	if err != nil {
		return Library{}, err
	}
	staged.Path = path
	if err := writeManifest(dir, staged, origin); err != nil {
		return Library{}, err
	}
	lib, err := inspect(path)
	if err != nil {
		return Library{}, err
	}
	lib.Source = "cache"
	log("installed ONNX Runtime " + lib.Version + ": " + lib.Path)
	return lib, nil
}

// waitLock takes the installer's lock, waiting for another to finish.
func waitLock(ctx context.Context, path string, log func(string)) (*durable.Lock, error) {
	for waited := false; ; waited = true {
		lock, err := durable.TryLock(path)
		if !errors.Is(err, durable.ErrInUse) {
			return lock, err
		}
		if !waited {
			log("waiting for another installation: " + err.Error())
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Interrupted, path, "", "installation stopped while waiting: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
