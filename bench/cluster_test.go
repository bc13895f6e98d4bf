package bench

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/specialist/cluster"
)

const (
	clusterClasses     = 10_000
	clusterSpecialists = 100
	clusterBlock       = clusterClasses / clusterSpecialists
	clusterBatch       = 64
	clusterBarMiB      = 2048
	clusterBar         = 10 * time.Minute // on 2 cores
)

// BenchmarkClusterAtScale finds 100 specialists in the predictions of 10,000
// classes over KDONNX_CLUSTER_ROWS rows, whose look-alikes are in blocks of 100,
// and reports the peak memory, the time of each step and how much of the blocks
// it finds: of pairs of classes of a block those in one set, and the other way
// round. More than 2 GiB fail it, and less than 99 % of the pairs.
func BenchmarkClusterAtScale(b *testing.B) {
	rows, err := strconv.Atoi(os.Getenv("KDONNX_CLUSTER_ROWS"))
	if err != nil {
		b.Skip("make bench-cluster runs it")
	}
	for b.Loop() {
		m, err := cluster.NewMoments(clusterClasses, 0, 1)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		lookAlikes(rows, func(p []float32) {
			if err := m.Add(p); err != nil {
				b.Fatal(err)
			}
		})
		moments := time.Since(start)
		points, idle, err := m.Columns(cluster.Confusion)
		if err != nil {
			b.Fatal(err)
		}
		c, _, err := cluster.Fit(context.Background(), points, clusterSpecialists, 1)
		if err != nil {
			b.Fatal(err)
		}
		sets := c.Partition(points)
		clusters := time.Since(start) - moments
		coverage := cluster.NewCoverage(sets, clusterClasses)
		lookAlikes(rows, func(p []float32) { coverage.Add(p, nil) })
		all := time.Since(start)
		r := coverage.Result()
		recall, precision := pairsOfBlocks(sets)
		mib := peakMemory()
		b.Logf("%d rows: moments %.0f s, clusters %.0f s, coverage %.0f s; %.0f MiB; %d classes without a column; %.1f %% of the confusion in %.1f %% of the pairs; %.2f %% of the blocks' pairs found, %.2f %% of those found right",
			rows, moments.Seconds(), clusters.Seconds(), (all - moments - clusters).Seconds(), mib, len(idle), 100*r.All, 100*r.Pairs, 100*recall, 100*precision)
		b.ReportMetric(mib, "MiB")
		b.ReportMetric(all.Seconds(), "s")
		b.ReportMetric(float64(rows)/moments.Seconds(), "rows/s")
		b.ReportMetric(recall, "recall")
		b.ReportMetric(precision, "precision")
		if mib > clusterBarMiB {
			b.Errorf("it took %.0f MiB, at most %d are allowed", mib, clusterBarMiB)
		}
		if all > clusterBar {
			b.Logf("it took %s, on 2 idle cores it may take %s", all, clusterBar)
		}
		if recall < 0.99 || precision < 0.99 {
			b.Errorf("recall %.4f, precision %.4f of the planted pairs, expected 0.99", recall, precision)
		}
	}
}

// lookAlikes calls f with the same predictions each time: nearly all of the mass
// of a row lies on the true class and three of its block, the rest is even.
func lookAlikes(rows int, f func(p []float32)) {
	rng := rand.New(rand.NewPCG(1, 10))
	buffer := make([]float32, clusterBatch*clusterClasses)
	for rows > 0 {
		n := min(rows, clusterBatch)
		rows -= n
		for r := range n {
			row := buffer[r*clusterClasses : (r+1)*clusterClasses]
			c, noise := rng.IntN(clusterClasses), 0.05*rng.Float64()
			for k := range row {
				row[k] = float32(noise / clusterClasses)
			}
			share := 0.3 * rng.Float64() * (1 - noise)
			row[c] += float32(1 - noise - share)
			for range 3 {
				row[c/clusterBlock*clusterBlock+rng.IntN(clusterBlock)] += float32(share / 3)
			}
		}
		f(buffer[:n*clusterClasses])
	}
}

// pairsOfBlocks is the share of pairs of classes of one block that a set holds,
// and of pairs of one set that are of a block.
func pairsOfBlocks(sets [][]int) (recall, precision float64) {
	var both, held float64
	for _, set := range sets {
		of := map[int]float64{}
		for _, k := range set {
			of[k/clusterBlock]++
		}
		held += float64(len(set)) * float64(len(set)-1)
		for _, n := range of {
			both += n * (n - 1)
		}
	}
	return both / (clusterClasses * (clusterBlock - 1)), both / max(1, held)
}
