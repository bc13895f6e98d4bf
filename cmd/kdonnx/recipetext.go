package main

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
)

// sections says what each section of a recipe is about.
var sections = map[string]string{
	"teacher": "The pretrained model, or several, and how they run.",
	"data":    "The rows.",
	"student": "The net that learns.",
	"loss":    "What it learns by: L = α·T²·KL(softmax(v/T) ‖ softmax(z/T)) + β·CE(y, softmax(z)), or what stands for it.",
	"train":   "The optimisation, the same for student and baseline.",
	"output":  "What the run leaves.",
	"specialist": "What kdonnx specialist run does: a generalist, specialists for what it confuses, and what these are held against. The sections above are those of " +
		"generalist, rivals and students. kdonnx distill takes no recipe with any of these.",
	"sweep": "What kdonnx sweep tries: lists of values, or ranges, of what the sections above say once. kdonnx distill takes no recipe with any.",
}

// flagless explains the keys that no flag sets.
var flagless = map[string]string{
	"teacher.ensemble": "instead of model: several as one, each with keys of its own, as in [{model: a.onnx, weight: 2}, {model: b.onnx, input: unit, temperature: 2}]",
}

// recipeText writes r as YAML, every key with what its flag's help and
// Validate say of it. A key without a value is commented out, so that the text
// reads back as r itself. head are lines of comment above it all.
func recipeText(r *distill.Recipe, head []string) []byte {
	t := &recipeWriter{}
	t.comment("", head...)
	probe := distill.Default()
	for _, bind := range []func(*pflag.FlagSet, *distill.Recipe){recipeFlags, sweepFlags, studyFlags} {
		f := pflag.NewFlagSet("recipe", pflag.ContinueOnError)
		bind(f, &probe)
		t.flags = append(t.flags, f)
	}
	t.fields("", "", reflect.ValueOf(r).Elem(), reflect.ValueOf(&probe).Elem())
	return t.b.Bytes()
}

type recipeWriter struct {
	b     bytes.Buffer
	flags []*pflag.FlagSet // bound to the probe, of a run, of a sweep and of a study of specialists
}

// fields writes the keys of a section; probe is the same struct of the recipe
// that the flags are bound to.
func (t *recipeWriter) fields(section, indent string, v, probe reflect.Value) {
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		path := strings.TrimPrefix(section+"."+key, ".")
		f, p := v.Field(i), probe.Field(i)
		switch {
		case options == "inline":
			t.fields(section, indent, f, p)
		case f.Kind() == reflect.Struct:
			t.b.WriteByte('\n')
			t.comment(indent, sections[path])
			fmt.Fprintf(&t.b, "%s%s:\n", indent, key)
			t.fields(path, indent+"  ", f, p)
		default:
			t.comment(indent, t.explain(path, p))
			if text, ok := scalarText(f); ok {
				fmt.Fprintf(&t.b, "%s%s: %s\n", indent, key, text)
			} else {
				fmt.Fprintf(&t.b, "%s# %s:\n", indent, key)
			}
		}
	}
}

// explain is what is known of a key: the help of its flag, which is the one
// that shows another value once the field is changed, and the range.
func (t *recipeWriter) explain(path string, field reflect.Value) string {
	if text := flagless[path]; text != "" {
		return text
	}
	flag := t.flagOf(field)
	if flag == nil {
		return ""
	}
	_, text := pflag.UnquoteUsage(flag)
	if n, ok := flag.Value.(notFlag); ok && n.p != nil {
		text = "false: " + text
	}
	if want := distill.Range("--" + flag.Name); want != "" {
		text += "; " + want
	}
	return text + " (--" + flag.Name + ")"
}

// flagOf is the flag that is bound to a field of the probe.
func (t *recipeWriter) flagOf(field reflect.Value) *pflag.Flag {
	for _, flags := range t.flags {
		before := map[string]string{}
		flags.VisitAll(func(f *pflag.Flag) { before[f.Name] = f.Value.String() })
		was := reflect.New(field.Type()).Elem()
		was.Set(field)
		field.Set(other(field))
		var found *pflag.Flag
		flags.VisitAll(func(f *pflag.Flag) {
			if found == nil && f.Value.String() != before[f.Name] {
				found = f
			}
		})
		field.Set(was)
		if found != nil {
			return found
		}
	}
	return nil
}

// other is a value of v's type that is not v.
func other(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		to.SetString(v.String() + "?")
	case reflect.Bool:
		to.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		to.SetInt(v.Int() + 1)
	case reflect.Uint64:
		to.SetUint(v.Uint() + 1)
	case reflect.Float64:
		to.SetFloat(v.Float() + 1)
	case reflect.Pointer:
		to.Set(reflect.New(v.Type().Elem()))
		if !v.IsNil() {
			to.Elem().Set(other(v.Elem()))
		}
	case reflect.Slice:
		to.Set(reflect.Append(v, other(reflect.Zero(v.Type().Elem()))))
	case reflect.Map:
		to.Set(reflect.MakeMap(v.Type()))
		to.SetMapIndex(reflect.ValueOf("?").Convert(v.Type().Key()), reflect.Zero(v.Type().Elem()))
	}
	return to
}

// scalarText is a value as YAML reads it back; false of one that is not there.
func scalarText(v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String(), true
	case string:
		return quoteYAML(x), true
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "", false
		}
		return scalarText(v.Elem())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	case reflect.Slice:
		return listText(v)
	case reflect.Map:
		return mapText(v)
	case reflect.Struct:
		return structText(v), true
	}
	return fmt.Sprint(v.Interface()), true
}

func listText(v reflect.Value) (string, bool) {
	var parts []string
	for i := range v.Len() {
		text, _ := scalarText(v.Index(i))
		parts = append(parts, text)
	}
	return "[" + strings.Join(parts, ", ") + "]", v.Len() > 0
}

func mapText(v reflect.Value) (string, bool) {
	var parts []string
	for _, k := range sortedKeys(v) {
		text, _ := scalarText(v.MapIndex(reflect.ValueOf(k).Convert(v.Type().Key())))
		parts = append(parts, quoteYAML(k)+": "+text)
	}
	return "{" + strings.Join(parts, ", ") + "}", v.Len() > 0
}

func sortedKeys(v reflect.Value) []string {
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}

// structText is a member of a list: what it leaves empty is left out.
func structText(v reflect.Value) string {
	var parts []string
	var add func(v reflect.Value)
	add = func(v reflect.Value) {
		for i := range v.NumField() {
			key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			f := v.Field(i)
			if options == "inline" {
				add(f)
			} else if text, ok := scalarText(f); ok && !f.IsZero() {
				parts = append(parts, key+": "+text)
			}
		}
	}
	add(v)
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoteYAML writes a text as YAML: bare where it is a plain word or path.
func quoteYAML(s string) string {
	plain := s != ""
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i == 0 && c == '/'
		plain = plain && (letter || i > 0 && (c >= '0' && c <= '9' || strings.ContainsRune("._-/", c)))
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// comment writes lines of comment, wrapped.
func (t *recipeWriter) comment(indent string, texts ...string) {
	const width = 110
	for _, text := range texts {
		line := indent + "#"
		for _, word := range strings.Fields(text) {
			if len([]rune(line))+1+len([]rune(word)) > width && line != indent+"#" {
				t.b.WriteString(line + "\n")
				line = indent + "#"
			}
			line += " " + word
		}
		t.b.WriteString(line + "\n")
	}
}
