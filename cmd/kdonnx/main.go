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
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && fault.KindOf(err) != fault.Interrupted {
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage("%v (see %s --help)", err, cmd.CommandPath()) })
	root.AddCommand(newDistill(a), newTrain(a), newSweep(a), newTargets(a), newInspect(a), newDoctor(a), newEval(a), newPredict(a), newVerify(a), newReport(a), newRecalibrate(a), newInit(a), newBench(a), newRuntime(a), newList(a), newVersion(a))
	for _, c := range root.Commands() {
		c.Flags().SortFlags = false // in the order of the path that rows take
	}
	return root
}

// usage is a fault of the command line.
func usage(format string, args ...any) error { return fault.New(fault.Usage, "", "", format, args...) }

// group refuses the arguments of a command that only has commands below it.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		return usage("unknown command %q (see %s --help)", args[0], cmd.CommandPath())
	}
	return usage("%s: unknown command %q (see %[1]s --help)", cmd.CommandPath(), args[0])
}

// exactly refuses any other number of arguments, naming what is wanted.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return usage("%s: unexpected argument %q (see --help)", cmd.CommandPath(), args[0])
		}
		return usage("%s: got %d arguments, expected %s (see --help)", cmd.CommandPath(), len(args), strings.Join(names, " "))
	}
}
