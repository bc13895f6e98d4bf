package study

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist"
)

// judged is what specialists change on the test rows.
type judged struct {
	*specialist.Evaluation
	Confused []float64 `json:"confused"` // Evaluation.Confusion
	Alone    scored    `json:"alone"`    // the generalist
	Together scored    `json:"together"` // with its specialists
}

// scored is one model on the test rows.
type scored struct {
	specialist.Cost
	Result metrics.Result `json:"result"` // without what is there to be drawn
	Right  rights         `json:"right"`
}

// bare is r without what is there to be drawn.
func bare(r metrics.Result) metrics.Result {
	r.Bins, r.Confusion, r.PerClass = nil, nil, nil
	return r
}

// ensembleFile is the name of the bundle as one file, that by which
// specialist.Distil finds it.
const ensembleFile = "ensemble.onnx"

// exported is the bundle as one file.
type exported struct {
	File    string             `json:"file"`
	Digest  string             `json:"digest"`
	Parity  *specialist.Parity `json:"parity"`
	Latency latency            `json:"latency"`
}

// latency is the median of one row in ONNX Runtime, in milliseconds, on as many
// threads as it takes by itself.
type latency struct {
	Generalist report.Number `json:"generalist_ms"`
	Together   report.Number `json:"together_ms"`
}

// bundleIs names the bundle by its models and who is heard.
func (s *seed) bundleIs(depends map[string]string) {
	depends["top"], depends["generalist"] = fmt.Sprint(s.bundle.Top), s.bundle.Generalist.Digest
	for m, e := range s.bundle.Specialists {
		depends[fmt.Sprintf("specialists[%d]", m)] = fmt.Sprintf("%s of %v", e.Digest, e.Classes)
	}
}

// judge holds the generalist with its specialists against it alone.
func (s *seed) judge(ctx context.Context) error {
	depends := map[string]string{testRows: s.rows[testRows], "version": s.env.Version}
	s.bundleIs(depends)
	err := s.run(step{name: judgeStep, title: "evaluation", depends: depends, result: &s.judged, do: func(string) error {
		e, err := specialist.OpenEnsemble(ctx, s.bundle, specialist.EnsembleOptions{Rows: s.data.Test, RowsName: s.data.TestIs, Library: s.recipe.Teacher.Library, Cache: s.env.Cache})
		if err != nil {
			return err
		}
		defer e.Close()
		v, err := specialist.Evaluate(ctx, e, s.data.Test)
		if err != nil {
			return err
		}
		j := judged{Evaluation: v, Confused: v.Confusion, Alone: scored{Result: bare(v.Generalist), Right: v.GeneralistRight}, Together: scored{Result: bare(v.Ensemble), Right: v.EnsembleRight}}
		if j.Alone.Cost, j.Together.Cost, err = s.bundle.Costs(v); err != nil {
			return err
		}
		s.judged = j
		return nil
	}})
	if err == nil {
		s.judged.Confusion = s.judged.Confused
	}
	return err
}

// export makes the bundle one file, proven in ONNX Runtime, and times it.
func (s *seed) export(ctx context.Context) error {
	depends := map[string]string{testRows: s.rows[testRows], "version": s.env.Version}
	s.bundleIs(depends)
	return s.run(step{name: exportStep, title: "one file", depends: depends, result: &s.exported,
		do: func(dir string) (err error) {
			e := exported{File: ensembleFile}
			path := filepath.Join(dir, e.File)
			if e.Parity, err = specialist.Export(ctx, s.bundle, specialist.ExportOptions{Output: path, Rows: s.data.Test, RowsName: s.data.TestIs, Library: s.recipe.Teacher.Library}); err != nil {
				return err
			}
			if e.Digest, err = onnx.Digest(path); err != nil {
				return err
			}
			e.Latency.Generalist = s.time(ctx, s.bundle.Path(s.bundle.Generalist))
			e.Latency.Together = s.time(ctx, path)
			s.exported = e
			return nil
		},
		intact: func(dir string) error { return intact(filepath.Join(dir, s.exported.File), s.exported.Digest) },
	})
}

// time is how long the model at path takes for one row of zeros, in
// milliseconds; 0 where that cannot be said.
func (s *seed) time(ctx context.Context, path string) report.Number {
	l, err := export.Latency(ctx, path, s.recipe.Teacher.Library, nil, 0)
	if err != nil {
		s.log(fmt.Sprintf("the latency of %s was not measured: %v", filepath.Base(path), err))
		return 0
	}
	return report.Number(l.Median.Seconds() * 1e3)
}

// rights tell of each labelled row whether it was answered rightly. In JSON they
// are bits, the first the lowest, in base64; a last byte says how many of the
// byte before it count.
type rights []bool

func (r rights) MarshalText() ([]byte, error) {
	bits := make([]byte, (len(r)+7)/8)
	for i, yes := range r {
		if yes {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return base64.StdEncoding.AppendEncode(nil, append(bits, byte(len(r)%8))), nil
}

func (r *rights) UnmarshalText(text []byte) error {
	bits, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(bits) == 0 {
		return fmt.Errorf("right: is empty")
	}
	n, last := 8*(len(bits)-1), int(bits[len(bits)-1])
	if last > 7 || last > 0 && n == 0 {
		return fmt.Errorf("right: got %d bits of the last byte, expected at most 7", last)
	}
	if last > 0 {
		n += last - 8
	}
	*r = make(rights, n)
	for i := range *r {
		(*r)[i] = bits[i/8]>>(i%8)&1 == 1
	}
	return nil
}
