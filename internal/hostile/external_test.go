package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/onnx/onnxtest"
)

// twoRows are rows for the model of onnxtest.External.
var twoRows = []byte("a,b,label\n1,2,x\n3,4,y\n5,6,z\n2,1,x\n")

// pickedUp is what lies outside a model's folder. Read as weights it gives
// scores that name it.
var pickedUp = floatBytes(777, 777, 777, 777, 777, 777)

func floatBytes(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// outsideCase is a model in the folder models whose weight is meant to come
// from outside of it.
type outsideCase struct {
	id, name, location string
	make               func(d folder)
}

func (c outsideCase) files(d folder) {
	d.put("secret.bin", pickedUp)
	d.put("models/inside.bin", pickedUp)
	d.put("models/m.onnx", onnxtest.External(c.location, "length", "24"))
	d.put("two.csv", twoRows)
	if c.make != nil {
		c.make(d)
	}
}

func link(to, at string) func(d folder) {
	return func(d folder) {
		check(os.MkdirAll(filepath.Dir(d.at(at)), 0o755))
		check(os.Symlink(to, d.at(at)))
	}
}

// outsideCases are F-20 to F-23 with a file to be found.
func outsideCases() []outsideCase {
	return []outsideCase{
		{"F-20", "a password file", "../../../../../../../../../etc/passwd", nil},
		{"F-21", "up through a folder that is there", "sub/../../secret.bin", func(d folder) { check(os.MkdirAll(d.at("models/sub"), 0o755)) }},
		{"F-21", "up after a dot", "./../secret.bin", nil},
		{"F-21", "up after two slashes", "a//../../secret.bin", nil},
		{"F-22", "absolute", "/etc/passwd", nil},
		{"F-22", "a device", "/dev/zero", nil},
		{"F-22", "a process's memory", "/proc/self/environ", nil},
		{"F-23", "a link to a file outside", "w.bin", link("../secret.bin", "models/w.bin")},
		{"F-23", "a link to a file inside", "w.bin", link("inside.bin", "models/w.bin")},
		{"F-23", "a link to an absolute path", "w.bin", link("/etc/passwd", "models/w.bin")},
		{"F-23", "a folder that is a link outside", "sub/secret.bin", link("..", "models/sub")},
		{"F-23", "a folder that is a link inside", "sub/inside.bin", link(".", "models/sub")},
		{"F-23", "a link to itself", "w.bin", link("w.bin", "models/w.bin")},
		{"F-23", "a link to nothing", "w.bin", link("nothing.bin", "models/w.bin")},
		{"F-23", "a pipe", "w.bin", func(d folder) { mkfifo(d.at("models/w.bin")) }},
		{"F-23", "a folder in the file's place", "w.bin", func(d folder) { check(os.Mkdir(d.at("models/w.bin"), 0o755)) }},
	}
}

// asks are the commands that meet a model with external data.
var asks = []string{
	"inspect models/m.onnx --data two.csv",
	"targets --teacher models/m.onnx --data two.csv -o out/store",
	"predict --model models/m.onnx --data two.csv --engine native -o out/p.csv",
	"eval --model models/m.onnx --data two.csv",
	"distill --teacher good.onnx --train rows.csv --student models/m.onnx -o out/s.onnx",
}

func externalRows() (rows []row) {
	for i, c := range outsideCases() {
		says := `m\.onnx: graph\.initializer\[0\] "w"\.external_data: `
		if c.id == "F-23" {
			says += `external file .* (a symbolic link, device or folder, expected|does not exist)`
		} else {
			says += `location .* expected a file in the model's folder`
		}
		rows = append(rows, row{id: c.id, name: c.name, args: asks[i%len(asks)], file: "m.onnx", exit: []int{3}, says: says, make: c.files})
	}
	sized := func(id, name, says string, bytes int64, kv ...string) {
		rows = append(rows, row{id: id, name: name, args: "inspect models/m.onnx", exit: []int{3}, says: `"w"\.external_data: (external file "w\.bin" )?` + says, make: func(d folder) {
			d.put("models/m.onnx", onnxtest.External("w.bin", kv...))
			d.sparse("models/w.bin", nil, bytes)
		}})
	}
	sized("F-29", "offset behind the end", `has 24 bytes, expected offset 25 \+ length 24`, 24, "offset", "25", "length", "24")
	sized("F-29", "length behind the end", `has 24 bytes, expected offset 1 \+ length 24`, 24, "offset", "1", "length", "24")
	sized("F-29", "petabyte of a 1 KB file", `length is 1125899906842624, expected 24`, 1024, "length", "1125899906842624")
	sized("F-29", "offset of a petabyte", `has 1024 bytes, expected offset 1125899906842624`, 1024, "offset", "1125899906842624", "length", "24")
	sized("F-29", "empty file", `has 0 bytes, expected offset 0 \+ length 24`, 0)

	// A small model may name more bytes than anybody would read: a sparse file
	// costs nothing to make.
	rows = append(rows, row{id: "F-29", name: "1,000 tensors that share 1 GiB each", args: "inspect shared.onnx", exit: []int{3}, says: `external data takes more than the limit`, make: func(d folder) {
		d.put("shared.onnx", onnxtest.Sharing("w.bin", 1000, 1<<30))
		d.sparse("w.bin", nil, 1<<30+1000)
	}})
	rows = append(rows, row{id: "F-30", name: "cut and restored while it is read", args: "targets --teacher models/m.onnx --data two.csv -o out/store", file: "m.onnx",
		exit: []int{0, 3, 4, 5, 8}, runs: true, writes: true, peak: 512,
		make: func(d folder) { d.put("two.csv", twoRows); large(d) },
		during: func(d folder, stop <-chan struct{}) {
			for path := d.at("models/w.bin"); ; {
				select {
				case <-stop:
					return
				default:
				}
				os.Truncate(path, 24)
				os.Truncate(path, largeBytes)
			}
		}})
	rows = append(rows, row{id: "F-27", name: "swapped for a link while it is read", args: "targets --teacher models/m.onnx --data two.csv -o out/store --json", file: "m.onnx",
		exit: []int{0, 3, 4, 8}, runs: true, writes: true, peak: 512,
		make: func(d folder) {
			outsideCase{location: "w.bin"}.files(d)
			d.put("models/w.bin", floatBytes(1, 2, 3, 4, 5, 6))
		},
		during: swapping,
		inspect: func(t *testing.T, d folder, o outcome) {
			shards, _ := filepath.Glob(d.at("out/store/*.npy"))
			for _, shard := range shards { // the row (1, 2) times the secret
				if bytes.Contains(must(os.ReadFile(shard)), floatBytes(2331, 2331, 2331)) {
					t.Error("read the secret")
				}
			}
		}})
	return rows
}

// largeBytes is the size of large's weights.
const largeBytes = 32 << 20

// large is a model whose weights take long enough to read to be cut meanwhile.
func large(d folder) {
	d.put("models/m.onnx", onnxtest.Wide("w.bin", largeBytes))
	d.sparse("models/w.bin", nil, largeBytes)
}

// swapping puts a link in the place of the weights and takes it away again,
// until it is told to stop.
func swapping(d folder, stop <-chan struct{}) {
	path := d.at("models/w.bin")
	good := floatBytes(1, 2, 3, 4, 5, 6)
	for {
		select {
		case <-stop:
			return
		default:
		}
		os.Symlink("../secret.bin", path+".new")
		os.Rename(path+".new", path)
		os.WriteFile(path+".new", good, 0o644)
		os.Rename(path+".new", path)
	}
}

// opened matches a file that strace -y saw opened: the kernel's own path of it.
var opened = regexp.MustCompile(`open(?:at|at2)?\(.*= \d+<(/[^>]*)>`)

// TestOpens lists with strace every file that is opened for a model, and
// requires that none lies outside the folder of the case but what the program
// and ONNX Runtime need anywhere.
func TestOpens(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace (make testdata installs it); runtime/onnx holds its folder by itself")
	}
	harmless := []string{"/proc/", "/sys/", "/dev/null", "/dev/urandom", "/lib", "/usr/lib", "/etc/ld.so", "/etc/localtime", "/usr/share/zoneinfo", "anon_inode", filepath.Dir(program), filepath.Dir(library)}
	cases := append(outsideCases(), outsideCase{"good", "the model as it should be", "w.bin", func(d folder) { d.put("models/w.bin", pickedUp) }})
	for i, c := range cases {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			t.Parallel()
			d := folder(t.TempDir())
			prepare(d)
			c.files(d)
			log := filepath.Join(t.TempDir(), "strace")
			args := append([]string{"strace", "-f", "-y", "-qq", "-e", "trace=open,openat,openat2", "-o", log, program}, strings.Fields(asks[i%len(asks)])...)
			o, err := start(string(d), hangs, nil, args...)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 0, false: 3}[c.id == "good"]; o.Code != want {
				t.Fatalf("exit code %d, want %d: %s", o.Code, want, o.stderr)
			}
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			files, inside := opened.FindAllStringSubmatch(string(text), -1), 0
			for _, f := range files {
				path := f[1]
				switch below := strings.TrimPrefix(path, string(d)+"/"); {
				case strings.HasSuffix(path, "secret.bin"), strings.HasSuffix(path, "inside.bin"), path == "/proc/self/environ":
					t.Errorf("opened %s", path)
				case below != path && (strings.HasPrefix(below, "models") || strings.HasPrefix(below, "cache") || strings.HasPrefix(below, "out") || strings.HasSuffix(below, ".csv") || below == goodModel):
					inside++
				case path == string(d) || hasAnyPrefix(path, harmless):
				default:
					t.Errorf("opened %s", path)
				}
			}
			if inside == 0 {
				t.Errorf("saw no file of the case opened: the test sees nothing\n%.2000s", text)
			}
		})
	}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// TestRace reads a model 10,000 times while its weights are swapped for links,
// out of the folder and back: what was read is never the secret.
func TestRace(t *testing.T) {
	d := folder(t.TempDir())
	outsideCase{location: "w.bin"}.files(d)
	d.put("models/w.bin", floatBytes(1, 2, 3, 4, 5, 6))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); swapping(d, stop) }()
	read, refused := 0, map[string]int{}
	for range 10_000 {
		m, err := onnx.Read(d.at("models/m.onnx"), onnx.ReadOptions{Weights: true})
		if err != nil {
			refused[fmt.Sprintf("%T", err)]++
			continue
		}
		read++
		if bytes.Equal(m.Graph.Initializers[0].Data, pickedUp) {
			t.Fatal("read the secret")
		}
	}
	close(stop)
	<-done
	t.Logf("%d reads, refused %v", read, refused)
	if read == 0 || len(refused) == 0 {
		t.Error("every read fared alike: the test sees nothing")
	}
}
