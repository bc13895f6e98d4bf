package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
)

func newVerify(a *app) *cobra.Command {
	var (
		data   dataFlags
		lib    string
		path   string
		asJSON bool
	)
	data.unlabelled = true
	cmd := &cobra.Command{
		Use:   "verify STUDENT.onnx",
		Short: "Hold an exported student's native outputs against ONNX Runtime's",
		Example: `  kdonnx verify out/student.onnx --data mnist/
  kdonnx verify out/student.unverified.onnx --data mnist/ -o out/student.onnx`,
		Args: exactly("STUDENT.onnx"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := missing(cmd, "data"); err != nil {
				return err
			}
			if err := writable("-o", path, data.path); err != nil {
				return err
			}
			var err error
			if data.like, err = distill.RowsOf(args[0]); err != nil {
				return err
			}
			src, err := data.open(cmd.Context(), "test")
			if err != nil {
				return err
			}
			defer src.Close()
			v, err := distill.Verify(cmd.Context(), args[0], src, lib)
			if err != nil {
				return err
			}
			if path != "" {
				if err := durable.Write(path, v.File); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(a.out, v)
			}
			for _, e := range v.Provenance {
				fmt.Fprintf(a.out, "%-16s %s\n", e.Key, strings.ReplaceAll(e.Value, "\n", " "))
			}
			fmt.Fprintf(a.out, "parity with ONNX Runtime %s: %s\n", v.Parity.Library, v.Parity)
			return nil
		},
	}
	data.bind(cmd.Flags())
	cmd.Flags().StringVar(&lib, "ort-lib", "", "libonnxruntime to use (default: looked up)")
	cmd.Flags().StringVarP(&path, "output", "o", "", "where to put the file once it is proven")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}
