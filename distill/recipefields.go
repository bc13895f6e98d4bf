package distill

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Field is one key of a recipe.
type Field struct {
	Key  string       // section.key
	Kind reflect.Kind // of its value
}

// Numeric tells whether the field is a number.
func (f Field) Numeric() bool { return f.Kind == reflect.Float64 || f.Whole() }

// Whole tells whether the field is a whole number.
func (f Field) Whole() bool { return f.Kind == reflect.Int || f.Kind == reflect.Uint64 }

// Fields lists the keys of a section of a recipe, in its order; nil when there
// is no such section.
func Fields(section string) []Field {
	t, ok := sections()[section]
	if !ok {
		return nil
	}
	var list []Field
	for _, f := range reflect.VisibleFields(t) {
		name := yamlName(f)
		if f.Anonymous || name == "" {
			continue
		}
		kind := f.Type.Kind()
		if kind == reflect.Pointer {
			kind = f.Type.Elem().Kind()
		}
		list = append(list, Field{section + "." + name, kind})
	}
	return list
}

func sections() map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for f := range reflect.TypeFor[Recipe]().Fields() {
		all[yamlName(f)] = f.Type
	}
	return all
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// Get is the value of one key as it is written in a recipe.
func (r *Recipe) Get(key string) (string, error) {
	section, name, _ := strings.Cut(key, ".")
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		if yamlName(v.Type().Field(i)) != section {
			continue
		}
		for _, f := range reflect.VisibleFields(v.Field(i).Type()) {
			if !f.Anonymous && yamlName(f) == name {
				return inFlow(v.Field(i).FieldByIndex(f.Index))
			}
		}
	}
	return "", fault.New(fault.Usage, "", key, "is no key of a recipe")
}

// KeyValues are the values of all keys of some sections, by key, as Get has them:
// what trainings depend on besides rows and teacher, which train.parallel is not.
func (r *Recipe) KeyValues(sections ...string) (map[string]string, error) {
	values := map[string]string{}
	for _, section := range sections {
		for _, f := range Fields(section) {
			if f.Key == "train.parallel" {
				continue
			}
			text, err := r.Get(f.Key)
			if err != nil {
				return nil, err
			}
			values[f.Key] = text
		}
	}
	return values, nil
}

// inFlow is v on one line of YAML.
func inFlow(v reflect.Value) (string, error) {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Float64 {
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	}
	text, err := yaml.MarshalWithOptions(v.Interface(), yaml.Flow(true))
	return strings.TrimSpace(string(text)), err
}

// YAML is r as a recipe file that Merge reads back: what differs from Default,
// and the given keys. notes (by key) stand behind their line as comments, head
// above all, a comment a line.
func (r *Recipe) YAML(head []string, keys []string, notes map[string]string) ([]byte, error) {
	standard := Default()
	var b bytes.Buffer
	for _, line := range head {
		fmt.Fprintf(&b, "# %s\n", fault.Printable(line))
	}
	got, from := reflect.ValueOf(r).Elem(), reflect.ValueOf(&standard).Elem()
	for i := range got.NumField() {
		section, begun := yamlName(got.Type().Field(i)), false
		for _, f := range reflect.VisibleFields(got.Field(i).Type()) {
			key := section + "." + yamlName(f)
			value := got.Field(i).FieldByIndex(f.Index)
			if f.Anonymous || reflect.DeepEqual(value.Interface(), from.Field(i).FieldByIndex(f.Index).Interface()) && !slices.Contains(keys, key) {
				continue
			}
			text, err := inFlow(value)
			if err != nil {
				return nil, err
			}
			if !begun {
				fmt.Fprintf(&b, "%s:\n", section)
				begun = true
			}
			fmt.Fprintf(&b, "  %s: %s", yamlName(f), text)
			if note := notes[key]; note != "" {
				fmt.Fprintf(&b, "  # %s", fault.Printable(note))
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}
