package study

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// step is a part of a seed's work whose result is kept: a folder with what it
// leaves, and beside it a record of what it depends on and what it came to.
type step struct {
	name    string // of the folder
	title   string // for people
	depends map[string]string
	result  any                    // pointer to what the record keeps
	do      func(dir string) error // fills result, and leaves files in dir
	intact  func(dir string) error // an error where a file in dir is not that of result; nil: there is none
}

// record is what is kept of a step. One that has begun and is not done names
// whose the files in its folder are.
type record struct {
	Depends map[string]string `json:"depends"`
	Done    bool              `json:"done"`
	Result  json.RawMessage   `json:"result,omitempty"`
}

// run does a step, unless that was done: with the same names in depends, and
// its files as they were. One that was begun goes on; what was begun or done
// with other settings is forgotten, and the first that differs is said.
func (s *seed) run(p step) error {
	dir, path := s.at(p.name), s.at(p.name+".json")
	had, err := s.read(path)
	if err != nil {
		return err
	}
	anew := had == nil
	if had != nil {
		if what := differs(had.Depends, p.depends); what != "" {
			s.log(fmt.Sprintf("%s: done again, %s", p.title, what))
			anew = true
		}
	}
	if !anew && had.Done {
		err := json.Unmarshal(had.Result, p.result)
		if err == nil && p.intact != nil {
			err = p.intact(dir)
		}
		if err == nil {
			s.log(p.title + ": is done")
			return nil
		}
		s.log(fmt.Sprintf("%s: done again, what was kept is damaged: %v", p.title, err))
		anew = true
	}
	if anew {
		if err := s.begin(dir, path, p.depends); err != nil {
			return err
		}
	}
	if err := p.do(dir); err != nil {
		return err
	}
	result, err := json.Marshal(p.result)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot encode: %w", err)
	}
	return durable.WriteJSON(path, record{p.depends, true, result})
}

// read is the record at path; nil where there is none that can be read.
func (s *seed) read(path string) (*record, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil || r.Depends == nil {
		s.log(path + ": not a record of this step, which is done again")
		return nil, nil
	}
	return r, nil
}

// begin makes an empty folder for a step, and says whose it is.
func (s *seed) begin(dir, path string, depends map[string]string) error {
	for _, old := range []string{path, dir} { // the record first: it must not stand for what is half removed
		if err := os.RemoveAll(old); err != nil {
			return fault.New(fault.IO, old, "", "cannot begin anew: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	return durable.WriteJSON(path, record{Depends: depends})
}

// differs says the first name with another value; "" where all are the same.
func differs(had, want map[string]string) string {
	names := slices.Collect(maps.Keys(had))
	for k := range want {
		if _, both := had[k]; !both {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		if had[k] != want[k] {
			return fmt.Sprintf("%s was %s and is %s", k, shown(had[k]), shown(want[k]))
		}
	}
	return ""
}

func shown(value string) string {
	const most = 60
	if value == "" {
		return "nothing"
	}
	if text := []rune(value); len(text) > most {
		return string(text[:most]) + "…"
	}
	return value
}
