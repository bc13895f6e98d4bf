package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shim is a libonnxruntime that hands everything to the real one but runs in
// which an input holds the poison: then it does what HOSTILE_LIBRARY says.
const shim = `
#include "onnxruntime_c_api.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const OrtApi *real;
static OrtApi ours;

static int poisoned(const OrtValue *v) {
	OrtTensorTypeAndShapeInfo *info;
	size_t n = 0;
	float *x;
	if (real->GetTensorTypeAndShape(v, &info)) return 0;
	real->GetTensorShapeElementCount(info, &n);
	real->ReleaseTensorTypeAndShapeInfo(info);
	if (real->GetTensorMutableData((OrtValue *)v, (void **)&x)) return 0;
	for (size_t i = 0; i < n; i++)
		if (x[i] == 31337.0f) return 1;
	return 0;
}

static void misbehave(const char *how) {
	if (!strcmp(how, "segv")) *(volatile int *)0 = 1;
	if (!strcmp(how, "abort")) abort();
	if (!strcmp(how, "exit")) _exit(0);
	if (!strcmp(how, "hang")) for (;;) sleep(1);
	if (!strcmp(how, "eat")) for (;;) { char *p = malloc(16 << 20); if (p) memset(p, 1, 16 << 20); usleep(2000); }
	if (!strcmp(how, "garbage")) for (int i = 0; i < 10000; i++) { printf("\033[2Jgarbage\n"); fprintf(stderr, "\377\000panic: goroutine 1\n"); }
}

static OrtStatus *run(OrtSession *s, const OrtRunOptions *o, const char *const *in, const OrtValue *const *v, size_t n, const char *const *out, size_t m, OrtValue **y) {
	const char *how = getenv("HOSTILE_LIBRARY");
	if (how && n && poisoned(v[0])) misbehave(how);
	return real->Run(s, o, in, v, n, out, m, y);
}

static const OrtApi *get_api(uint32_t version) {
	const OrtApiBase *(*base)(void) = (const OrtApiBase *(*)(void))dlsym(dlopen(REAL, RTLD_NOW | RTLD_LOCAL), "OrtGetApiBase");
	real = base()->GetApi(version);
	if (!real) return 0;
	memcpy(&ours, real, sizeof ours);
	ours.Run = run;
	return &ours;
}
static const char *version(void) { return "1.29.0"; }
static const OrtApiBase api = {get_api, version};
const OrtApiBase *OrtGetApiBase(void) { return &api; }
`

// traceStub is no ONNX Runtime, and says when it was loaded.
const traceStub = `
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void f(void) { char p[4096]; snprintf(p, sizeof p, "%s/loaded", getenv("TMPDIR")); FILE *h = fopen(p, "w"); if (h) fclose(h); }
void *OrtGetApiBase(void) { return 0; }
`

// compiled makes a shared library in a folder of its own.
func compiled(name, version, source string, flags ...string) string {
	dir := filepath.Join(filepath.Dir(program), name)
	check(os.MkdirAll(dir, 0o755))
	d := folder(dir)
	d.put("lib.c", []byte(source))
	d.put("lib.map", []byte("VERS_"+version+" { global: OrtGetApiBase; local: *; };\n"))
	args := append([]string{"-shared", "-fPIC", "-o", d.at("libonnxruntime.so"), d.at("lib.c"), "-Wl,--version-script=" + d.at("lib.map"), "-ldl"}, flags...)
	if text, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("gcc: %v: %s", err, text))
	}
	return d.at("libonnxruntime.so")
}

var misbehaving = sync.OnceValue(func() string {
	headers := strings.TrimSpace(string(must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output())))
	return compiled("shim", "1.29.0", shim, "-I"+headers, `-DREAL="`+library+`"`)
})

// libraryRows are F-52: what stands where ONNX Runtime should. None of it is
// loaded.
func libraryRows() (rows []row) {
	add := func(name, exits, says string, make func(d folder, file string)) {
		exit := []int{8}
		if exits == "5" {
			exit = []int{5, 8}
		}
		rows = append(rows, row{id: "F-52", name: name, args: "targets --teacher good.onnx --data rows.csv -o out/store --ort-lib lib/libonnxruntime.so", file: "libonnxruntime.so",
			exit: exit, says: says, make: func(d folder) {
				check(os.MkdirAll(d.at("lib"), 0o755))
				make(d, d.at("lib/libonnxruntime.so"))
			},
			inspect: func(t *testing.T, d folder, o outcome) {
				if _, err := os.Stat(d.at("tmp/loaded")); err == nil && exits == "8" {
					t.Error("it was loaded")
				}
			}})
	}
	traced := sync.OnceValue(func() []byte { return must(os.ReadFile(compiled("traced", "1.29.0", traceStub))) })
	add("missing", "8", `found no such file, wanted ONNX Runtime`, func(folder, string) {})
	add("a text", "8", `wanted an ELF shared library`, func(d folder, _ string) { d.put("lib/libonnxruntime.so", []byte("<html>404</html>")) })
	add("of another processor", "8", `found a library for EM_MIPS, wanted EM_`, func(d folder, _ string) {
		data := append([]byte{}, traced()...)
		data[18] = 8
		d.put("lib/libonnxruntime.so", data)
	})
	add("cut short", "8", `ELF|kdonnx runtime install`, func(d folder, _ string) { d.put("lib/libonnxruntime.so", traced()[:300]) })
	add("too old", "8", `1\.20\.0.*1\.24\.0|1\.24\.0.*1\.20\.0`, func(d folder, _ string) {
		d.put("lib/libonnxruntime.so", must(os.ReadFile(compiled("old", "1.20.0", traceStub))))
	})
	manifest := func(d folder) {
		d.put("lib/kdonnx-runtime.json", []byte(`{"file":"libonnxruntime.so","version":"1.29.0","sha256":"`+strings.Repeat("0", 64)+`","origin":"test"}`))
	}
	add("of another digest", "8", `sha256: found [0-9a-f]{64}, wanted 0{64} as installed`, func(d folder, _ string) {
		d.put("lib/libonnxruntime.so", traced())
		manifest(d)
	})
	add("swapped for a link", "8", `sha256: found [0-9a-f]{64}, wanted 0{64} as installed`, func(d folder, at string) {
		d.put("other/lib.so", traced())
		check(os.Symlink("../other/lib.so", at))
		manifest(d)
	})
	add("a link to itself", "8", `wanted|resolved`, func(d folder, at string) { check(os.Symlink(at, at)) })
	add("a pipe", "8", `no regular file`, func(d folder, at string) { mkfifo(at) })
	add("none, though it has the name", "5", `cannot be loaded as ONNX Runtime`, func(d folder, _ string) {
		d.put("lib/libonnxruntime.so", must(os.ReadFile(compiled("null", "1.29.0", "void *OrtGetApiBase(void) { return 0; }\n"))))
	})
	add("one that crashes while it is loaded", "5", `signal 11`, func(d folder, _ string) {
		d.put("lib/libonnxruntime.so", must(os.ReadFile(compiled("crash", "1.29.0", "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }\nvoid *OrtGetApiBase(void) { return 0; }\n"))))
	})
	return rows
}
