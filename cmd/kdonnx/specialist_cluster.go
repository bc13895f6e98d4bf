package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset/glyphs"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

func newSpecialistCluster(a *app) *cobra.Command {
	var (
		data   dataFlags
		o      = specialist.ClusterOptions{Model: distill.Default().Teacher, Method: specialist.ByConfusion, Temperature: 1}
		output string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Find the sets of classes that a model confuses, without labels",
		Long: `Clusters what a model says of rows, by an online k-means, into sets of classes that it
confuses: one specialist for each (kdonnx specialist train). No label is needed; where
there are some, the table says how many errors lie within the sets. Beside the sets a
page shows them.

Methods: confusion, what each class is confused with off the diagonal of the second
moments; covariance, the columns of the covariance matrix as they are, as in the paper;
targets, the rows' soft targets, each cluster giving the classes it holds. Without -k as
many sets as have the largest silhouette, 32 at most. What the model says is kept in a
target store in the cache, so that another method or number asks it nothing.`,
		Example: `  kdonnx specialist cluster -k 16
  kdonnx specialist cluster --model generalist.onnx --data rows.csv -k 8 --classes-each 10 -o clusters.json
  kdonnx specialist cluster --targets store/ --data rows.csv --method covariance --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			page := strings.TrimSuffix(output, filepath.Ext(output)) + ".html"
			if page == output {
				return fault.New(fault.Usage, output, "-o", "the page goes there, expected another name for the sets, such as clusters.json")
			}
			if o.Targets != "" && cmd.Flags().Changed("model") {
				return usage("--targets: the store says what its model said, --model goes without it")
			}
			for _, path := range []string{output, page} {
				if err := writable("-o", path, o.Model.Model, data.path); err != nil {
					return err
				}
			}
			return a.cluster(cmd, &o, &data, output, page, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Model.Model, "model", o.Model.Model, "the generalist's .onnx file, or embedded: any classifier")
	f.StringVar(&o.Targets, "targets", "", "instead, a target store with what it says of the rows")
	f.IntVarP(&o.K, "sets", "k", 0, "number of sets (0: the one with the largest silhouette)")
	f.IntVar(&o.Each, "classes-each", 0, "classes of each set, the nearest to its centre; sets may then overlap and leave classes out (0: each class in one set)")
	f.StringVar(&o.Method, "method", o.Method, "what is clustered: "+strings.Join(specialist.Methods, ", "))
	f.Float64Var(&o.Temperature, "temperature", o.Temperature, "predictions are softmax(logits/T)")
	data.bind(f)
	teacherFlags(f, &o.Model)
	f.MarkHidden("teacher")
	f.Lookup("data").DefValue, data.path = distill.Embedded, distill.Embedded
	f.Lookup("seed").Usage = "of the clustering, and of the rows that --limit takes"
	f.StringVarP(&output, "output", "o", "clusters.json", "file of the sets; the page goes beside it")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// cluster finds the sets, writes them and their page, and prints what they are.
func (a *app) cluster(cmd *cobra.Command, o *specialist.ClusterOptions, data *dataFlags, output, page string, asJSON bool) error {
	var err error
	if o.Targets == "" && o.Model.Model != distill.Embedded {
		if data.like, err = distill.RowsOf(o.Model.Model); err != nil {
			return err
		}
	}
	o.Names = data.like.Classes
	if o.Model.Model == distill.Embedded {
		o.Names = glyphs.Open(glyphs.Options{Labelled: -1}).Spec().Classes
	}
	split := "train"
	if data.path == distill.Embedded {
		split = "unlabelled" // most of the transfer set
	}
	ctx := cmd.Context()
	if o.Rows, err = data.open(ctx, split); err != nil {
		return err
	}
	defer o.Rows.Close()
	tell(a.err, o.Rows)
	if o.Cache, err = cacheDir(); err != nil {
		return err
	}
	bars := newProgress(a.err)
	defer bars.stop()
	o.RowsName, o.Seed, o.Log = data.path, data.limit.Seed, bars.log
	o.Progress = func(done, total int) { bars.report(distill.RoleTeacher, int64(done), int64(total), nil) }
	c, err := specialist.Cluster(ctx, *o)
	bars.stop()
	if err != nil {
		return distill.Interrupted(ctx, err)
	}
	if err := c.Sets().Write(output); err != nil {
		return err
	}
	if err := report.WriteClusters(page, c.Page()); err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, struct {
			*specialist.Clustering
			Output string `json:"output"`
			Page   string `json:"page"`
		}{c, output, page})
	}
	return printClusters(a, c, output, page)
}

// shownNames bounds the classes of a set in the table.
const shownNames = 24

func printClusters(a *app, c *specialist.Clustering, output, page string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	head := "set\tclasses\tnames\tconfusion"
	if c.Covered.Errors > 0 {
		head += "\terrors"
	}
	fmt.Fprintln(w, head)
	for i, one := range c.Clusters {
		names := strings.Join(one.Classes[:min(len(one.Classes), shownNames)], " ")
		if len(one.Classes) > shownNames {
			names += " …"
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%.1f %%", i+1, len(one.Classes), fault.Printable(names), 100*one.Confusion)
		if c.Covered.Errors > 0 {
			fmt.Fprintf(w, "\t%d", one.Errors)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, line := range c.Sentences() {
		fmt.Fprintln(a.out, fault.Printable(line))
	}
	for _, note := range c.Notes {
		fmt.Fprintln(a.out, "note: "+fault.Printable(note))
	}
	fmt.Fprintf(a.out, "\nsets  %s\npage  %s\n", output, page)
	return nil
}
