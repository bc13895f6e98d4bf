package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// optionsFlag is a flag of KEY=VALUE that may be repeated; a later value of
// the same key counts.
type optionsFlag struct{ p *map[string]string }

func (o *optionsFlag) Type() string   { return "key=value" }
func (o *optionsFlag) String() string { return strings.Join(o.GetSlice(), " ") }

// Set adds one option.
func (o *optionsFlag) Set(s string) error { return o.Append(s) }

// Append implements pflag.SliceValue.
func (o *optionsFlag) Append(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return fmt.Errorf("expected KEY=VALUE")
	}
	if *o.p == nil {
		*o.p = map[string]string{}
	}
	(*o.p)[key] = value
	return nil
}

// Replace implements pflag.SliceValue: the options of a recipe stay where none
// of the same key is given.
func (o *optionsFlag) Replace(list []string) error {
	*o.p = maps.Clone(*o.p)
	for _, s := range list {
		if err := o.Append(s); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (o *optionsFlag) GetSlice() []string {
	if o.p == nil { // pflag asks the zero value
		return nil
	}
	list := []string{}
	for _, key := range slices.Sorted(maps.Keys(*o.p)) {
		list = append(list, key+"="+(*o.p)[key])
	}
	return list
}
