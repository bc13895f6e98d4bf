//go:build linux

package ort

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// stub compiles a shared library that is not ONNX Runtime, though it exports
// its entry point under the given symbol version.
func stub(t *testing.T, version, body string) string {
	t.Helper()
	dir := t.TempDir()
	src, script, so := filepath.Join(dir, "stub.c"), filepath.Join(dir, "stub.map"), filepath.Join(dir, "libonnxruntime.so")
	write(t, src, body)
	write(t, script, "VERS_"+version+" { global: *; };\n")
	cmd := exec.Command("gcc", "-shared", "-fPIC", "-o", so, src, "-Wl,--version-script="+script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("these tests need gcc: %v: %s", err, out)
	}
	return so
}

const (
	nullStub  = "void *OrtGetApiBase(void) { return 0; }\n"
	crashStub = "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }\n" + nullStub
	exitStub  = "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { exit(0); }\n" + nullStub
	otherStub = "int something_else(void) { return 0; }\n"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// alone takes every place of the look-up away but those that a test adds, and
// returns the cache folder.
func alone(t *testing.T) string {
	t.Helper()
	for _, v := range append(pathVariables, "LD_LIBRARY_PATH") {
		t.Setenv(v, "")
	}
	cache := t.TempDir()
	t.Setenv("KDONNX_CACHE", cache)
	return cache
}

func TestFindRefuses(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good := stub(t, "1.29.0", nullStub)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(raw)
	binary.LittleEndian.PutUint16(foreign[18:], 8) // EM_MIPS
	program := bytes.Clone(raw)
	binary.LittleEndian.PutUint16(program[16:], 2) // ET_EXEC
	write(t, at("foreign.so"), string(foreign))
	write(t, at("program.so"), string(program))
	write(t, at("text.so"), "<html>not found</html>")
	write(t, at("empty.so"), "")
	write(t, at("short.so"), string(raw[:100]))
	write(t, at("cut.so"), string(raw[:len(raw)/2]))
	if err := os.Symlink(at("nowhere"), at("dangling.so")); err != nil {
		t.Fatal(err)
	}
	for path, found := range map[string]string{
		at("absent.so"):                    "no such file",
		at("dangling.so"):                  "no such file",
		dir:                                "a folder without libonnxruntime.so",
		at("foreign.so"):                   "found a library for EM_MIPS, wanted EM_",
		at("program.so"):                   "found ELF type ET_EXEC",
		at("text.so"):                      `found "<htm"`,
		at("empty.so"):                     "wanted an ELF shared library",
		at("short.so"):                     "damaged ELF file",
		at("cut.so"):                       "kdonnx runtime install",
		stub(t, "1.23.2", nullStub):        `found ONNX Runtime "1.23.2", wanted 1.24.0 or newer`,
		stub(t, "1.29.0", otherStub):       "without the symbol OrtGetApiBase",
		"/dev/null":                        "no regular file",
		"/proc/self/mem/libonnxruntime.so": "",
	} {
		_, err := Find(path)
		faulttest.Want(t, err, fault.Integrity, path, found, "kdonnx runtime install")
		t.Setenv("KDONNX_ORT_LIB", path)
		_, err = Find("")
		faulttest.Want(t, err, fault.Integrity, path, found)
		t.Setenv("KDONNX_ORT_LIB", "")
	}
	for n := 0; n < len(raw); n += 97 { // no panic, no success on any cut
		if _, err := checkELF(bytes.NewReader(raw[:n]), "cut"); err == nil && n < len(raw)/2 {
			t.Errorf("accepts %d of %d bytes", n, len(raw))
		}
	}
}

func TestFindOrder(t *testing.T) {
	cache := alone(t)
	installed := func(version string) string {
		dir := filepath.Join(cache, "ort", version)
		if _, err := Install(context.Background(), InstallOptions{From: stub(t, version, nullStub)}); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "libonnxruntime.so")
	}
	expect := func(path, source string) {
		t.Helper()
		lib, err := Find("")
		if err != nil {
			t.Fatal(err)
		}
		if real, _ := filepath.EvalSymlinks(path); lib.Path != real || lib.Source != source || len(lib.Digest) != 64 {
			t.Errorf("got %+v, want %s from %s", lib, path, source)
		}
	}
	system := stub(t, "1.25.0", nullStub)
	t.Setenv("LD_LIBRARY_PATH", "/nowhere:"+filepath.Dir(system))
	expect(system, "system")
	expect(installed("1.24.1"), "cache")
	expect(installed("1.30.0"), "cache") // the newest of the cache
	expect(installed(Pinned), "cache")   // but the pinned version first
	for i := len(pathVariables) - 1; i >= 0; i-- {
		path := stub(t, "1.26.0", nullStub)
		if i%2 == 1 {
			path = filepath.Dir(path) // a folder will do
		}
		t.Setenv(pathVariables[i], path)
		expect(strings.TrimSuffix(path, "/libonnxruntime.so")+"/libonnxruntime.so", pathVariables[i])
	}
	explicit := stub(t, "1.27.0", nullStub)
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.Symlink(explicit, link); err != nil {
		t.Fatal(err)
	}
	lib, err := Find(link)
	if err != nil || lib.Path != explicit || lib.Version != "1.27.0" || lib.Source != "explicit path" {
		t.Errorf("got %+v, %v", lib, err)
	}
}

func TestFindNothing(t *testing.T) {
	alone(t)
	for _, dir := range systemFolders() {
		if _, ok := (place{paths: []string{dir}}).first(); ok {
			t.Skipf("this machine has a libonnxruntime in %s", dir)
		}
	}
	_, err := Find("")
	faulttest.Want(t, err, fault.Integrity, "not found", "cache", "system", "1.24.0 or newer", "run: kdonnx runtime install")
}

// TestFindDigest requires that an installed library that changed is refused,
// also when it was exchanged for a link.
func TestFindDigest(t *testing.T) {
	alone(t)
	lib, err := Install(context.Background(), InstallOptions{From: stub(t, Pinned, nullStub)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(lib.Path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, lib.Path, string(raw)+"x")
	_, err = Find("")
	faulttest.Want(t, err, fault.Integrity, lib.Path, "sha256", "wanted "+lib.Digest, "kdonnx runtime install")
	_, err = Find(lib.Path)
	faulttest.Want(t, err, fault.Integrity, lib.Path)
	if err := os.Remove(lib.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(stub(t, Pinned, crashStub), lib.Path); err != nil {
		t.Fatal(err)
	}
	_, err = Find("")
	faulttest.Want(t, err, fault.Integrity, lib.Path, "sha256")
	write(t, filepath.Join(filepath.Dir(lib.Path), manifestName), "{")
	_, err = Find("")
	faulttest.Want(t, err, fault.Integrity, manifestName, "not a manifest")
}

// entry is one entry of a test archive.
type entry struct {
	name string
	typ  byte
	link string
	data []byte
}

func archive(t *testing.T, entries ...entry) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.typ, Linkname: e.link, Size: int64(len(e.data)), Mode: 0o4777}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write(e.data)
	}
	w.Close()
	z.Close()
	path := filepath.Join(t.TempDir(), "a.tgz")
	write(t, path, buf.String())
	return path
}

func TestInstallArchive(t *testing.T) {
	cache := alone(t)
	lib, err := os.ReadFile(stub(t, Pinned, nullStub))
	if err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(lib)
	binary.LittleEndian.PutUint16(foreign[18:], 8)
	ctx := context.Background()
	good := archive(t,
		entry{"../../escape", tar.TypeReg, "", []byte("evil")},
		entry{"/etc/evil", tar.TypeSymlink, "/etc/passwd", nil},
		entry{"o/lib/libonnxruntime.so", tar.TypeSymlink, "/etc/passwd", nil},
		entry{"o/lib/libonnxruntime.so.1", tar.TypeLink, "../../escape", nil},
		entry{"o/mips/libonnxruntime.so.1", tar.TypeReg, "", foreign},
		entry{"o/lib/libonnxruntime.so.1.29.0", tar.TypeReg, "", lib},
		entry{"o/lib/libonnxruntime_providers_shared.so", tar.TypeReg, "", lib})
	got, err := Install(ctx, InstallOptions{From: good})
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(got.Path); !bytes.Equal(raw, lib) || got.Version != Pinned || got.Source != "cache" {
		t.Errorf("got %+v", got)
	}
	if st, _ := os.Lstat(got.Path); st.Mode() != 0o644 {
		t.Errorf("mode %v", st.Mode())
	}
	var names []string
	filepath.WalkDir(cache, func(p string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			names = append(names, filepath.Base(p))
		}
		return err
	})
	if want := "[.lock kdonnx-runtime.json libonnxruntime.so]"; !strings.Contains(fmt.Sprint(names), "libonnxruntime.so") || len(names) != 3 {
		t.Errorf("left %v, want %s", names, want)
	}

	before, _ := os.ReadFile(got.Path)
	raw, _ := os.ReadFile(good)
	flipped := bytes.Clone(raw)
	flipped[len(flipped)/2] ^= 0xff
	tmp := func(b []byte) string {
		p := filepath.Join(t.TempDir(), "bad.tgz")
		write(t, p, string(b))
		return p
	}
	for name, c := range map[string]struct {
		from, want string
		kind       fault.Kind
	}{
		"cut":          {tmp(raw[:len(raw)-40]), "damaged archive", fault.Integrity},
		"half":         {tmp(raw[:len(raw)/2]), "damaged archive", fault.Integrity},
		"flipped":      {tmp(flipped), "damaged archive", fault.Integrity},
		"html":         {tmp([]byte("<!DOCTYPE html>")), "wanted an ELF library or a gzipped archive", fault.Integrity},
		"gzip of text": {archive(t, entry{"readme", tar.TypeReg, "", []byte("x")}), "holds no ONNX Runtime library", fault.Integrity},
		"only foreign": {archive(t, entry{"libonnxruntime.so", tar.TypeReg, "", foreign}), "holds no ONNX Runtime library", fault.Integrity},
		"cut library":  {archive(t, entry{"libonnxruntime.so", tar.TypeReg, "", lib[:200]}), "damaged ELF", fault.Integrity},
		"link only":    {archive(t, entry{"libonnxruntime.so", tar.TypeSymlink, got.Path, nil}), "holds no ONNX Runtime library", fault.Integrity},
		"old":          {stub(t, "1.20.0", nullStub), "wanted 1.24.0 or newer", fault.Integrity},
		"absent":       {filepath.Join(cache, "no.tgz"), "no such file", fault.IO},
		"a folder":     {cache, "no regular file", fault.Integrity},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Install(ctx, InstallOptions{From: c.from})
			faulttest.Want(t, err, c.kind, c.from, c.want)
			if after, _ := os.ReadFile(got.Path); !bytes.Equal(before, after) {
				t.Error("the installed library changed")
			}
		})
	}
}

func TestInstallTwice(t *testing.T) {
	alone(t)
	from := stub(t, Pinned, nullStub)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := Install(context.Background(), InstallOptions{From: from}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	lib, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	// Installed and right: no source is asked, so none need be there.
	t.Setenv("PATH", "")
	before, _ := os.Stat(lib.Path)
	again, err := Install(context.Background(), InstallOptions{})
	if after, _ := os.Stat(lib.Path); err != nil || again != lib || !os.SameFile(before, after) {
		t.Errorf("got %+v, %v", again, err)
	}
	dir := t.TempDir()
	if lib, err = Install(context.Background(), InstallOptions{From: from, Dir: dir}); err != nil || filepath.Dir(lib.Path) != dir {
		t.Errorf("got %+v, %v", lib, err)
	}
	// A lock that is never given up ends with ctx.
	lock, err := durable.TryLock(filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = Install(ctx, InstallOptions{From: from, Dir: dir})
	faulttest.Want(t, err, fault.Interrupted, "while waiting")
}

// TestInstallURL serves good and bad answers.
func TestInstallURL(t *testing.T) {
	alone(t)
	lib, _ := os.ReadFile(stub(t, "1.28.0", nullStub))
	good, _ := os.ReadFile(archive(t, entry{"x/libonnxruntime.so.1.28.0", tar.TypeReg, "", lib}))
	mux := http.NewServeMux()
	mux.HandleFunc("/good.tgz", func(w http.ResponseWriter, r *http.Request) { w.Write(good) })
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>sign in</html>") })
	mux.HandleFunc("/cut.tgz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(good)))
		w.Write(good[:len(good)/2])
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	got, err := Install(context.Background(), InstallOptions{From: server.URL + "/good.tgz"})
	if err != nil || got.Version != "1.28.0" {
		t.Fatalf("got %+v, %v", got, err)
	}
	for path, c := range map[string]struct {
		kind fault.Kind
		want string
	}{
		"/page":    {fault.Integrity, "wanted an ELF library"},
		"/cut.tgz": {fault.IO, "broke off"},
		"/absent":  {fault.IO, "404"},
	} {
		_, err := Install(context.Background(), InstallOptions{From: server.URL + path})
		faulttest.Want(t, err, c.kind, server.URL+path, c.want)
	}
	server.Close()
	_, err = Install(context.Background(), InstallOptions{From: server.URL + "/good.tgz"})
	faulttest.Want(t, err, fault.IO, "cannot be downloaded")
}

// TestInstallSources runs the automatic sources against fakes: a server for
// the release archive and a script for the npm client.
func TestInstallSources(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the official archive is pinned for amd64")
	}
	cache := alone(t)
	lib, _ := os.ReadFile(stub(t, Pinned, nullStub))
	tgz := archive(t, entry{"package/bin/napi-v6/linux/x64/libonnxruntime.so.1", tar.TypeReg, "", lib})
	body, _ := os.ReadFile(tgz)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) }))
	defer server.Close()
	saved, savedURL := npmIntegrity, officialArchive["amd64"]
	defer func() { npmIntegrity, officialArchive["amd64"] = saved, savedURL }()
	official := savedURL
	official.url = server.URL + "/official.tgz"
	officialArchive["amd64"] = official

	// Both answer with something else than what was pinned: 8, nothing kept.
	bin := t.TempDir()
	write(t, filepath.Join(bin, "npm"), "#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\n/bin/cp "+tgz+" \"$1/"+npmTarball+"\"\n")
	os.Chmod(filepath.Join(bin, "npm"), 0o755)
	t.Setenv("PATH", bin)
	var log []string
	_, err := Install(context.Background(), InstallOptions{Log: func(s string) { log = append(log, s) }})
	faulttest.Want(t, err, fault.Integrity, "official release archive", "npm client", "sha256", "sha512", "--from FILE")
	if _, err := os.Stat(filepath.Join(cache, "ort", Pinned)); err == nil {
		t.Error("something was installed")
	}
	if len(log) < 3 {
		t.Errorf("log %q", log)
	}

	// The package is right but the library in it is not.
	sum, _ := hashFile(tgz, newSHA512())
	npmIntegrity = base64Of(sum)
	_, err = Install(context.Background(), InstallOptions{})
	faulttest.Want(t, err, fault.Integrity, npmLibrary["amd64"].sha256)

	// The official archive is right.
	sum, _ = hashFile(tgz, newSHA256())
	official.sha256 = fmt.Sprintf("%x", sum)
	officialArchive["amd64"] = official
	got, err := Install(context.Background(), InstallOptions{})
	if err != nil || got.Version != Pinned {
		t.Fatalf("got %+v, %v", got, err)
	}

	// No network and no npm.
	server.Close()
	t.Setenv("PATH", "")
	t.Setenv("KDONNX_CACHE", t.TempDir())
	_, err = Install(context.Background(), InstallOptions{})
	faulttest.Want(t, err, fault.IO, "cannot be downloaded", "the client is not installed")
}
