// Command mkcontracts writes the teachers with awkward contracts that the tests
// run, each with its rows, into a folder each, to try a tool on them.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/internal/contracts"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mkcontracts DIR")
		os.Exit(64)
	}
	for _, c := range contracts.All() {
		dir := filepath.Join(os.Args[1], c.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, "mkcontracts:", err)
			os.Exit(4)
		}
		t, err := c.Write(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mkcontracts:", err)
			os.Exit(4)
		}
		fmt.Printf("# %s\nkdonnx targets %s --data %s %s-o %s\n", c.About, strings.Join(t.Teacher, " "), t.Data, joined(t.More), filepath.Join(dir, "store"))
	}
}

func joined(flags []string) string {
	if len(flags) == 0 {
		return ""
	}
	return strings.Join(flags, " ") + " "
}
