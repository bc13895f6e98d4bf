package schedule

import "github.com/kdonnx/kdonnx/student/optim"

// With LENGTH = 20 it is, at the end of each epoch, the min(epoch/20, 1) that
// the weight of DKD has (Zhao et al. 2022, arXiv 2203.08679, in the authors'
// code, which keeps it through the epoch).
func init() {
	register(Entry{
		Name: "warmup", Form: "warmup:LENGTH[,START]", line: "linear", rises: true,
		Doc: "a straight line that reaches the setting at the last step of LENGTH, from START (0) before the first",
		shape: func(n uint64) optim.Schedule {
			up := optim.Warmup(n, optim.Constant())
			return func(step uint64) float64 { return 1 - up(step) }
		},
	})
}
