package stream

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// jsonl is a file of JSON lines: one of event start, one of event epoch for
// each epoch of each course as it ends, one of event end.
type jsonl struct {
	path  string
	file  *durable.Journal
	start []byte
	said  []said
}

// said is the line of an epoch.
type said struct {
	of   Course
	line []byte
}

// JSONL opens a file of JSON lines. What r says of the run before it trains
// goes into the first line.
func JSONL(path string, r *report.Report) (Sink, error) {
	start, err := line(pairs{{"event", "start"}, {"format", report.Format}, {"title", r.Title}, {"task", taskName(r.Task)}, {"provenance", r.Provenance}, {"recipe", r.Recipe}})
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot encode: %w", err)
	}
	f, err := durable.OpenJournal(path)
	if err != nil {
		return nil, err
	}
	return &jsonl{path: path, file: f, start: start}, nil
}

// taskName is empty for classes, as in metrics.json.
func taskName(t dataset.Task) string {
	if t == dataset.MultiClass {
		return ""
	}
	return t.String()
}

// Epochs implements Sink.
func (j *jsonl) Epochs(of Course, done []Epoch) error {
	before := 0
	for _, s := range j.said {
		if s.of == of {
			before++
		}
	}
	if before == 0 || before != len(done)-1 { // not one more: the course begins, or begins again
		j.said = slices.DeleteFunc(j.said, func(s said) bool { return s.of == of })
		before = 0
	}
	from := len(j.said)
	for _, e := range done[before:] {
		b, err := epochLine(of, e)
		if err != nil {
			return fault.New(fault.IO, j.path, "", "cannot encode: %w", err)
		}
		j.said = append(j.said, said{of, b})
	}
	if before > 0 {
		return j.file.Append(j.said[from].line)
	}
	all := bytes.Clone(j.start)
	for _, s := range j.said {
		all = append(all, s.line...)
	}
	return j.file.Set(all)
}

// End implements Sink.
func (j *jsonl) End(r *report.Report) error {
	p := pairs{{"event", "end"}}
	if r.Seeds != nil { // whose the scores are
		p = append(p, pair{"seed", r.Seeds.Exported})
	}
	p = append(p, pairs{{"verdict", r.Verdict}, {"teacher", scores(r.Teacher)}, {"baseline", scores(r.Baseline)}, {"student", scores(r.Student)},
		{"steps_per_s", r.StepsPerS}, {"samples_per_s", r.SamplesPerS}, {"wall_s", r.WallS}}...)
	b, err := line(p)
	if err != nil {
		return fault.New(fault.IO, j.path, "", "cannot encode: %w", err)
	}
	return j.file.Append(b)
}

// Close implements Sink.
func (j *jsonl) Close() error { return j.file.Close() }

func epochLine(of Course, e Epoch) ([]byte, error) {
	p := pairs{{"event", "epoch"}, {"role", of.Role}}
	if of.Several {
		p = append(p, pair{"seed", of.Seed})
	}
	p = append(p, pair{"epoch", e.Epoch.Epoch})
	for _, s := range e.Scalars() {
		p = append(p, pair{strings.ReplaceAll(s.Name, "/", "_"), s.Value})
	}
	return line(append(p, pair{"seconds", report.Number(e.Seconds)}, pair{"time", e.ended()}))
}

// scores are a model's, or null.
func scores(b *report.Block) any {
	if b == nil {
		return nil
	}
	p := pairs{{"name", b.Name}}
	for _, s := range b.Scores() {
		p = append(p, pair{s.Name, s.Value})
	}
	return p
}

// pairs is a JSON object whose keys keep their order.
type pairs []pair

type pair struct {
	key   string
	value any
}

// MarshalJSON leaves out empty texts and maps.
func (p pairs) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for _, kv := range p {
		switch v := kv.value.(type) {
		case string:
			if v == "" {
				continue
			}
		case map[string]string:
			if len(v) == 0 {
				continue
			}
		}
		value, err := json.Marshal(kv.value)
		if err != nil {
			return nil, err
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		key, _ := json.Marshal(kv.key)
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

func line(p pairs) ([]byte, error) {
	b, err := json.Marshal(p)
	return append(b, '\n'), err
}
