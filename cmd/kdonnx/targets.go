package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
)

func newTargets(a *app) *cobra.Command {
	var (
		t             = distill.Default().Teacher
		data          dataFlags
		dir           string
		index, shards int
		asJSON        bool
	)
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "Run the teacher over rows and keep its logits in a target store",
		Long: `Fills a target store: the teacher's logits (of a regression its values) of every
row, found again by the row's content, in .npy shards with digests. Interrupted, the
same command goes on. A job array fills one store from many machines: each takes every
n-th shard. Of a teacher of 1,000 classes, --store-dtype topk:16 takes a fiftieth of
the bytes.`,
		Example: `  kdonnx targets --teacher mnist.onnx --data mnist/ -o store/
  kdonnx targets --teacher mnist.onnx --data mnist/ -o store/ --shard-index 3 --shards 8
  kdonnx targets --teacher imagenet.onnx --data photos/ -o store/ --store-dtype topk:16
  kdonnx targets --teacher a.onnx --teacher b.onnx --weights 2,1 --data mnist/ -o store/
  kdonnx targets --before imputer.onnx --before scaler.onnx --teacher forest.onnx --data rows.csv -o store/
  kdonnx targets --teacher mnist.onnx --data mnist/ -o hints/ --teacher-output conv5 --teacher-task regression
  kdonnx targets --teacher mnist.onnx --data mnist/ -o store/ --provider cuda:0 \
      --provider-option cudnn_conv_algo_search=HEURISTIC --teacher-memory 8192`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "teacher", "data", "output"); err != nil {
				return err
			}
			var err error
			if index, shards, err = shardIndex(index, shards); err != nil {
				return err
			}
			ctx := cmd.Context()
			src, model, stop, err := openTaught(ctx, &t, &data)
			if err != nil {
				return err
			}
			defer stop()
			tell(a.err, src)
			contract, err := model.Detect(ctx, src)
			if err != nil {
				return err
			}
			bars := newProgress(a.err)
			defer bars.stop()
			for _, line := range contract.Lines() {
				bars.log("teacher: " + line)
			}
			s, err := model.Fill(ctx, src, dir, teacher.FillOptions{ShardIndex: index, Shards: shards, Repair: t.Repair,
				Restarted: func(batch string, err error) {
					bars.log("teacher: " + batch + ", restarted and went on: " + err.Error())
				}, Progress: func(done, total int) {
					bars.memory(model.Memory())
					bars.report(distill.RoleTeacher, int64(done), int64(total), nil)
				}})
			bars.stop()
			if err != nil {
				return distill.Interrupted(ctx, err)
			}
			if s != nil {
				defer s.Close()
			}
			if s == nil {
				fmt.Fprintf(a.out, "shards of index %d of %d written to %s; the store is complete when every index has run\n", index, shards, dir)
				return nil
			}
			ran := model.Stats()
			if asJSON {
				return printJSON(a.out, map[string]any{"store": dir, "rows": s.Len(), "classes": s.Classes(), "key": s.Key(),
					"rows_run": ran.Rows, "rows_per_s": ran.RowsPerS(), "peak_worker_bytes": ran.Peak, "restarts": ran.Restarts})
			}
			if ran.Rows > 0 {
				fmt.Fprintf(a.err, "teacher: %v\n", ran)
			}
			fmt.Fprintf(a.out, "%s: %d rows of %d %s, complete and verified\n", dir, s.Len(), s.Classes(), contract.TargetsAre())
			return nil
		},
	}
	cmd.AddCommand(newTargetsLs(a), newTargetsVerify(a), newTargetsMerge(a), newTargetsExport(a), newTargetsGC(a))
	t.Model = ""
	teacherFlags(cmd.Flags(), &t)
	storeFlag(cmd.Flags(), &t)
	data.bind(cmd.Flags())
	cmd.Flags().StringVarP(&dir, "output", "o", "", "folder of the store")
	cmd.Flags().IntVar(&index, "shard-index", -1, "which part this process fills, from 0 (default: the job array's index, where there is one)")
	cmd.Flags().IntVar(&shards, "shards", 1, "how many parts there are")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// tell shows what the reader of the rows noted.
func tell(to io.Writer, src dataset.Source) {
	for _, note := range src.Spec().Notes {
		fmt.Fprintln(to, "data: "+fault.Printable(note))
	}
}

// dataFlags name rows for the commands that only read them.
type dataFlags struct {
	path, split, label, task string
	columns, labelMap        string
	limit                    distill.RowLimit
	skipBad                  bool
	like                     dataset.Options // labels and columns, where a model says what they are
	unlabelled               bool            // labels are of no use, and left out where the columns of a model say which they are
}

// bind adds the flags to f.
func (d *dataFlags) bind(f *pflag.FlagSet) {
	defer under(f, groupRows)()
	f.StringVar(&d.path, "data", "", "rows: PATH, FORMAT:PATH, with options behind it as in 'clips?mels=64', or embedded")
	f.StringVar(&d.split, "split", "", "split of the rows: train, test or val")
	f.StringVar(&d.label, "label", "", "label column of a table, by name or position, or several: a,b,c (default: detected)")
	f.StringVar(&d.task, "task", "", "what the labels are: multi-class, multi-label or regression (default: the student's, else detected)")
	f.BoolVar(&d.skipBad, "skip-bad", false, "leave out images that cannot be read, and say which, instead of stopping")
	columnFlags(f, &d.columns, &d.labelMap)
	if d.limit.First {
		f.IntVar(&d.limit.Rows, "limit", 0, "use only the first rows (0: all)")
		return
	}
	f.IntVar(&d.limit.Rows, "limit", 0, "use this many rows, the same share of each class, in their order (0: all)")
	f.Uint64Var(&d.limit.Seed, "seed", distill.Default().Train.Seed, "chooses the rows that --limit takes, as in kdonnx distill")
}

// options are how the rows and their labels are read.
func (d *dataFlags) options() dataset.Options {
	o := d.like
	o.Label, o.Columns, o.LabelMap, o.SkipBad = d.label, d.columns, d.labelMap, d.skipBad
	if d.task != "" {
		o.Task = d.task
	}
	return o
}

// open opens the rows; split is used where they have it and none was named.
func (d *dataFlags) open(ctx context.Context, split string) (dataset.Source, error) {
	if d.split != "" {
		split = d.split
	}
	o := d.options()
	if d.columns != "" && !o.Schema.IsZero() {
		return nil, usage("--columns: the model says itself what its columns are")
	}
	if d.unlabelled && o.Label == "" && !o.Schema.IsZero() {
		o.Label = "none"
	}
	return distill.OpenRows(ctx, d.path, split, d.split != "", o, d.limit)
}

// columnFlags bind how the columns and labels of rows are read.
func columnFlags(f *pflag.FlagSet, columns, labelMap *string) {
	f.StringVar(columns, "columns", *columns, `what columns of a table are, where they are not what they look like: "age=numeric?, sex=categorical, zip=categorical:500, grade=ordinal(low<mid<high), note=text:512, ok=boolean, id=drop"`)
	f.StringVar(labelMap, "label-map", *labelMap, `classes of the labels that the rows have: "a=vowel, e=vowel, *=consonant", or a file of one label=class a line; an empty class is no label`)
}
