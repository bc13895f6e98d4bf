package dataset_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func clip(hz, seconds float64) []byte { return wavFile(1, 1, 8000, 16, sine(8000, hz, seconds)) }

func speechCommands(t *testing.T, d string) string {
	for _, name := range []string{"yes/a_nohash_0.wav", "yes/b_nohash_0.wav", "no/a_nohash_0.wav", "no/c_nohash_0.wav", "no/d_nohash_0.wav"} {
		put(t, d, name, clip(440, 0.3))
	}
	put(t, d, "_background_noise_/hum.wav", clip(50, 2))
	put(t, d, "README.md", nil)
	put(t, d, "validation_list.txt", []byte("no/c_nohash_0.wav\n"))
	put(t, d, "testing_list.txt", []byte("yes/b_nohash_0.wav\r\nno/d_nohash_0.wav\r\n"))
	return d
}

func init() {
	silence := float32(math.Log(1e-10))
	shape := []int{40, 98, 1}
	formatCases["wav"] = []formatCase{
		{name: "classes and splits", make: func(t *testing.T, d string) string {
			put(t, d, "train/yes/speaker 1/a.wav", clip(300, 1))
			put(t, d, "train/no/a.WAV", quiet())
			put(t, d, "validation/maybe/a.wav", clip(300, 1.5))
			return d
		}, splits: "train val", len: 2, shape: shape, classes: "maybe no yes", first: []float32{silence, silence}, labels: []int32{1, 2}},
		{name: "bands and frames by the argument", make: func(t *testing.T, d string) string {
			put(t, d, "a.wav", clip(300, 0.1))
			return d + "?mels=8&frames=11"
		}, len: 1, shape: []int{8, 11, 1}, labels: []int32{-1}},
		{name: "lists, training", make: speechCommands, splits: "train val test", len: 2, shape: shape, classes: "no yes", labels: []int32{0, 1}},
		{name: "lists, test", make: speechCommands, options: dataset.Options{Split: "test", Frames: 5}, splits: "train val test",
			len: 2, shape: []int{40, 5, 1}, classes: "no yes", labels: []int32{0, 1}},
		{name: "bad ones skipped", make: func(t *testing.T, d string) string {
			put(t, d, "k/0.wav", []byte("RIFF"))
			put(t, d, "k/1.wav", clip(300, 1))
			put(t, d, "k/2.wav", clip(300, 1)[:3000])
			put(t, d, "k/3.wav", wavFile(3, 1, 8000, 32, []float64{0, math.Inf(1)}))
			return d
		}, options: dataset.Options{SkipBad: true}, len: 1, shape: shape, classes: "k"},
	}
}

// quiet is a second of silence, of 8 bits at 8 kHz.
func quiet() []byte { return wavFile(1, 1, 8000, 8, make([]float64, 8000)) }

// TestWAVTypes says that one tone is one spectrogram, whatever the type of the
// samples is, within its resolution.
func TestWAVTypes(t *testing.T) {
	x := sine(8000, 1000, 0.5)
	read := func(data []byte) []float32 {
		d := t.TempDir()
		put(t, d, "a.wav", data)
		src := must(dataset.Open(d+"?frames=40", dataset.Options{}))
		defer src.Close()
		var b dataset.Batch
		if err := src.Read(t.Context(), []int{0}, &b); err != nil {
			t.Fatal(err)
		}
		return b.X
	}
	want := read(wavFile(3, 1, 8000, 32, x))
	streamed := wavFile(1, 1, 8000, 16, x)
	copy(streamed[bytes.Index(streamed, []byte("data"))+4:], "\xff\xff\xff\xff")
	piped := wavFile(1, 1, 8000, 16, x)
	copy(piped[4:], "\x00\x00\x00\x00")
	copy(piped[bytes.Index(piped, []byte("data"))+4:], "\x00\x00\x00\x00")
	for name, data := range map[string][]byte{
		"stereo float":        wavFile(3, 2, 8000, 32, x),
		"extensible float":    wavFile(3+extensible, 1, 8000, 32, x),
		"32 bits":             wavFile(1, 1, 8000, 32, x),
		"24 bits":             wavFile(1, 2, 8000, 24, x),
		"extensible, 24 bits": wavFile(1+extensible, 2, 8000, 24, x),
		"16 bits":             wavFile(1, 1, 8000, 16, x),
		"length unknown":      streamed,
		"no lengths":          piped,
		"8 bits":              wavFile(1, 1, 8000, 8, x),
	} {
		got := read(data)
		peak := 0
		for i, v := range want {
			if v > want[peak] {
				peak = i
			}
		}
		tolerance := 1e-3
		if strings.Contains(name, "8 bits") {
			tolerance = 0.05
		}
		if math.Abs(float64(got[peak]-want[peak])) > tolerance || len(got) != len(want) {
			t.Errorf("%s: peak %v, want %v", name, got[peak], want[peak])
		}
		if name == "stereo float" || name == "extensible float" {
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s: value %d is %v, want %v", name, i, got[i], want[i])
				}
			}
		}
	}
}

func TestHostileWAV(t *testing.T) {
	good := clip(440, 0.2)
	x := sine(8000, 440, 0.1)
	data := chunk("data", wavData(1, 1, 16, x))
	broken := func(edit func(b []byte)) []byte {
		b := bytes.Clone(good)
		edit(b)
		return b
	}
	guid := riff(wavFormat(1+extensible, 1, 8000, 16), data)
	guid[20+30] ^= 1
	for _, c := range []hostile{
		bad("F-62", "empty", "", nil, `a\.wav: truncated: 0 bytes, expected a RIFF/WAVE header of 12`),
		bad("F-62", "text", "", []byte("<html>404</html>"), `starts with "<html>404</h", expected RIFF`),
		bad("F-62", "big-endian", "", broken(func(b []byte) { copy(b, "RIFX") }), `starts with "RIFX`),
		bad("F-62", "AVI", "", broken(func(b []byte) { copy(b[8:], "AVI ") }), `expected RIFF and WAVE`),
		bad("F-62", "no chunks", "", riff(), `offset 12: ends without a chunk of samples`),
		bad("F-62", "no samples chunk", "", riff(wavFormat(1, 1, 8000, 16)), `offset 36: ends without`),
		bad("F-62", "data first", "", riff(data, wavFormat(1, 1, 8000, 16)), `samples before the chunk of format`),
		bad("F-62", "two formats", "", riff(wavFormat(1, 1, 8000, 16), wavFormat(1, 1, 8000, 16), data), `a second chunk of format`),
		bad("F-62", "short format", "", riff(chunk("fmt ", make([]byte, 14)), data), `chunk of format of 14 bytes, expected at least 16`),
		bad("F-62", "long format", "", broken(func(b []byte) { copy(b[16:], "\xff\xff\xff\x7f") }), `ends without a chunk|extensible|second`),
		bad("F-62", "MP3 inside", "", riff(wavFormat(0x55, 1, 8000, 16), data), `format 0x0055, expected PCM`),
		bad("F-62", "unknown GUID", "", guid, `an extensible format that is none of PCM and float`),
		bad("F-62", "12 bits", "", riff(wavFormat(1, 2, 8000, 12), data), `samples of 12 bits, expected PCM of 8, 16, 24 or 32`),
		bad("F-62", "float of 64", "", riff(wavFormat(3, 1, 8000, 64), data), `samples of 64 bits, expected PCM`),
		bad("F-62", "no channels", "", riff(wavFormat(1, 0, 8000, 16), data), `0 channels, expected 1 or 2`),
		bad("F-62", "6 channels", "", riff(wavFormat(1, 6, 8000, 16), data), `6 channels, expected 1 or 2`),
		bad("F-62", "rate 0", "", riff(wavFormat(1, 1, 0, 16), data), `sample rate 0 Hz, expected from 1000 to 768000`),
		bad("F-62", "rate 4 GHz", "", broken(func(b []byte) { copy(b[24:], "\xff\xff\xff\xff") }), `sample rate 4294967295 Hz`),
		bad("F-62", "block", "", broken(func(b []byte) { b[32] = 4 }), `samples of 4 bytes, but 1 channels of 16 bits take 2`),
		bad("F-62", "no samples", "", riff(wavFormat(1, 1, 8000, 16), chunk("data", nil)), `holds no samples`),
		bad("F-62", "no samples before a list", "", riff(wavFormat(1, 1, 8000, 16), chunk("data", nil), chunk("LIST", make([]byte, 64))), `holds no samples`),
		bad("F-62", "half a sample", "", riff(wavFormat(1, 2, 8000, 16), chunk("data", make([]byte, 3))), `holds no samples`),
		bad("F-62", "truncated", "", good[:len(good)-1], `truncated: 3200 bytes of samples, but the file has 3199`),
		bad("F-62", "many chunks", "", riff(bytes.Repeat(chunk("junk", nil), 5000), wavFormat(1, 1, 8000, 16), data), `more than 4096 chunks before the samples`),
		bad("F-65", "NaN", "", wavFile(3, 2, 8000, 32, []float64{0, 1, math.NaN()}), `sample 2: is NaN or infinite`),
		{"F-62", "all bad", "", []byte("x"), dataset.Options{SkipBad: true}, `all 1 WAV clips are bad, the first: .*a\.wav: truncated`, fault.Input},
		{"", "bands", "", good, dataset.Options{Mels: 513}, `mels: got 513, expected from 1 to 512`, fault.Usage},
		{"", "frames", "", good, dataset.Options{Frames: -1}, `frames: got -1, expected from 1 to 10000`, fault.Usage},
	} {
		d := t.TempDir()
		put(t, d, "k/a.wav", c.data)
		checkHostile(t, c, d)
	}
	for i := range 60 { // truncated anywhere in the head
		d := t.TempDir()
		put(t, d, "k/a.wav", good[:i])
		checkHostile(t, bad("F-62", fmt.Sprint("truncated to ", i), "", nil, `a\.wav: `), d)
	}
}

func TestHostileWAVFolders(t *testing.T) {
	good := clip(440, 0.2)
	for _, c := range []struct {
		hostile
		make func(d string)
	}{
		{bad("", "two rates", "", nil, `k/b\.wav: sample rate 16000 Hz, but .*k/a\.wav has 8000 Hz`), func(d string) {
			put(t, d, "k/a.wav", good)
			put(t, d, "k/b.wav", wavFile(1, 1, 16000, 16, sine(16000, 440, 0.2)))
		}},
		{bad("", "two rates in two splits", "", nil, `test/k/b\.wav: sample rate 16000 Hz, but .*train/k/a\.wav has 8000 Hz`), func(d string) {
			put(t, d, "train/k/a.wav", good)
			put(t, d, "test/k/b.wav", wavFile(1, 1, 16000, 16, sine(16000, 440, 0.2)))
		}},
		{bad("F-67", "link out of the folder", "", nil, `a\.wav: a symbolic link that leads nowhere inside`), func(d string) {
			put(t, d, "k/b.wav", good)
			os.Symlink(put(t, t.TempDir(), "secret.wav", good), filepath.Join(d, "k/a.wav"))
		}},
		{bad("F-67", "name with a line feed", "", nil, `k/a\\nb\.wav: truncated`), func(d string) { put(t, d, "k/a\nb.wav", nil) }},
		{bad("", "clips and images", "", nil, `looks like images or wav: say which`), func(d string) {
			put(t, d, "k/b.wav", good)
			put(t, d, "k/b.png", encodePNG(grayImage(2, 2, 0)))
		}},
		{bad("", "list names nothing", "", nil, `testing_list\.txt: line 2: "k/z\.wav" is no clip`), func(d string) {
			put(t, d, "k/b.wav", good)
			put(t, d, "testing_list.txt", []byte("k/b.wav\nk/z.wav\n"))
		}},
		{bad("", "list leads out", "", nil, `line 1: "\.\./z\.wav" is no clip`), func(d string) {
			put(t, d, "k/b.wav", good)
			put(t, d, "testing_list.txt", []byte("../z.wav\n"))
		}},
		{bad("", "in two lists", "", nil, `testing_list\.txt: line 1: "k/b\.wav" is in validation_list\.txt too`), func(d string) {
			put(t, d, "k/b.wav", good)
			put(t, d, "testing_list.txt", []byte("k/b.wav\n"))
			put(t, d, "validation_list.txt", []byte("k/b.wav\n"))
		}},
		{bad("", "list takes all", "", nil, `the lists leave no clips for split train`), func(d string) {
			put(t, d, "k/b.wav", good)
			put(t, d, "testing_list.txt", []byte("k/b.wav\n"))
		}},
	} {
		d := t.TempDir()
		c.make(d)
		checkHostile(t, c.hostile, d)
		if _, err := dataset.Open(d, dataset.Options{}); err == nil {
			t.Errorf("%s: opened, expected the fault before any row is read", c.name)
		}
	}
}

// TestWAVNotes tells what is cut and what is padded.
func TestWAVNotes(t *testing.T) {
	d := t.TempDir()
	put(t, d, "k/a.wav", clip(440, 2))
	put(t, d, "k/b.wav", clip(440, 0.2))
	src := must(dataset.Open(d, dataset.Options{}))
	defer src.Close()
	got := strings.Join(src.Spec().Notes, "\n")
	want := "log-mel spectrograms of clips at 8000 Hz: 40 bands (HTK), 98 frames of 200 samples each 80\n" +
		"1 of 2 clips are cut to 0.995 s; the longest, of 2 s, takes frames=199\n1 of 2 clips are padded with silence"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(clip(440, 0.01))
	f.Add(wavFile(3, 2, 8000, 32, []float64{0, 1}))
	f.Add(wavFile(1+extensible, 2, 8000, 24, []float64{0, 1}))
	f.Add(riff(wavFormat(1, 1, 768000, 8), chunk("data", []byte{1, 2, 3})))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := t.TempDir()
		put(t, d, "k/a.wav", data)
		err := openAndRead("wav:"+d+"?frames=3", dataset.Options{})
		if err != nil && (fault.KindOf(err) != fault.Input || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	})
}
