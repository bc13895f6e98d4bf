package killed

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Variables that make the binary of a test run one program and end.
const (
	atProblem = "KDONNX_TEST_PROBLEM" // folder that its tests share
	atPlace   = "KDONNX_TEST_PLACE"   // what the program works on
)

// Main is the TestMain of a package whose tests share *problem, the folder of a
// small task that prepare fills, and kill a program that works on it: Program
// starts it in a process of its own, with the same folder.
func Main(m *testing.M, problem *string, prepare, program func(place string) error) {
	if place := os.Getenv(atPlace); place != "" {
		*problem = os.Getenv(atProblem)
		exit(program(place))
	}
	dir, err := os.MkdirTemp("", "kdonnx-test-")
	if err == nil {
		*problem = dir
		err = prepare(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	if err != nil {
		exit(err)
	}
	os.Exit(code)
}

// Program is the program of Main, to be run on a place of its own.
func Program(problem, place string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), atPlace+"="+place, atProblem+"="+problem)
	return cmd
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
