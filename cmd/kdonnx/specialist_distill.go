package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

func newSpecialistDistill(a *app) *cobra.Command {
	var (
		shown  = specialist.DefaultDistilRecipe()
		from   = recipeSource{base: specialist.DefaultDistilRecipe}
		b      bundleFlags
		p      specialist.DistilPlan
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "distill",
		Short: "Teach one small net what a generalist and its specialists say together",
		Long: `Writes generalist and specialists as one .onnx file, which then is the teacher of a
student: of the generalist itself, fine-tuned from its weights, or of nets of other
sizes. Beside each student the same net learns for as long, from the same start, on the
same rows and with the same loss from the generalist alone, and on hard labels; so it
shows what the specialists teach and what longer training does. It says what share of
their gain each student keeps. Hinton, Vinyals and Dean (2015) had not shown it yet.

Each student leaves what kdonnx distill leaves. Of several, each has a folder of its own
beside where the file of one would be. Interrupted by Ctrl-C, kill or power, the same
command goes on.`,
		Example: `  kdonnx specialist distill --bundle out/specialists --train rows.csv --test test.csv -o out/student.onnx
  kdonnx specialist distill --bundle out/specialists --train rows.csv --student generalist --student mlp:64 \
      --temperature 2 --alpha 0.9 --epochs 100 -o out/student.onnx`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "bundle"); err != nil {
				return err
			}
			r, err := from.layeredBy(cmd.Flags(), backFlags)
			if err != nil {
				return err
			}
			p.Recipe = *r
			if p.Bundle, err = b.read(cmd.Context()); err != nil {
				return err
			}
			result, err := training(a, func(env distill.Env) (*specialist.Distilled, error) { return specialist.Distil(cmd.Context(), p, env) })
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(a.out, result)
			}
			return printDistilled(a, result)
		},
	}
	f := cmd.Flags()
	b.bundle(f)
	backFlags(f, &shown)
	from.flags(f)
	f.StringVar(&p.Dir, "teacher-dir", "", "folder of the bundle in one file, which is kept (default: that of the student)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// backFlags bind the fields of r that a distillation of specialists has.
func backFlags(f *pflag.FlagSet, r *distill.Recipe) {
	f.Var(&studentsFlag{arch: &r.Student.Arch}, "student", "architecture, see kdonnx list models, or an .onnx file to fine-tune; generalist is the bundle's own, from its weights (auto: generalist); several between semicolons (may be repeated)")
	runFlags(f, r, func(name string) bool { return !ofGivenTeacher[name] && (!ofOneStudent[name] || ofRun[name]) })
}

// ofGivenTeacher are flags that say what a bundle says of itself, and ofRun those of
// ofOneStudent that a student of it has.
var (
	ofGivenTeacher = map[string]bool{"before": true, "mean": true, "weights": true, "temperatures": true, "teacher-output": true, "teacher-kind": true, "teacher-task": true,
		"class-map": true, "teacher-smoothing": true, "teacher-input": true, "teacher-preprocess": true, "input": true, "task": true, "unverified": true, "hint-epochs": true, "hint-targets": true, "huber-delta": true}
	ofRun = map[string]bool{"output": true, "parallel": true, "report": true, "metrics": true, "csv": true, "stream": true, "tensorboard": true, "no-baseline": true, "input-name": true}
)

// studentsFlag is --student of several students: one or more between semicolons,
// given once or again.
type studentsFlag struct {
	arch  *string
	given bool
}

func (s *studentsFlag) Type() string { return "NET" }

func (s *studentsFlag) String() string {
	if s.arch == nil {
		return ""
	}
	return *s.arch
}

// Set takes the first in place of what the recipe says.
func (s *studentsFlag) Set(text string) error {
	if s.given {
		text = *s.arch + ";" + text
	}
	*s.arch, s.given = text, true
	return nil
}

// printDistilled shows what the students came to.
func printDistilled(a *app, r *specialist.Distilled) error {
	fmt.Fprintf(a.out, "\non %s:\n", fault.Printable(r.TestRows))
	if err := r.Table(a.out); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, s := range r.Students {
		fmt.Fprintf(a.out, "%s: %s%s\n", fault.Printable(s.Arch), strings.ToLower(s.Verdict[:1]), s.Verdict[1:])
	}
	fmt.Fprintf(a.out, "%.1f s in all\n\nteacher  %s\n", r.WallS, fault.Printable(r.Teacher))
	for _, s := range r.Students {
		fmt.Fprintf(a.out, "student  %s\nreport   %s\ncsv      %s\nmetrics  %s\n", s.Files.Model, s.Files.Report, s.Files.CSV, s.Files.Metrics)
	}
	return nil
}
