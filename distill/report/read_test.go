package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// jsonOf are reports of every task, as bytes of metrics.json.
func jsonOf(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for name, r := range map[string]*Report{
		"classes": example(t, 60, 4, 3), "labels": taskExample(t, dataset.MultiLabel, 30, "a", "b"), "numbers": taskExample(t, dataset.Regression, 30, "a", "b"),
		"loud": shout(poison(example(t, 40, 12, 3))), "hostile names": shoutTargets(taskExample(t, dataset.Regression, 30, "a", "b")),
	} {
		r.Format = Format
		r.Recipe = map[string]string{"train.lr": "0.05", hostile: hostile, "=1+1": "=2"}
		data, err := encode("", r)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	return all
}

// TestRebuilt writes a report, reads its JSON and writes it again: the same
// bytes, whatever is in it.
func TestRebuilt(t *testing.T) {
	for name, data := range jsonOf(t) {
		var r Report
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		at := func(name string) Files {
			return Files{filepath.Join(dir, name+".json"), filepath.Join(dir, name+".html"), filepath.Join(dir, name+".csv")}
		}
		if err := at("first").Write(&r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := Read(at("first").JSON)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := at("second").Write(back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, ext := range []string{".json", ".html", ".csv"} {
			a, _ := os.ReadFile(filepath.Join(dir, "first"+ext))
			b, _ := os.ReadFile(filepath.Join(dir, "second"+ext))
			if len(a) == 0 || !bytes.Equal(a, b) {
				t.Errorf("%s%s: %d and %d bytes, not the same", name, ext, len(a), len(b))
			}
		}
	}
	// broken UTF-8, which JSON cannot hold, does not tell the first page from the second
	r, dir := example(t, 20, 3, 1), t.TempDir()
	r.Title, r.Classes[0] = "a\xff\xfeb", "\xc3\x28\xff\xff"
	first, second := Files{filepath.Join(dir, "1.json"), filepath.Join(dir, "1.html"), ""}, Files{"", filepath.Join(dir, "2.html"), ""}
	if err := first.Write(r); err != nil {
		t.Fatal(err)
	}
	back, err := Read(first.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Write(back); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(first.HTML)
	b, _ := os.ReadFile(second.HTML)
	if !bytes.Equal(a, b) {
		t.Error("broken UTF-8 gives another page")
	}
}

// TestOlder reads a file of before there was a format, a recipe or a digest of
// the test rows.
func TestOlder(t *testing.T) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(jsonOf(t)["classes"], &keys); err != nil {
		t.Fatal(err)
	}
	delete(keys, "format")
	delete(keys, "recipe")
	data, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Parse("m", data); err != nil || r.Format != 0 || r.Student == nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestRefused is one line of what is wrong, with exit code 3, or 8 for a newer
// format.
func TestRefused(t *testing.T) {
	good := jsonOf(t)
	swap := func(name, from, to string) []byte {
		t.Helper()
		b := bytes.Replace(good[name], []byte(from), []byte(to), 1)
		if bytes.Equal(b, good[name]) {
			t.Fatalf("%q is not in the file of %s", from, name)
		}
		return b
	}
	n := len(good["classes"])
	for name, c := range map[string]struct {
		data []byte
		kind fault.Kind
		want string
	}{
		"empty":             {nil, fault.Input, "ends early, after 0 bytes"},
		"truncated":         {good["classes"][:n/2], fault.Input, "ends early"},
		"no JSON":           {[]byte("\x1b[2J<html>"), fault.Input, `m: byte 1: invalid character '\x1b'`},
		"a list":            {[]byte("[]"), fault.Input, "got array, expected an object"},
		"null":              {[]byte("null"), fault.Input, "neither teacher nor baseline nor student"},
		"another file":      {[]byte(`{"name":"x","version":"1"}`), fault.Input, "neither teacher nor baseline nor student"},
		"more behind it":    {append(bytes.Clone(good["classes"]), "{}"...), fault.Input, "got more after the JSON object"},
		"newer":             {swap("classes", `"format": 1`, `"format": 2`), fault.Integrity, "format: got 2, expected at most 1"},
		"text for a number": {swap("classes", `"errors": `, `"errors": "<b>", "x": `), fault.Input, "m: teacher.errors: got string, expected a whole number"},
		"NaN":               {swap("classes", `"lr": `, `"lr": NaN, "x": `), fault.Input, "invalid character 'N'"},
		"overflow":          {swap("classes", `"lr": `, `"lr": 1e999, "x": `), fault.Input, "got number 1e999"},
		"too large":         {swap("classes", `"lr": `, `"lr": 1e300, "x": `), fault.Input, "history.student[0].lr: got 1e+300, expected a number of at most 1e+100"},
		"too many":          {swap("classes", `"n": 60`, `"n": 9000000000000000000`), fault.Input, "expected a whole number of at most"},
		"fraction of rows":  {swap("classes", `"n": 60`, `"n": 60.5`), fault.Input, "got number 60.5, expected a whole number"},
		"errors below 0":    {swap("classes", `"errors": `, `"errors": -1, "x": `), fault.Input, "teacher.errors: got -1, expected 0 to 60"},
		"share above 1":     {swap("classes", `"ece": `, `"ece": 1.5, "x": `), fault.Input, "teacher.ece: got 1.5, expected 0 to 1"},
		"matrix not square": {swap("classes", "\"confusion\": [\n", "\"confusion\": [ [1,2,3,4,5],\n"), fault.Input, "teacher.confusion"},
		"wide row":          {swap("classes", "\"confusion\": [\n      [\n", "\"confusion\": [\n      [ 7,\n"), fault.Input, "teacher.confusion[0]: got 5 numbers, expected 4"},
		"negative cell":     {swap("classes", "\"confusion\": [\n      [\n        ", "\"confusion\": [\n      [\n        -"), fault.Input, "teacher.confusion[0][0]: got -"},
		"unknown task":      {swap("labels", `"task": "multi-label"`, `"task": "<x>"`), fault.Input, "<x>"},
		"another task":      {swap("labels", `"task": "multi-label"`, `"task": "regression"`), fault.Input, "teacher.task: got multi-label, expected regression"},
		"labels lacking":    {swap("labels", "\"per_label\": [\n", "\"per_label\": [ {},\n"), fault.Input, "per_label: got 2 labels, expected 3"},
		"numbers lacking":   {swap("numbers", "\"per_target\": [\n", "\"per_target\": [ {},\n"), fault.Input, "per_target: got 2 numbers, expected 3"},
		"epochs that fall":  {swap("classes", `"epoch": 2`, `"epoch": 1`), fault.Input, "history.student[1].epoch: got 1, expected epochs that rise"},
		"no scores":         {[]byte(`{"task":"multi-label","student":{"task":"multi-label","n":1,"labelled":1}}`), fault.Input, "student.micro_f1: expected of labels"},
		"deep":              {[]byte(strings.Repeat(`{"a":[`, 20000)), fault.Input, "exceeded max depth"},
		"huge":              {bytes.Repeat([]byte(" "), MaxFile+1), fault.Input, "got more than 64 MiB"},
	} {
		_, err := Parse("m", c.data)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "m: ") {
			t.Errorf("%s: got %v, expected kind %d and %q", name, err, c.kind, c.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "no.json")); fault.KindOf(err) != fault.IO {
		t.Errorf("no file: %v", err)
	}
}

// survives requires that data is refused in one line, or that every page can
// be made of it.
func survives(t *testing.T, data []byte) (accepted bool) {
	r, err := Parse("m", data)
	if err != nil {
		if strings.ContainsAny(err.Error(), "\n\x1b") || fault.KindOf(err) != fault.Input && fault.KindOf(err) != fault.Integrity {
			t.Errorf("kind %d: %q", fault.KindOf(err), err)
		}
		return false
	}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	c := Compare([]Named{{"a", r}, {"b", r}})
	both, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{page, both} {
		if m := notNumber.Find(p); m != nil && !bytes.Contains(data, m) {
			t.Errorf("the page holds %s", m)
		}
		walk(t, p)
	}
	if err := errors.Join(CSV(io.Discard, r), c.CSV(io.Discard), c.Text(io.Discard)); err != nil {
		t.Error(err)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	return true
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"student":{"n":2,"labelled":2,"errors":1,"confusion":[[1,0],[1,0]]},"history":{"student":[{"epoch":1,"val":null}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) { survives(t, data) })
}

// TestMutated changes one value of a whole file at a time: another number,
// another type, one more or one less of a list, a key that is not there.
func TestMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	values := []string{"null", "true", `""`, `"<b>\u001b"`, "0", "-1", "1", "3", "0.5", "1e99", "-1e99", "1e-320", "1099511627776", "1152921504606846976", "[]", "{}", "[1]", "[[]]"}
	var change func(v any) any
	change = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			keys := slices.Sorted(maps.Keys(v))
			if len(keys) == 0 || rng.IntN(12) == 0 {
				break
			}
			k := keys[rng.IntN(len(keys))]
			if rng.IntN(12) == 0 {
				delete(v, k)
			} else {
				v[k] = change(v[k])
			}
			return v
		case []any:
			if len(v) == 0 || rng.IntN(6) == 0 {
				break
			}
			switch i := rng.IntN(len(v)); rng.IntN(6) {
			case 0:
				return append(v, v[i])
			case 1:
				return v[:i]
			default:
				v[i] = change(v[i])
			}
			return v
		}
		return json.RawMessage(values[rng.IntN(len(values))])
	}
	files, accepted := jsonOf(t), 0
	const times = 250
	for _, name := range []string{"classes", "labels", "numbers"} {
		for range times {
			d := json.NewDecoder(bytes.NewReader(files[name]))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			for range 1 + rng.IntN(3) {
				v = change(v)
			}
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if survives(t, data) {
				accepted++
			}
			if t.Failed() {
				t.Fatalf("of %s: %.2000s", name, data)
			}
		}
	}
	if accepted < times/4 {
		t.Errorf("only %d of %d were read: the test sees too little", accepted, 3*times)
	}
}
