package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student/graph"
)

func newList(a *app) *cobra.Command {
	kinds := []string{"models", "losses", "augmentations", "formats", "ops"}
	return &cobra.Command{
		Use:       "list [models|losses|augmentations|formats|ops]",
		Short:     "List architectures, losses, augmentations, data formats and trainable ops",
		Example:   "  kdonnx list models",
		ValidArgs: kinds,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("list: got %d arguments, expected one of models, losses, augmentations, formats, ops", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = kinds
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
			for _, kind := range args {
				switch kind {
				case "models":
					for _, m := range models.List() {
						fmt.Fprintf(w, "model\t%s\t%s\n", m.Examples[0], m.Help)
					}
				case "losses":
					for _, l := range loss.Entries() {
						fmt.Fprintf(w, "loss\t%s\t%s\n", l.Name, l.Doc)
					}
				case "augmentations":
					for _, k := range dataset.Augmentations() {
						fmt.Fprintf(w, "augmentation\t%s\t%s\n", k.Example, k.About)
					}
				case "formats":
					for _, f := range dataset.Formats() {
						fmt.Fprintf(w, "format\t%s\t%s\n", f.Name, f.About)
					}
				case "ops":
					for _, op := range graph.Ops() {
						fmt.Fprintf(w, "op\t%s\t\n", op)
					}
				default:
					return usage("list: got %q, expected models, losses, augmentations, formats or ops", kind)
				}
			}
			return w.Flush()
		},
	}
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kdonnx version",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "kdonnx %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// release is the version of the source tree.
const release = "0.1.0"

// version is the module version of an installed binary, else the release of
// the source tree.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" && info.Main.Sum != "" {
		return info.Main.Version
	}
	return release
}
