package ort

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Pinned is the version that Install gets; Oldest is the first whose interface
// this program can call.
const (
	Pinned = "1.29.0"
	Oldest = "1.24.0"
)

// remedy is the command that every library fault ends with.
const remedy = "run: kdonnx runtime install"

// Library is a libonnxruntime that was checked without being loaded.
type Library struct {
	Path    string // absolute, symbolic links resolved: the file that is loaded
	Version string // from the library's symbol versions; empty when it has none
	Digest  string // sha256 in hexadecimal
	Source  string // which place of the look-up gave it
}

// A place is one step of the look-up.
type place struct {
	source string
	paths  []string // files or folders, the first that exists counts
	named  bool     // somebody named it: nothing there is an error
	strict bool     // what is there and broken is an error, not a miss
}

// libraryNames are the file names looked for in a folder.
var libraryNames = []string{"libonnxruntime.so", "libonnxruntime.so.1"}

// pathVariables are the environment variables that name the library, in order.
var pathVariables = []string{"KDONNX_ORT_LIB", "ORT_DYLIB_PATH", "ONNXRUNTIME_SHARED_LIBRARY_PATH", "ONNXRUNTIME_LIB_PATH"}

// Find looks for ONNX Runtime: the explicit path (a file or a folder that
// holds it) and nothing else when given, then the environment variables, the
// folder of the executable, the cache that Install fills, and the system.
// It never downloads and loads nothing.
//
// A place that names a library which is not one (wrong architecture, too old,
// not a library, digest unlike its manifest) is an Integrity fault; only the
// system's folders are passed over.
func Find(explicit string) (Library, error) {
	places, err := lookup(explicit)
	if err != nil {
		return Library{}, err
	}
	var looked []string
	for _, p := range places {
		looked = append(looked, p.source)
		path, ok := p.first()
		if !ok {
			if p.named {
				return Library{}, missing(p.paths[0], p.source)
			}
			continue
		}
		lib, err := inspect(path)
		if err != nil {
			if p.strict {
				return Library{}, err
			}
			continue
		}
		lib.Source = p.source
		return lib, nil
	}
	return Library{}, fault.New(fault.Integrity, libraryNames[0], "",
		"not found, looked at %s; wanted ONNX Runtime %s or newer; %s", strings.Join(looked, ", "), Oldest, remedy)
}

// lookup lists the places in order.
func lookup(explicit string) ([]place, error) {
	if explicit != "" {
		return []place{{source: "explicit path", paths: []string{explicit}, named: true, strict: true}}, nil
	}
	var places []place
	for _, name := range pathVariables {
		if v := os.Getenv(name); v != "" {
			places = append(places, place{source: name, paths: []string{v}, named: true, strict: true})
		}
	}
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		places = append(places, place{source: "beside the executable", strict: true,
			paths: []string{dir, filepath.Join(dir, "..", "lib")}})
	}
	root, err := cacheRoot()
	if err != nil {
		return nil, err
	}
	places = append(places, place{source: "cache", paths: installed(root), strict: true})
	return append(places, place{source: "system", paths: systemFolders()}), nil
}

// first returns the first path that holds a library file.
func (p place) first() (string, bool) {
	for _, path := range p.paths {
		st, err := os.Stat(path)
		if err != nil {
			continue
		}
		if !st.IsDir() {
			return path, true
		}
		for _, name := range libraryNames {
			file := filepath.Join(path, name)
			if st, err := os.Stat(file); err == nil && !st.IsDir() {
				return file, true
			}
		}
	}
	return "", false
}

// missing is the fault of a place that was named and holds nothing.
func missing(path, source string) error {
	found := "no such file"
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		found = "a folder without " + libraryNames[0]
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		found = reason(err)
	}
	return fault.New(fault.Integrity, path, source, "found %s, wanted ONNX Runtime %s or newer; %s", found, Oldest, remedy)
}

// cacheRoot is the folder with one sub-folder a version.
func cacheRoot() (string, error) {
	dir := os.Getenv("KDONNX_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fault.New(fault.IO, "", "cache folder", "not known: %w; set KDONNX_CACHE", err)
		}
		dir = filepath.Join(base, "kdonnx")
	}
	return filepath.Join(dir, "ort"), nil
}

// installed lists the cache folders that hold a library with its manifest:
// the pinned version first, then the newest.
func installed(root string) []string {
	dirs := []string{filepath.Join(root, Pinned)}
	entries, _ := os.ReadDir(root)
	var others []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != Pinned && parseVersion(e.Name()) != nil {
			others = append(others, e.Name())
		}
	}
	slices.SortFunc(others, func(a, b string) int { return slices.Compare(parseVersion(b), parseVersion(a)) })
	for _, v := range others {
		dirs = append(dirs, filepath.Join(root, v))
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, manifestName))
		return err != nil // an installation that was cut short
	})
}

// systemFolders are the loader's usual folders.
func systemFolders() []string {
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	dirs = slices.DeleteFunc(dirs, func(d string) bool { return d == "" })
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	dirs = append(dirs, "/usr/local/lib", "/opt/onnxruntime/lib", "/usr/lib64", "/usr/lib")
	if triplet != "" {
		dirs = append(dirs, filepath.Join("/usr/lib", triplet))
	}
	return dirs
}

// inspect checks the library at path without loading it: links are resolved
// first and everything is read from, and promised for, the resolved file.
func inspect(path string) (Library, error) {
	named, err := filepath.Abs(path)
	abs := named
	if err == nil {
		abs, err = filepath.EvalSymlinks(named)
	}
	if err != nil {
		return Library{}, fault.New(fault.Integrity, path, "", "cannot be resolved: %w; %s", err, remedy)
	}
	st, err := os.Stat(abs)
	if err != nil || !st.Mode().IsRegular() {
		return Library{}, fault.New(fault.Integrity, abs, "", "found no regular file, wanted a shared library; %s", remedy)
	}
	f, err := os.Open(abs)
	if err != nil {
		return Library{}, fault.New(fault.Integrity, abs, "", "cannot be read: %s; %s", reason(err), remedy)
	}
	defer f.Close()
	version, err := checkELF(f, abs)
	if err != nil {
		return Library{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, st.Size())); err != nil {
		return Library{}, fault.New(fault.IO, abs, "", "cannot be read: %s", reason(err))
	}
	lib := Library{Path: abs, Version: version, Digest: hex.EncodeToString(h.Sum(nil))}
	if err := checkManifest(lib, named); err != nil {
		return Library{}, err
	}
	if err := checkManifest(lib, abs); err != nil {
		return Library{}, err
	}
	return lib, nil
}

// reason is the system's word for a failure, without the path it repeats.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
