package schedule

import "github.com/kdonnx/kdonnx/student/optim"

func init() {
	register(Entry{
		Name: "cosine", Form: "cosine:END[,LENGTH]", line: "along half a cosine",
		Doc:   "half a cosine from the setting at the first step to END at the last, or at the last of LENGTH",
		shape: func(n uint64) optim.Schedule { return optim.Cosine(max(1, n-1), 0) },
	})
}
