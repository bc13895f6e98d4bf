package dataset

import (
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// argOptions are the options that an argument can carry behind its path, as in
// "clips?mels=64&frames=98", so that each set of rows of a run can have its own.
var argOptions = map[string]func(o *Options, value string) error{
	"split":     func(o *Options, v string) error { o.Split = v; return nil },
	"label":     func(o *Options, v string) error { o.Label = v; return nil },
	"columns":   func(o *Options, v string) error { o.Columns = v; return nil },
	"label-map": func(o *Options, v string) error { o.LabelMap = v; return nil },
	"task":      func(o *Options, v string) error { o.Task = v; return nil },
	"layout": func(o *Options, v string) error {
		o.Layout = Layout(v)
		return nil
	},
	"resize": func(o *Options, v string) error {
		h, w, _ := strings.Cut(v, "x")
		o.Resize = []int{0, 0}
		if err := setInt(&o.Resize[0], h); err != nil {
			return fault.New(fault.Usage, "", "", "got %q, expected HxW", v)
		}
		if err := setInt(&o.Resize[1], w); err != nil {
			return fault.New(fault.Usage, "", "", "got %q, expected HxW", v)
		}
		return nil
	},
	"skip-bad": func(o *Options, v string) error {
		o.SkipBad = v == "" || v == "true"
		if !o.SkipBad && v != "false" {
			return fault.New(fault.Usage, "", "", "got %q, expected true or false", v)
		}
		return nil
	},
	"mels":   func(o *Options, v string) error { return setInt(&o.Mels, v) },
	"frames": func(o *Options, v string) error { return setInt(&o.Frames, v) },
}

func setInt(to *int, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return fault.New(fault.Usage, "", "", "got %q, expected a whole number above 0", v)
	}
	*to = n
	return nil
}

// PathOf is the path of an argument, without its format and options.
func PathOf(arg string) string {
	if name, path, ok := strings.Cut(arg, ":"); ok {
		for _, f := range formats {
			if f.Name == name {
				arg = path
			}
		}
	}
	path, _ := cutOptions(arg)
	return path
}

// cutOptions parts path from the options behind it. A path that exists as it
// stands has none.
func cutOptions(path string) (string, string) {
	i := strings.LastIndexByte(path, '?')
	if i < 1 || exists(path) || !exists(path[:i]) {
		return path, ""
	}
	return path[:i], path[i+1:]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// set takes the options that an argument carries.
func (o *Options) set(path, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fault.New(fault.Usage, showPath(path), "", "options %q: %w", query, err)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set, known := argOptions[key]
		if !known {
			return fault.New(fault.Usage, showPath(path), key, "unknown option, expected %s", listOr(slices.Sorted(maps.Keys(argOptions)), ""))
		}
		if n := len(values[key]); n > 1 {
			return fault.New(fault.Usage, showPath(path), key, "given %d times", n)
		}
		if err := set(o, values[key][0]); err != nil {
			f := *err.(*fault.Error)
			f.Path, f.Field = showPath(path), key
			return &f
		}
	}
	return nil
}
