package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const (
	childDir   = "KDONNX_STORE_TEST_DIR"
	childNaive = "KDONNX_STORE_TEST_NAIVE"
	killRows   = 4000
	killShard  = 400
	killClass  = 200
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir, os.Getenv(childNaive) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func killKey() Key {
	k := testKey()
	k.Classes, k.ClassNames = killClass, nil
	return k
}

// killLogits is the target of each position, large enough that writing takes a while.
func killLogits(positions []int) []float32 {
	out := make([]float32, 0, len(positions)*killClass)
	for _, p := range positions {
		for c := range killClass {
			out = append(out, float32(p)+float32(c)/32)
		}
	}
	return out
}

// runChild fills the store in dir, or with naive writes the same files without
// temporary names. It says when it begins to write.
func runChild(dir string, naive bool) error {
	var shards [][]float32
	for i := range killRows / killShard {
		positions := make([]int, killShard)
		for r := range positions {
			positions[r] = i*killShard + r
		}
		shards = append(shards, killLogits(positions))
	}
	if naive {
		return runNaive(dir, shards)
	}
	w, err := Create(dir, killKey(), gathered(rowsOf(killRows)), killShard)
	if err != nil {
		return err
	}
	defer w.Close()
	fmt.Println("ready")
	for _, m := range w.Missing() {
		if err := w.WriteShard(m.Index, shards[m.Index]); err != nil {
			return err
		}
	}
	_, err = w.Finish()
	return err
}

// runNaive writes each shard straight to its final name, piece by piece.
func runNaive(dir string, shards [][]float32) error {
	fmt.Println("ready")
	for i, logits := range shards {
		b := targetsHeader(killShard, dense{elements[Float32], killClass})
		for _, v := range logits {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		f, err := os.Create(targetsPath(dir, i))
		if err != nil {
			return err
		}
		for len(b) > 0 {
			n := min(len(b), 32<<10)
			if _, err := f.Write(b[:n]); err != nil {
				return err
			}
			if err := f.Sync(); err != nil {
				return err
			}
			b = b[n:]
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// forever is more time than a child needs.
const forever = time.Minute

// killOnce starts a child on dir and kills it the given time after it began
// to write, unless it is done by then. It tells whether the child was done,
// and how long that took.
func killOnce(t *testing.T, dir string, naive bool, after time.Duration) (finished bool, span time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if naive {
		cmd.Env = append(cmd.Env, childNaive+"=1")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, err = out.Read(make([]byte, 1))
	start := time.Now()
	if err == nil {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	span = time.Since(start)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); err != nil && !(ok && status.Signal() == syscall.SIGKILL) {
		t.Fatalf("child: %v: %s", err, stderr.String())
	}
	return err == nil, span
}

// TestKilledAtAnyMoment kills the writer at random moments. No file may be
// incomplete under its final name after any kill, and once a writer comes
// through, the store must have the bytes of an uninterrupted one.
func TestKilledAtAnyMoment(t *testing.T) {
	straight := filepath.Join(t.TempDir(), "straight")
	_, span := killOnce(t, straight, false, forever)
	want := contents(t, straight)
	if _, err := Open(straight); err != nil {
		t.Fatal(err)
	}

	rng := rand.New(rand.NewPCG(1, 2))
	kills, stores, strays := 0, 0, 0
	for kills < 60 {
		dir := filepath.Join(t.TempDir(), "killed")
		stores++
		for here := 0; ; here++ {
			after := time.Duration(rng.Int64N(int64(span/2) + 1))
			if here == 8 {
				after = forever
			}
			if done, _ := killOnce(t, dir, false, after); done {
				break
			}
			kills++
			for name, b := range contents(t, dir) {
				if whole, known := want[name]; !known {
					strays++
				} else if b != whole {
					t.Fatalf("kill %d: %s is not what an uninterrupted run writes (%d bytes of %d)", kills, name, len(b), len(whole))
				}
			}
		}
		if got := contents(t, dir); len(got) != len(want) {
			t.Fatalf("got %d files, expected %d", len(got), len(want))
		}
		for name, b := range contents(t, dir) {
			if b != want[name] {
				t.Fatalf("%s differs after the kills", name)
			}
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	t.Logf("%d kills over %d stores left %d temporaries, which the next run removed", kills, stores, strays)
	if strays == 0 {
		t.Error("no kill fell into a write: the test sees nothing")
	}
}

// TestNaiveWriterFails is the control: the same kills on a writer without
// temporary names must leave incomplete files.
func TestNaiveWriterFails(t *testing.T) {
	straight := t.TempDir()
	_, span := killOnce(t, straight, true, forever)
	want := contents(t, straight)
	rng := rand.New(rand.NewPCG(3, 4))
	broken := 0
	for kill := 0; kill < 60 && broken == 0; kill++ {
		dir := t.TempDir()
		killOnce(t, dir, true, time.Duration(rng.Int64N(int64(span))))
		for name, b := range contents(t, dir) {
			if b != want[name] {
				broken++
			}
		}
	}
	if broken == 0 {
		t.Error("60 kills of a writer without temporary names broke no file: the test sees nothing")
	}
}
