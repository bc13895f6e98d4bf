// Command kdonnx distils a pretrained ONNX teacher into a small student.
//
// Each command is one file of this package: flags, files and exit codes. What
// the commands do lies in the rooms below.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func main() {
	ort.MaybeServeWorker()
	ctx, stop := context.WithCancel(context.Background())
	go cancelOnSignal(stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// cancelOnSignal lets the first SIGINT or SIGTERM finish what must be
// finished; the second ends the process.
func cancelOnSignal(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	stop()
	<-signals
	os.Exit(int(fault.Interrupted))
}

// run is the program without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checked{w: stdout}
	root := newRoot(out, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fault.New(fault.IO, "standard output", "", "cannot write: %w", out.err)
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fault.New(fault.Interrupted, "", "", "interrupted")
	}
	fmt.Fprintf(stderr, "kdonnx: %s\n", fault.Printable(strings.ReplaceAll(err.Error(), "\n", " ")))
	return int(fault.KindOf(err))
}

// checked remembers the first write that failed: a result that nobody could
// read is no success.
type checked struct {
	w   io.Writer
	err error
}

func (o *checked) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// printJSON writes v as one line. What a terminal would obey in names that come
// from files is escaped.
func printJSON(to io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, r := range string(data) {
		switch hi, lo := utf16.EncodeRune(r); {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		}
	}
	b.WriteByte('\n')
	_, err = to.Write(b.Bytes())
	return err
}

// app is what every command has at hand.
type app struct {
	out, err io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	a := &app{out: stdout, err: stderr}
	cobra.EnableCommandSorting = false // commands are in the order in which they are met
	root := &cobra.Command{
		Use:   "kdonnx",
		Short: "Distil a pretrained ONNX teacher into a small student",
		Long: `kdonnx runs a pretrained .onnx teacher in ONNX Runtime, trains a small student
natively on what the teacher knows, and writes a verified student.onnx.

  kdonnx distill                         on the embedded teacher and data
  kdonnx distill --teacher big.onnx --train rows/ --student mlp:800,800 -o small.onnx`,
		Args:         group,
		RunE:         func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(flagFault)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"teacher", "Know the teacher:", []*cobra.Command{newInspect(a), newDoctor(a), newTargets(a)}},
		{"student", "Train students:", []*cobra.Command{newDistill(a), newSweep(a), newTrain(a), newInit(a), newSpecialistCommand(a)}},
		{"result", "Use and judge what came of it:", []*cobra.Command{newReport(a), newEval(a), newPredict(a), newRecalibrate(a), newVerify(a)}},
		{"program", "The program itself:", []*cobra.Command{newList(a), newRuntime(a), newBench(a), newVersion(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			c.Flags().SortFlags = false // in the order of the path that rows take
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("program")
	return root
}

// usage is a fault of the command line.
func usage(format string, args ...any) error { return fault.New(fault.Usage, "", "", format, args...) }

// flagFault says what is wrong with a flag in the words of all other faults.
func flagFault(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	var none *pflag.NotExistError
	if errors.As(err, &none) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := fault.Nearest(none.GetSpecifiedName(), names); near != "" {
			return usage("%v (did you mean --%s?)", err, near)
		}
	}
	if !errors.As(err, &bad) {
		return usage("%v (see %s --help)", err, cmd.CommandPath())
	}
	f := bad.GetFlag()
	want := map[string]string{"float64": "a number", "float": "a number", "int": "a whole number", "int64": "a whole number", "uint64": "a whole number of at least 0",
		"bool": "true or false", "duration": "a duration such as 2m, 5s or 50us", "float64Slice": "numbers such as 2,1,1"}[f.Value.Type()]
	if want == "" {
		return fault.New(fault.Usage, "", "--"+f.Name, "got %q: %w", bad.GetValue(), bad.Unwrap())
	}
	if sweep, _, _ := cmd.Root().Find([]string{"sweep"}); cmd.Name() == "distill" && strings.Contains(bad.GetValue(), ",") && sweep.Flag(f.Name) != nil && sweep.Flag(f.Name).Value.Type() == "values" {
		want += "; kdonnx sweep tries several"
	}
	return fault.New(fault.Usage, "", "--"+f.Name, "got %q, expected %s", bad.GetValue(), want)
}

// missing is a fault that names those of the flags, without which a command can
// do nothing, that have no value.
func missing(cmd *cobra.Command, names ...string) error {
	var without []string
	for _, name := range names {
		switch f := cmd.Flag(name); {
		case f.Value.String() != "":
		case f.Shorthand != "":
			without = append(without, "-"+f.Shorthand)
		default:
			without = append(without, "--"+name)
		}
	}
	if len(without) == 0 {
		return nil
	}
	last := len(without) - 1
	list := without[last]
	if last > 0 {
		list = strings.Join(without[:last], ", ") + " and " + list
	}
	return usage("%s needs %s (see --help)", cmd.Name(), list)
}

// nameOf names a command below kdonnx, which its faults begin with anyway.
func nameOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// group refuses the arguments of a command that only has commands below it.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see --help"
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	near := cmd.SuggestionsFor(args[0])
	if name := fault.Nearest(args[0], names); len(near) == 0 && name != "" {
		near = []string{name}
	}
	if len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	if !cmd.HasParent() {
		return usage("unknown command %q (%s)", args[0], hint)
	}
	return usage("%s: unknown command %q (%s)", nameOf(cmd), args[0], hint)
}

// exactly refuses any other number of arguments, naming what is wanted.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return usage("%s: unexpected argument %q (see --help)", nameOf(cmd), args[0])
		}
		return usage("%s: got %d arguments, expected %s (see --help)", nameOf(cmd), len(args), strings.Join(names, " "))
	}
}
