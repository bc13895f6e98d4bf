package main

import "github.com/spf13/cobra"

func newSpecialistCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "specialist",
		Short: "Join a generalist with small experts for what it confuses",
		Long: `Finds the classes that a model confuses, trains a small expert for each such set, and
joins generalist and experts to one answer (Hinton, Vinyals and Dean 2015, section 5).`,
		Example: `  kdonnx specialist run
  kdonnx specialist cluster -k 16
  kdonnx specialist train --model generalist.onnx --clusters clusters.json --train rows.csv -o out/specialists
  kdonnx specialist predict --bundle out/specialists --data rows.csv
  kdonnx specialist export --bundle out/specialists --data rows.csv -o out/one.onnx
  kdonnx specialist distill --bundle out/specialists --train rows.csv -o out/student.onnx`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSpecialistCluster(a), newSpecialistTrain(a), newSpecialistPredict(a), newSpecialistEval(a), newSpecialistRivals(a), newSpecialistDistill(a), newSpecialistExport(a),
		newSpecialistRun(a))
	return cmd
}
