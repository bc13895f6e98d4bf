package durable

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// WriteJSON is Write of v as indented JSON.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot encode: %w", err)
	}
	return Write(path, append(text, '\n'))
}

// Identity is what the contents of a folder depend on, by name: with another
// value of any they would be others.
type Identity struct {
	Plan map[string]string `json:"plan"` // what was asked for
	Rows map[string]string `json:"rows"` // what it is about; nil as long as that is not known
}

// Hold holds id against that in the file at path: the first name with another
// value is a fault of kind Integrity, in which what says whose the folder is.
// Where there is no file, id is written once its Rows are known.
func (id Identity) Hold(path, what string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if id.Rows == nil {
			return nil
		}
		return WriteJSON(path, id)
	}
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	var had Identity
	if err := json.Unmarshal(text, &had); err != nil {
		return fault.New(fault.Integrity, path, "", "damaged: %w; --restart begins anew", err)
	}
	if err := same(path, what, had.Plan, id.Plan); err != nil || id.Rows == nil {
		return err
	}
	return same(path, what, had.Rows, id.Rows)
}

func same(path, what string, had, want map[string]string) error {
	all := map[string]string{}
	maps.Copy(all, had)
	maps.Copy(all, want)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if had[k] != want[k] {
			return fault.New(fault.Integrity, path, k, "the folder is of %s: it has %s, this one %s; --restart begins anew", what, shown(had[k]), shown(want[k]))
		}
	}
	return nil
}

func shown(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
