package stream

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// epochsOf are n epochs of a run that validates.
func epochsOf(n int) []Epoch {
	var list []Epoch
	for i := 1; i <= n; i++ {
		x := report.Number(1 / float64(i))
		list = append(list, Epoch{Seconds: 2, Ended: 1.8e9 + 2*float64(i), Epoch: report.Epoch{Epoch: i, LR: 0.25,
			Train: report.Terms{Total: x, Soft: 2 * x, Hard: report.Number(math.NaN())}, Val: &report.Validation{Accuracy: 0.5, Loss: 3 * x}}})
	}
	return list
}

func example() *report.Report {
	b := &report.Block{Result: metrics.Result{N: 10, Labelled: 10, Errors: 4, Accuracy: 0.6}, Name: "net"}
	return &report.Report{Title: "a <b>\n", Provenance: report.Provenance{Loss: "CE"}, Student: b, Baseline: b, WallS: 3}
}

// sink is one format with a file of its own to look at.
type sink struct {
	open func(t *testing.T, dir string) Sink
	file func(dir string) string
}

var sinks = map[string]sink{
	"jsonl": {func(t *testing.T, dir string) Sink {
		s, err := JSONL(filepath.Join(dir, "m.jsonl"), example())
		return must(t, s, err)
	}, func(dir string) string { return filepath.Join(dir, "m.jsonl") }},
	"tensorboard": {func(t *testing.T, dir string) Sink {
		s, err := TensorBoard(filepath.Join(dir, "tb"))
		return must(t, s, err)
	}, func(dir string) string { return filepath.Join(dir, "tb", "student", EventFile) }},
}

func must(t *testing.T, s Sink, err error) Sink {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// follow tells s of the epochs from..n one by one, and that the run ended.
func follow(t *testing.T, s Sink, from, n int, end bool) {
	t.Helper()
	for i := from; i <= n; i++ {
		if err := s.Epochs(Course{Role: "student"}, epochsOf(i)); err != nil {
			t.Fatal(err)
		}
	}
	if end {
		if err := s.End(example()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestResumed tears the file of a killed run at every byte; the run that goes
// on from an earlier epoch leaves the file of one that was let alone.
func TestResumed(t *testing.T) {
	for name, s := range sinks {
		t.Run(name, func(t *testing.T) {
			whole := t.TempDir()
			follow(t, s.open(t, whole), 0, 4, true)
			want, err := os.ReadFile(s.file(whole))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			follow(t, s.open(t, dir), 0, 3, false)
			killed, err := os.ReadFile(s.file(dir))
			if err != nil || !bytes.HasPrefix(want, killed) {
				t.Fatalf("three epochs of four are no beginning: %v", err)
			}
			for cut := range len(killed) + 1 {
				if err := os.WriteFile(s.file(dir), killed[:cut], 0o644); err != nil {
					t.Fatal(err)
				}
				follow(t, s.open(t, dir), cut%4, 4, true) // from the checkpoint after epoch 0, 1, 2 or 3
				if got, _ := os.ReadFile(s.file(dir)); !bytes.Equal(got, want) {
					t.Fatalf("cut at %d: other bytes", cut)
				}
			}
		})
	}
}

// TestNewRun leaves nothing of a run that was there before.
func TestNewRun(t *testing.T) {
	for name, s := range sinks {
		t.Run(name, func(t *testing.T) {
			whole, dir := t.TempDir(), t.TempDir()
			follow(t, s.open(t, whole), 0, 2, true)
			follow(t, s.open(t, dir), 0, 5, true)
			follow(t, s.open(t, dir), 0, 2, true)
			want, _ := os.ReadFile(s.file(whole))
			if got, _ := os.ReadFile(s.file(dir)); !bytes.Equal(got, want) {
				t.Error("other bytes than in an empty folder")
			}
		})
	}
}

// TestLines reads the JSON lines of two roles.
func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.jsonl")
	s, err := JSONL(path, example())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"student", "baseline"} {
		for i := range 3 {
			if err := s.Epochs(Course{Role: role}, epochsOf(i)); err != nil {
				t.Fatal(err)
			}
			if data, _ := os.ReadFile(path); len(data) == 0 || data[len(data)-1] != '\n' {
				t.Errorf("%s, epoch %d is not whole in the file", role, i)
			}
		}
	}
	follow(t, s, 1, 0, true)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	var got []string
	for _, l := range lines {
		var v struct {
			Event, Role string
			Epoch       int
			Soft        *float64 `json:"loss_soft"`
			Hard        *float64 `json:"loss_hard"`
			Accuracy    *float64 `json:"val_accuracy"`
			Student     map[string]any
		}
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		got = append(got, v.Event+v.Role+strings.Repeat("+", v.Epoch))
		if v.Event == "epoch" && (*v.Soft != 2/float64(v.Epoch) || v.Hard != nil || *v.Accuracy != 0.5) {
			t.Errorf("numbers of %s", l)
		}
		if v.Event == "end" && (v.Student["errors"] != 4.0 || v.Student["accuracy"] != 0.6) {
			t.Errorf("scores of %s", l)
		}
	}
	if want := "start epochstudent+ epochstudent++ epochbaseline+ epochbaseline++ end"; strings.Join(got, " ") != want {
		t.Errorf("lines %q, expected %q", got, want)
	}
	if want := `"seconds":2,"time":"2027-01-15T08:00:02Z"}`; !strings.HasSuffix(lines[1], want) {
		t.Errorf("%s does not end in %s", lines[1], want)
	}
}

// TestSeeds tells the courses of several seeds apart, and whose the scores at
// the end are.
func TestSeeds(t *testing.T) {
	r := example()
	r.Seeds = &report.Seeds{Seeds: []uint64{0, 1}, Exported: 1}
	for name, k := range sinks {
		dir := t.TempDir()
		s := k.open(t, dir)
		for _, seed := range []uint64{0, 1, 0, 1} { // again, as a run that goes on does
			for n := range 3 {
				if err := s.Epochs(Course{"student", seed, true}, epochsOf(n)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(s.End(r), s.Close()); err != nil {
			t.Fatal(err)
		}
		if name == "jsonl" {
			data, _ := os.ReadFile(k.file(dir))
			var got []string
			for l := range strings.Lines(string(data)) {
				l, _, _ = strings.Cut(strings.TrimSpace(l), `,"loss_total"`)
				l, _, _ = strings.Cut(l, `,"verdict"`)
				got = append(got, l)
			}
			e := `{"event":"epoch","role":"student","seed":%d,"epoch":%d`
			if want := []string{fmt.Sprintf(e, 0, 1), fmt.Sprintf(e, 0, 2), fmt.Sprintf(e, 1, 1), fmt.Sprintf(e, 1, 2), `{"event":"end","seed":1`}; !slices.Equal(got[1:], want) {
				t.Errorf("lines %q, expected %q", got[1:], want)
			}
			continue
		}
		var sizes []int
		for _, of := range []string{"student-seed-0", "student-seed-1"} {
			data, err := os.ReadFile(filepath.Join(dir, "tb", of, EventFile))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(records(t, data)))
		}
		if sizes[0] != 3 || sizes[1] != 4 { // the version, two epochs, and of the exported one the test
			t.Errorf("%s: %v records", name, sizes)
		}
	}
}

// crc32c is the checksum bit by bit, of the reversed polynomial of RFC 3720.
func crc32c(data []byte) uint32 {
	c := ^uint32(0)
	for _, b := range data {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0x82f63b78*(c&1)
		}
	}
	return ^c
}

// TestChecksum holds this test's own checksum to the vectors of RFC 3720,
// B.4, and the product's to the first bytes that event files of TensorFlow
// have: a length of 24 and its masked checksum.
func TestChecksum(t *testing.T) {
	up := make([]byte, 32)
	for i := range up {
		up[i] = byte(i)
	}
	for _, c := range []struct {
		data []byte
		want uint32
	}{{make([]byte, 32), 0x8a9136aa}, {bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43}, {up, 0x46dd794e}, {[]byte("123456789"), 0xe3069283}} {
		if got := crc32c(c.data); got != c.want {
			t.Errorf("crc32c(%x) = %08x, expected %08x", c.data, got, c.want)
		}
	}
	want, _ := hex.DecodeString("1800000000000000a37f4b22")
	if got := tfrecord(nil, versionEvent(1.8e9)); !bytes.HasPrefix(got, want) {
		t.Errorf("an event file begins with %x, expected %x", got[:12], want)
	}
}

// records cuts an event file at its frames and checks their sums.
func records(t *testing.T, data []byte) [][]byte {
	t.Helper()
	sum := func(b []byte) uint32 {
		c := crc32c(b)
		return (c>>15 | c<<17) + 0xa282ead8
	}
	var list [][]byte
	for len(data) > 0 {
		if len(data) < 16 {
			t.Fatalf("%d bytes are left of a frame", len(data))
		}
		n := int(binary.LittleEndian.Uint64(data))
		if got := binary.LittleEndian.Uint32(data[8:]); got != sum(data[:8]) {
			t.Fatalf("checksum of a length: %08x", got)
		}
		body := data[12 : 12+n]
		if got := binary.LittleEndian.Uint32(data[12+n:]); got != sum(body) {
			t.Fatalf("checksum of a record: %08x", got)
		}
		list, data = append(list, body), data[16+n:]
	}
	return list
}

// fields decodes one message by protobuf's own reader: each field's last
// value, or all of them where there are several.
func fields(t *testing.T, b []byte, f func(n protowire.Number, v uint64, data []byte)) {
	t.Helper()
	for len(b) > 0 {
		n, typ, k := protowire.ConsumeTag(b)
		if k < 0 {
			t.Fatal(protowire.ParseError(k))
		}
		b = b[k:]
		var v uint64
		var data []byte
		switch typ {
		case protowire.VarintType:
			v, k = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var x uint32
			x, k = protowire.ConsumeFixed32(b)
			v = uint64(x)
		case protowire.Fixed64Type:
			v, k = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			data, k = protowire.ConsumeBytes(b)
		}
		if k < 0 {
			t.Fatal(protowire.ParseError(k))
		}
		f(n, v, data)
		b = b[k:]
	}
}

// TestEvents reads the event file with a reader of its own.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	s, err := TensorBoard(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := epochsOf(200) // a step of two bytes too
	if err := s.Epochs(Course{Role: "student"}, list); err != nil {
		t.Fatal(err)
	}
	follow(t, s, 1, 0, true)
	data, err := os.ReadFile(filepath.Join(dir, "student", EventFile))
	if err != nil {
		t.Fatal(err)
	}
	events := records(t, data)
	if len(events) != 202 {
		t.Fatalf("%d events, expected the version, 200 epochs and the end", len(events))
	}
	for i, e := range events {
		var wall float64
		var step uint64
		version := ""
		scalars := map[string]float32{}
		fields(t, e, func(n protowire.Number, v uint64, data []byte) {
			switch n {
			case 1:
				wall = math.Float64frombits(v)
			case 2:
				step = v
			case 3:
				version = string(data)
			case 5:
				fields(t, data, func(_ protowire.Number, _ uint64, value []byte) {
					tag := ""
					fields(t, value, func(n protowire.Number, v uint64, data []byte) {
						if n == 1 {
							tag = string(data)
						} else {
							scalars[tag] = math.Float32frombits(uint32(v))
						}
					})
				})
			default:
				t.Errorf("event %d has a field %d", i, n)
			}
		})
		switch {
		case i == 0:
			if version != "brain.Event:2" || wall != 1.8e9 {
				t.Errorf("the first event: %q at %v", version, wall)
			}
		case i == 201:
			if step != 200 || scalars["test/errors"] != 4 || scalars["test/accuracy"] != 0.6 {
				t.Errorf("the last event: step %d, %v", step, scalars)
			}
		default:
			x := float32(1 / float64(i))
			_, hard := scalars["loss/hard"]
			if int(step) != i || wall != list[i-1].Ended || scalars["loss/total"] != x || scalars["lr"] != 0.25 || scalars["val/accuracy"] != 0.5 || hard || len(scalars) != 5 {
				t.Errorf("event %d: step %d at %v, %v", i, step, wall, scalars)
			}
		}
	}
}

// TestInterleaved tells of two courses by turns, as trainings beside one another
// do: every line stands when it came, and a run that goes on has all epochs of
// each in order.
func TestInterleaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.jsonl")
	var s Sink
	tell := func(role string, n int) {
		t.Helper()
		if err := s.Epochs(Course{Role: role}, epochsOf(n)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for l := range strings.Lines(string(data)) {
			var v struct {
				Event, Role string
				Epoch       int
			}
			if err := json.Unmarshal([]byte(l), &v); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			if v.Event == "epoch" {
				got = append(got, fmt.Sprint(v.Role[:1], v.Epoch))
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("lines %q, expected %q", got, want)
		}
	}
	s = sinkAt(t, path)
	for _, c := range []struct {
		role string
		n    int
	}{{"student", 0}, {"baseline", 0}, {"student", 1}, {"baseline", 1}, {"baseline", 2}, {"student", 2}, {"baseline", 3}} {
		tell(c.role, c.n)
	}
	holds("s1 b1 b2 s2 b3")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = sinkAt(t, path) // the baseline's last checkpoint was after epoch 2
	tell("student", 2)
	tell("baseline", 2)
	holds("s1 s2 b1 b2")
	tell("baseline", 3)
	tell("student", 3)
	tell("baseline", 2) // begins again
	holds("s1 s2 s3 b1 b2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func sinkAt(t *testing.T, path string) Sink {
	t.Helper()
	s, err := JSONL(path, example())
	return must(t, s, err)
}
