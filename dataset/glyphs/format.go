package glyphs

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

var splits = []string{"train", "val", "test", "unlabelled"}

func init() {
	dataset.Register(dataset.Format{
		Name:   "glyphs",
		About:  "the embedded data, as glyphs:train?rows=2000&seed=1&labelled=200",
		Detect: func(string) bool { return false },
		Open:   open,
		Query:  true,
		Splits: func(arg string) []string {
			if split, _, _ := strings.Cut(arg, "?"); split == "" {
				return splits
			}
			return nil
		},
	})
}

// open reads split?rows=N&seed=S&labelled=N. The split may come from the
// options instead. Rows of the split "unlabelled" have no labels unless
// labelled says so.
func open(arg string, d dataset.Options) (dataset.Source, error) {
	name, query, _ := strings.Cut(arg, "?")
	o := Options{Split: name, Rows: defaultRows, Seed: 1, Labelled: -1}
	if name == "" {
		o.Split = d.Split
	}
	if o.Split == "" {
		o.Split = splits[0]
	}
	if !slices.Contains(splits, o.Split) {
		return nil, fault.New(fault.Usage, "glyphs:"+arg, "split", "got %q, expected %s", o.Split, strings.Join(splits, ", "))
	}
	if o.Split == "unlabelled" || d.Label == "none" {
		o.Labelled = 0
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.New(fault.Usage, "glyphs:"+arg, "", "%w", err)
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := o.set(key, values[key]); err != nil {
			return nil, fault.New(fault.Usage, "glyphs:"+arg, key, "%w", err)
		}
	}
	src := Open(o)
	if classes := src.Spec().Classes; len(d.Classes) > 0 && len(classes) > 0 && !slices.Equal(d.Classes, classes) {
		return nil, fault.New(fault.Input, "glyphs:"+arg, "classes", "%d classes asked for that are not the %d of glyphs in their order", len(d.Classes), len(classes))
	}
	return src, nil
}

func (o *Options) set(key string, values []string) error {
	if len(values) != 1 {
		return fault.New(fault.Usage, "", "", "given %d times", len(values))
	}
	v, err := strconv.ParseUint(values[0], 10, 64)
	const most = 1 << 31
	switch {
	case err != nil:
		return fault.New(fault.Usage, "", "", "got %q, expected a whole number", values[0])
	case key == "seed":
		o.Seed = v
	case key != "rows" && key != "labelled":
		return fault.New(fault.Usage, "", "", "unknown, expected rows, seed or labelled")
	case v >= most || key == "rows" && v == 0:
		return fault.New(fault.Usage, "", "", "got %d, expected from 1 to %d", v, most-1)
	case key == "rows":
		o.Rows = int(v)
	default:
		o.Labelled = int(v)
	}
	return nil
}
