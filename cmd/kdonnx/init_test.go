package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
)

// reread merges the text of a recipe over nothing at all.
func reread(t *testing.T, text []byte) distill.Recipe {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	var r distill.Recipe
	if err := r.Merge(path); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

// TestRecipeText holds that what init writes says every key, with its value
// and something about it, and reads back as what it was written from.
func TestRecipeText(t *testing.T) {
	def := distill.Default()
	text := recipeText(&def, []string{"head"})
	if got := reread(t, text); !reflect.DeepEqual(got, def) {
		t.Errorf("read back as %+v, expected %+v", got, def)
	}
	lines := strings.Split(string(text), "\n")
	eachKey(reflect.TypeOf(def), func(key string) {
		for i, line := range lines {
			bare := strings.TrimPrefix(strings.TrimSpace(line), "# ")
			if name, _, ok := strings.Cut(bare, ":"); ok && name == key {
				if above := strings.TrimSpace(lines[i-1]); len(above) > len("# x") && above[0] == '#' {
					return
				}
			}
		}
		t.Errorf("%s is missing, or nothing is said of it", key)
	})

	full := def
	fill(reflect.ValueOf(&full).Elem())
	if got := reread(t, recipeText(&full, nil)); !reflect.DeepEqual(got, full) {
		t.Errorf("read back as %+v, expected %+v", got, full)
	}
	for _, odd := range []string{"", "true", "12", "1e3", "a: b", "# x", "- x", `"quoted" \ 'so'`, "é ü\n\t\x07", "[a]", "{a: b}", "null", "~", "0x1f", "a #b", "2026-01-01", "*x", "&x", "!x", "%x", "@x", "NO", " a "} {
		r := def
		r.Data.Train, r.Data.Without, r.Student.Freeze = odd, []string{odd, "b"}, []string{odd}
		if got := reread(t, recipeText(&r, nil)); !reflect.DeepEqual(got, r) {
			t.Errorf("%q was read back as %q, %q, %q", odd, got.Data.Train, got.Data.Without, got.Student.Freeze)
		}
	}
}

// eachKey calls f with every key of a recipe.
func eachKey(t reflect.Type, f func(key string)) {
	for i := range t.NumField() {
		field := t.Field(i)
		if key, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); key != "" {
			f(key)
		}
		if field.Type.Kind() == reflect.Struct {
			eachKey(field.Type, f)
		}
	}
}

// fill gives every field a value that is not its default.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Struct:
			fill(f)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 2, 2))
			for j := range 2 {
				if e := f.Index(j); e.Kind() == reflect.Struct {
					fill(e)
				} else {
					e.Set(other(e))
				}
			}
		default:
			if f.Type() == reflect.TypeFor[time.Duration]() {
				f.SetInt(int64(90 * time.Second))
			} else {
				f.Set(other(f))
			}
		}
	}
}
