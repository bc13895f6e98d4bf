package main

import (
	"os"
	"strconv"
)

// arrayIndex are the variables in which schedulers tell a job of an array its
// index: Kubernetes Indexed Jobs, Slurm, AWS Batch, Open MPI.
var arrayIndex = []string{"JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX", "OMPI_COMM_WORLD_RANK"}

// shardIndex is which of shards parts this process takes: index if it is not
// negative, else what the scheduler says, else the only one.
func shardIndex(index, shards int) (int, int, error) {
	if shards < 1 {
		return 0, 0, usage("--shards: got %d, expected at least 1", shards)
	}
	if index < 0 && shards > 1 {
		for _, name := range arrayIndex {
			if v := os.Getenv(name); v != "" {
				n, err := strconv.Atoi(v)
				if err != nil {
					return 0, 0, usage("%s: got %q, expected a number", name, v)
				}
				index = n
				break
			}
		}
		if index < 0 {
			return 0, 0, usage("--shard-index: missing: --shards %d needs it, or a job array's index in %s", shards, arrayIndex[0])
		}
	}
	index = max(index, 0)
	if index >= shards {
		return 0, 0, usage("--shard-index: got %d, expected 0 to %d", index, shards-1)
	}
	return index, shards, nil
}
