package dataset_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func init() {
	gray := func(seed int) []byte { return encodePNG(grayImage(2, 3, seed)) }
	formatCases["images"] = append(formatCases["images"],
		formatCase{name: "nested folders, other names of splits", make: func(t *testing.T, d string) string {
			put(t, d, "Training/cat/2021/may/1.png", gray(1))
			put(t, d, "Training/cat/0.png", gray(2))
			put(t, d, "Training/dog/1.png", gray(3))
			put(t, d, "valid/dog/x/1.png", gray(4))
			put(t, d, "testing/eel/1.png", gray(5))
			return d
		}, splits: "train val test", len: 3, shape: []int{2, 3, 1}, classes: "cat dog eel", first: []float32{2}, labels: []int32{0, 0, 1}},
		formatCase{name: "another split, resized by the argument", make: func(t *testing.T, d string) string {
			put(t, d, "train/cat/1.png", gray(1))
			put(t, d, "validation/dog/x/1.png", gray(4))
			return d + "?split=val&resize=4x5"
		}, len: 1, shape: []int{4, 5, 1}, classes: "cat dog", labels: []int32{1}},
		formatCase{name: "a class named as a split", make: func(t *testing.T, d string) string {
			put(t, d, "train/1.png", gray(1)) // the vehicle
			put(t, d, "tram/1.png", gray(2))
			return d
		}, len: 2, shape: []int{2, 3, 1}, classes: "train tram", labels: []int32{0, 1}},
	)
}

func TestHostileTrees(t *testing.T) {
	good := encodePNG(grayImage(2, 2, 0))
	type files []string
	for _, c := range []struct {
		hostile
		files files
	}{
		{bad("", "split beside classes", "", nil, `extra: a folder beside train, which is a split: expected folders of splits only`), files{"train/k/a.png", "extra/a.png"}},
		{bad("", "a split twice", "", nil, `validation: a second folder for split val, beside val`), files{"val/k/a.png", "validation/k/a.png"}},
		{bad("", "splits in classes", "", nil, `cat/test: a folder of split test inside the folder of class cat: expected test/cat`), files{"cat/test/a.png", "cat/train/a.png"}},
		{bad("", "one folder above the splits", "", nil, `set/train: a folder of split train inside the folder of class set: expected train/set, or the path of set itself`), files{"set/train/k/a.png"}},
	} {
		d := t.TempDir()
		for _, name := range c.files {
			put(t, d, name, good)
		}
		checkHostile(t, c.hostile, d)
	}
}

// TestTreeLinks follows no link to a folder, so that a loop cannot be entered.
func TestTreeLinks(t *testing.T) {
	d := t.TempDir()
	put(t, d, "k/sub/a.png", encodePNG(grayImage(2, 2, 0)))
	os.Symlink("..", filepath.Join(d, "k/sub/up"))
	os.Symlink(".", filepath.Join(d, "loop"))
	src := must(dataset.Open(d, dataset.Options{}))
	defer src.Close()
	if src.Len() != 1 || strings.Join(src.Spec().Classes, " ") != "k" {
		t.Errorf("%d rows, classes %q", src.Len(), src.Spec().Classes)
	}
}

// TestUnreadableFolder names the folder; root reads every folder.
func TestUnreadableFolder(t *testing.T) {
	d := t.TempDir()
	put(t, d, "k/sub/a.png", encodePNG(grayImage(2, 2, 0)))
	put(t, d, "k/a.png", encodePNG(grayImage(2, 2, 0)))
	os.Chmod(d+"/k/sub", 0)
	defer os.Chmod(d+"/k/sub", 0o755)
	if os.Getuid() == 0 {
		t.Skip("permissions do not hold root back")
	}
	checkHostile(t, hostile{"F-67", "unreadable", "", nil, dataset.Options{}, `k/sub: cannot read: permission denied`, fault.IO}, "images:"+d)
}

// TestArgOptions are options behind a path.
func TestArgOptions(t *testing.T) {
	d := t.TempDir()
	put(t, d, "k/a.png", encodePNG(grayImage(2, 2, 0)))
	odd := put(t, d, "what?mels=3.csv", []byte("1,2\n3,4\n"))
	for arg, want := range map[string]string{
		d + "?resize=3x4":             "[3 4 1]",
		"images:" + d + "?resize=3x4": "[3 4 1]",
		odd:                           "[2]",
		odd + "?label=1":              "[1]",
		d + "?colour=red":             `colour: unknown option, expected columns, frames, label, label-map, layout, mels, resize, skip-bad, split or task`,
		d + "?resize=3":               `resize: got "3", expected HxW`,
		d + "?resize=0x4":             `resize: got "0x4", expected HxW`,
		d + "?resize=3x99999":         `resize: got [3 99999], expected (H, W)`,
		d + "?mels=4&mels=5":          `mels: given 2 times`,
		d + "?mels=-4":                `mels: got "-4", expected a whole number above 0`,
		d + "?skip-bad=maybe":         `skip-bad: got "maybe", expected true or false`,
		d + "?layout=HWC":             `layout: got "HWC", expected NCHW or NHWC`,
		d + "?split=val":              `no split "val"`,
		d + "?a=%zz":                  `options "a=%zz": invalid URL escape`,
		d + "/none?mels=4":            `no such file`,
	} {
		src, err := dataset.Open(arg, dataset.Options{})
		if err != nil {
			if kind := fault.KindOf(err); !strings.Contains(err.Error(), want) || kind != fault.Usage && kind != fault.IO && kind != fault.Input {
				t.Errorf("%s: got %q, want %q", arg, err, want)
			}
			continue
		}
		if got := fmt.Sprint(src.Spec().Shape); got != want {
			t.Errorf("%s: shape %s, want %s", arg, got, want)
		}
		if _, err := dataset.IDs(context.Background(), src); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
		src.Close()
	}
	for arg, want := range map[string]string{
		"images:" + d + "?mels=4": d, d + "?x": d, odd: odd, "csv:" + odd: odd, d: d, "none?x": "none?x", "embedded": "embedded",
	} {
		if got := dataset.PathOf(arg); got != want {
			t.Errorf("the path of %s is %s, want %s", arg, got, want)
		}
	}
}
