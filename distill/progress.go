package distill

// AllSeeds is the stage of all trainings of several seeds together.
const AllSeeds = "all seeds"

// Progress is told how far a stage, named by its role, and of several seeds by
// its seed as in "student, seed 3", is: done of total rows or steps, and the
// newest finished epoch where there is one. It is called often and must be
// quick; nil is silent.
type Progress func(stage string, done, total int64, last *EpochRecord)

func (p Progress) report(stage string, done, total int64, last *EpochRecord) {
	if p != nil {
		p(stage, done, total, last)
	}
}
