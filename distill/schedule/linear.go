package schedule

import "github.com/kdonnx/kdonnx/student/optim"

func init() {
	register(Entry{
		Name: "linear", Form: "linear:END[,LENGTH]", line: "linear",
		Doc:   "a straight line from the setting at the first step to END at the last, or at the last of LENGTH",
		shape: func(n uint64) optim.Schedule { return optim.Linear(max(1, n-1)) },
	})
}
