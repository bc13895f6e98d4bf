package specialist

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// train trains all nets, several at once. The first fault ends the others, which
// save checkpoints.
func (t *rivals) train(ctx context.Context) error {
	nets := slices.Concat(t.larger, t.members)
	progress := distill.NewJoint(t.env.Progress, "rivals", t.steps*int64(len(nets)))
	i, err := distill.Together(ctx, len(nets), t.plan.Parallel, func(ctx context.Context, i int) error {
		n := nets[i]
		err := t.once(ctx, n.name, n.name, n, func(dir, path string) error { return t.learn(ctx, n, dir, path, progress.Of(n)) })
		if err == nil {
			progress.Set(n, t.steps)
		}
		return err
	})
	switch {
	case i < len(nets):
		return fault.New(fault.KindOf(err), "", nets[i].name, "%w", err)
	case err == nil:
		progress.End()
	}
	return err
}

// learn trains and exports a net, and fills its record.
func (t *rivals) learn(ctx context.Context, n *rivalNet, dir, path string, progress distill.Progress) error {
	r := t.session.Recipe()
	r.Student.Arch, r.Train.Seed = n.Arch, n.Seed
	out, err := t.session.Train(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: dir, Progress: progress,
		Log: func(line string) { t.log(n.name + ": " + line) }})
	if err != nil {
		return err
	}
	if err := out.Export(ctx, path, nil); err != nil {
		return err
	}
	n.File, n.Epochs, n.BestAt = filepath.Base(path), len(out.History), out.BestAt
	n.Visits, n.Seconds = int64(n.Epochs)*int64(out.Epoch), 0
	for _, e := range out.History {
		n.Seconds += e.Seconds
	}
	return nil
}

// score has the rivals answer the test rows.
func (t *rivals) score(ctx context.Context) error {
	for _, nets := range [][]*rivalNet{t.larger, t.members} {
		if len(nets) == 0 {
			continue
		}
		trained := TrainedRival{Arch: nets[0].Arch}
		var files []string
		for _, n := range nets {
			trained.Files, files = append(trained.Files, n.File), append(files, t.at(n.File))
			trained.Epochs, trained.Visits, trained.Seconds = trained.Epochs+n.Epochs, trained.Visits+n.Visits, trained.Seconds+n.Seconds
		}
		name := "larger net"
		if len(nets) > 1 {
			name = "plain ensemble"
		}
		test := t.session.Data().Test
		r, err := OpenRival(ctx, name, files, t.session.Classes(), EnsembleOptions{Rows: test, RowsName: "the test rows", Cache: t.env.Cache})
		if err != nil {
			return err
		}
		result, err := EvaluateRival(ctx, *r, test, len(t.session.Classes()))
		r.Close()
		if err != nil {
			return err
		}
		trained.RivalResult = *result
		t.result.Trained = append(t.result.Trained, trained)
	}
	return nil
}

// OpenRival opens .onnx files that answer together for rows like those of
// o.Rows, each natively and for so many classes.
func OpenRival(ctx context.Context, name string, files, classes []string, o EnsembleOptions) (*Rival, error) {
	r := &Rival{Name: name, Files: files}
	for _, path := range files {
		t := distill.Default().Teacher
		t.Model, t.Library = path, o.Library
		m, err := distill.OpenModel(ctx, distill.EngineNative, t, o.Rows, o.RowsName, o.Cache)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.Models = append(r.Models, m)
		if m.Task != dataset.MultiClass || m.Classes != len(classes) {
			r.Close()
			return nil, fault.New(fault.Input, path, "", "is of %s with %d outputs, expected %d classes", m.Task, m.Classes, len(classes))
		}
		if err := sameNames(m.ClassNames, classes); err != nil {
			r.Close()
			return nil, fault.New(fault.Input, path, "classes", "%w", err)
		}
	}
	return r, nil
}

// Close ends the processes that run its models, if there are any.
func (r *Rival) Close() {
	for _, m := range r.Models {
		if c, ok := m.(interface{ Close() }); ok {
			c.Close()
		}
	}
}
