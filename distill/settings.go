package distill

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Settings are what the recipe says by key, as --set takes it: train.lr is
// 0.05. What is empty is left out, and so are the names of outputs, on which no
// result depends.
func (r *Recipe) Settings() map[string]string {
	s := map[string]string{}
	collect(s, "", reflect.ValueOf(*r))
	for k := range s {
		if strings.HasPrefix(k, "output.") {
			delete(s, k)
		}
	}
	return s
}

// collect puts the fields of v, by their keys in YAML, below prefix.
func collect(s map[string]string, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		key, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		f := v.Field(i)
		for f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		switch {
		case f.Kind() == reflect.Pointer || key == "-" || (f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.Len() == 0:
		case f.Kind() == reflect.Struct && option == "inline":
			collect(s, prefix, f)
		case f.Kind() == reflect.Struct:
			collect(s, prefix+key+".", f)
		case f.Kind() == reflect.Slice || f.Kind() == reflect.Map:
			if text, err := json.Marshal(f.Interface()); err == nil { // in the words of YAML too
				s[prefix+key] = string(text)
			}
		default:
			if text := fmt.Sprint(f.Interface()); text != "" && key != "" {
				s[prefix+key] = text
			}
		}
	}
}
