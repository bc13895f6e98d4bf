package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

func newSpecialistExport(a *app) *cobra.Command {
	var (
		b      bundleFlags
		path   string
		asJSON bool
	)
	b.data.limit.First, b.data.unlabelled = true, true
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write a generalist and its specialists as one .onnx file",
		Long: `Writes generalist, specialists, the choice between them and the joining of their
answers as one model of standard ops: rows in, probabilities out. In it a specialist
runs on the rows that need it and on no others. ONNX Runtime must give what kdonnx
specialist predict gives, within 1e-5 and with the same class, for rows one by one
and in batches; else nothing is written. Without --data random rows are compared.`,
		Example: `  kdonnx specialist export --bundle out/specialists --data rows.csv -o out/one.onnx
  kdonnx specialist export --bundle out/specialists --top 2 --json -o out/one.onnx`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "bundle", "output"); err != nil {
				return err
			}
			ctx := cmd.Context()
			bundle, err := b.read(ctx)
			if err != nil {
				return err
			}
			if b.o.Rows != nil {
				defer b.o.Rows.Close()
			}
			if err := writable("-o", path, append(bundle.Files(), b.data.path)...); err != nil {
				return err
			}
			p, err := specialist.Export(ctx, bundle, specialist.ExportOptions{Output: path, Rows: b.o.Rows, RowsName: b.o.RowsName, Library: b.o.Library})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, struct {
					Model  string             `json:"model"`
					Parity *specialist.Parity `json:"parity"`
				}{path, p})
			}
			fmt.Fprintf(a.out, "%s; largest KKT residual %.1g\nparity with ONNX Runtime %s: %s\nmodel  %s\n",
				asked(p.Asked), p.Residual, p.Library, p, fault.Printable(path))
			return nil
		},
	}
	f := cmd.Flags()
	b.bind(f)
	f.StringVarP(&path, "output", "o", "", "the .onnx file")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}
