// Command reproduce runs the experiments of Hinton, Vinyals and Dean (2015,
// arXiv 1503.02531) on MNIST, and what is asked beside them, from the recipes
// in recipes/paper, and writes docs/reproduction.md.
//
//	go run ./cmd/reproduce -mnist mnist/
//
// Each experiment is one file of this package. What is done is kept in -out:
// the same command goes on where it stopped, and trains anew only what a
// changed recipe or teacher asks for.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func main() {
	ort.MaybeServeWorker()
	l := &lab{log: os.Stderr, began: time.Now(), students: 5, open: map[string]*distill.Session{}}
	flag.StringVar(&l.mnist, "mnist", "", "folder of the four MNIST files")
	flag.StringVar(&l.letter, "letter", "", "UCI's letter-recognition.data")
	flag.StringVar(&l.iris, "iris", "", "Iris.csv")
	flag.StringVar(&l.recipes, "recipes", "recipes/paper", "folder of the recipes")
	flag.StringVar(&l.out, "out", "out/reproduce", "folder of models and figures, which the same command goes on from")
	doc := flag.String("doc", "docs/reproduction.md", "document to write; its figures lie beside it")
	only := flag.String("only", "", "names of the experiments to run, between commas (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := l.all(ctx, *doc, *only); err != nil {
		fmt.Fprintf(os.Stderr, "reproduce: %s\n", fault.Printable(err.Error()))
		os.Exit(int(fault.KindOf(err)))
	}
}

// all runs the experiments and writes the document.
func (l *lab) all(ctx context.Context, doc, only string) error {
	l.cache = filepath.Join(l.out, "cache")
	asked := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, name := range asked {
		if !slices.ContainsFunc(experiments, func(e experiment) bool { return e.name == name }) {
			return fault.New(fault.Usage, "", "-only", "got %q, expected names of %s", name, strings.Join(names(), ", "))
		}
	}
	for _, dir := range []string{filepath.Join(l.out, "cells"), filepath.Join(l.out, "data"), filepath.Join(l.out, "findings"), filepath.Join(l.out, "models"), filepath.Dir(doc)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.New(fault.IO, dir, "", "cannot create: %w", err)
		}
	}
	if err := durable.Writable(doc); err != nil {
		return err
	}
	for _, e := range experiments {
		if len(asked) > 0 && !slices.Contains(asked, e.name) {
			continue
		}
		if lacks := e.needs(l); lacks != "" {
			l.say("%s: left out, %s is not given", e.name, lacks)
			continue
		}
		l.say("%s: %s", e.name, e.title)
		f, err := e.run(ctx, l)
		if err != nil {
			return distill.Interrupted(ctx, err)
		}
		if err := l.keep(e.name, f); err != nil {
			return err
		}
		if err := l.write(doc); err != nil { // what is known so far
			return err
		}
	}
	return nil
}

func names() []string {
	list := make([]string, len(experiments))
	for i, e := range experiments {
		list[i] = e.name
	}
	return list
}
