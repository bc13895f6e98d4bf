package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func newRuntime(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runtime",
		Short: "Install, find or check the ONNX Runtime library",
		Example: `  kdonnx runtime install
  kdonnx runtime doctor`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRuntimeInstall(a), newRuntimePath(a), newRuntimeDoctor(a))
	return cmd
}

func newRuntimeInstall(a *app) *cobra.Command {
	var o ort.InstallOptions
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Put a pinned, checksummed ONNX Runtime into the cache",
		Long: `Does nothing when it is there already. Sources in order: --from, the official
release archive, the onnxruntime-node package through the npm client.`,
		Example: `  kdonnx runtime install
  kdonnx runtime install --from onnxruntime-linux-x64-1.29.0.tgz`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = func(line string) { fmt.Fprintln(a.err, line) }
			lib, err := ort.Install(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "ONNX Runtime %s: %s\n", lib.Version, lib.Path)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.From, "from", "", "library file, release archive or its address")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "folder to install into (default: the cache)")
	return cmd
}

func newRuntimePath(a *app) *cobra.Command {
	var lib string
	cmd := &cobra.Command{
		Use:     "path",
		Short:   "Print the library that would be used",
		Example: "  export KDONNX_ORT_LIB=$(kdonnx runtime path)",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			l, err := ort.Find(lib)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, l.Path)
			return nil
		},
	}
	cmd.Flags().StringVar(&lib, "ort-lib", "", "library to use instead of looking it up")
	return cmd
}

func newRuntimeDoctor(a *app) *cobra.Command {
	var lib string
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check the library step by step and say how to mend it",
		Example: "  kdonnx runtime doctor",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			var failed *ort.Check
			for _, c := range ort.Doctor(cmd.Context(), lib) {
				mark := "ok"
				switch {
				case !c.OK && c.Optional:
					mark = "--"
				case !c.OK:
					mark = "BAD"
					if failed == nil {
						failed = &c
					}
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", mark, c.Name, c.Detail)
				if c.Fix != "" {
					fmt.Fprintf(w, "\t\t-> %s\n", c.Fix)
				}
			}
			if err := w.Flush(); err != nil || failed == nil {
				return err
			}
			return fault.New(fault.Integrity, "", failed.Name, "%s", failed.Detail)
		},
	}
	cmd.Flags().StringVar(&lib, "ort-lib", "", "library to check instead of looking it up")
	return cmd
}
