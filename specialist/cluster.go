package specialist

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist/cluster"
)

// Methods of clustering.
const (
	ByConfusion  = string(cluster.Confusion)  // what each class is confused with, the default
	ByCovariance = string(cluster.Covariance) // columns of the covariance matrix as they are, the paper's
	ByTargets    = "targets"                  // the rows' soft targets, each cluster giving the classes it holds
)

// Methods lists them.
var Methods = []string{ByConfusion, ByCovariance, ByTargets}

const (
	maxChosen = 32  // largest number of clusters that is chosen by itself
	heldMass  = 0.9 // share of its centre's mass that the classes of a cluster of targets have
	passes    = 5   // over the rows, of the method targets
	maxDrawn  = 128 // classes of which the confusion is kept pair by pair
)

// ClusterOptions say whose predictions of which rows are clustered, and how.
type ClusterOptions struct {
	Model       distill.TeacherRecipe // the generalist: any classifier that can teach
	Targets     string                // instead of it, a target store that holds the rows
	Rows        dataset.Source        // their labels are only counted
	RowsName    string                // what faults call them
	Names       []string              // of the classes, where neither rows nor model say them
	Method      string                // one of Methods
	K           int                   // sets; 0: the number with the largest silhouette
	Each        int                   // classes of each set, which may then overlap; 0: every class in one set, or as many as targets hold
	Temperature float64               // predictions are softmax(z/T)
	Seed        uint64
	Cache       string
	Log         func(line string) // what was concluded; nil is silent
	Progress    func(done, total int)
}

func (o *ClusterOptions) log(line string) {
	if o.Log != nil {
		o.Log(line)
	}
}

// Clustering is what Cluster found.
type Clustering struct {
	Model       string          `json:"model"`
	Method      string          `json:"method"`
	Temperature float64         `json:"temperature"`
	Seed        uint64          `json:"seed"`
	Classes     []string        `json:"classes"`
	Clusters    []ClusterOf     `json:"clusters"` // those that cover most of the confusion first
	Scores      []cluster.Score `json:"silhouettes,omitempty"`
	Covered     cluster.Covered `json:"coverage"` // of the predictions at T = 1
	Outside     []string        `json:"outside"`  // classes in no set
	Notes       []string        `json:"notes"`

	single    int       // sets of one class that were found and spared
	Confusion []float64 `json:"-"` // (C, C) at T = 1, how often two draws from a prediction are j and k; nil of more than 128 classes
}

// ClusterOf is one set.
type ClusterOf struct {
	Classes   []string `json:"classes"`
	Indices   []int    `json:"indices"`
	Confusion float64  `json:"confusion"` // share of the generalist's that lies within
	Errors    int      `json:"errors"`    // of the labelled rows, those whose label and answer both are in it
}

// Cluster finds the sets of classes that the generalist confuses, from its
// predictions of rows: no label is needed (package cluster).
func Cluster(ctx context.Context, o ClusterOptions) (*Clustering, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p, err := openPredictions(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	c := &Clustering{Model: filepath.Base(p.model), Method: o.Method, Temperature: o.Temperature, Seed: o.Seed, Classes: p.names, Outside: []string{}, Notes: []string{}}
	var sets [][]int
	if o.Method == ByTargets {
		sets, err = c.ofTargets(ctx, p, &o)
	} else {
		sets, err = c.ofColumns(ctx, p, &o)
	}
	if err != nil {
		if fault.KindOf(err) == fault.Input || ctx.Err() != nil {
			return nil, err
		}
		return nil, fault.New(fault.Input, p.model, "", "%w", err)
	}
	if o.spare() {
		sets = c.several(sets)
	}
	return c, c.measure(ctx, p, c.distinct(sets, o.K))
}

// spare tells whether sets of one class are of no use: a specialist would have
// nothing to tell apart. Those are kept that the number or size asked for brings.
func (o *ClusterOptions) spare() bool { return o.K == 0 && o.Each != 1 }

// check refuses what makes no sense before any work is spent.
func (o *ClusterOptions) check() error {
	bad := func(flag, format string, args ...any) error {
		return fault.New(fault.Usage, "", flag, format, args...)
	}
	switch {
	case !slices.Contains(Methods, o.Method):
		return bad("--method", "got %q, expected one of %s", o.Method, strings.Join(Methods, ", "))
	case o.K < 0:
		return bad("-k", "got %d, expected at least 1, or 0 to choose", o.K)
	case o.Each < 0:
		return bad("--classes-each", "got %d, expected at least 1, or 0 for every class in one set", o.Each)
	case !(o.Temperature > 0) || math.IsInf(o.Temperature, 0):
		return bad("--temperature", "got %v, expected a number above 0", o.Temperature)
	case o.Rows.Len() == 0:
		return fault.New(fault.Input, o.RowsName, "", "got 0 rows, expected at least 1")
	}
	return nil
}

// ofColumns clusters the classes.
func (c *Clustering) ofColumns(ctx context.Context, p *predictions, o *ClusterOptions) ([][]int, error) {
	m, err := cluster.NewMoments(p.classes, 0, o.Seed)
	if err != nil {
		return nil, err
	}
	if err := p.each(ctx, nil, o.Temperature, func(_ []int, q []float32) error { return m.Add(q) }); err != nil {
		return nil, err
	}
	points, _, err := m.Columns(cluster.Metric(o.Method))
	if err != nil {
		return nil, err
	}
	k, err := c.fit(ctx, points, o, max(2, points.Len()/2))
	if err != nil {
		return nil, err
	}
	if o.Each > 0 {
		return k.Nearest(points, o.Each), nil
	}
	sets := k.Partition(points)
	if o.spare() {
		k.MergeSingles()
		joined := k.Partition(points)
		c.spared(sets, joined, "joined to the nearest")
		sets = joined
	}
	return sets, nil
}

// ofTargets clusters the rows: a sample that seeds, then all of them.
func (c *Clustering) ofTargets(ctx context.Context, p *predictions, o *ClusterOptions) ([][]int, error) {
	m, err := cluster.NewMoments(p.classes, 1, o.Seed) // holds the rows to be distributions that confuse something
	if err != nil {
		return nil, err
	}
	r := cluster.NewReservoir(p.classes, o.Seed)
	err = p.each(ctx, nil, o.Temperature, func(_ []int, q []float32) error {
		r.Add(q)
		return m.Add(q)
	})
	if err != nil {
		return nil, err
	}
	if _, _, err := m.Columns(cluster.Confusion); err != nil {
		return nil, err
	}
	sample, err := c.fit(ctx, r.Points(), o, max(2, p.classes/2))
	if err != nil {
		return nil, err
	}
	k, err := r.Stream(ctx, sample, passes, func(pass int, f func([]int, []float32) error) error {
		return p.each(ctx, dataset.Order(len(p.ids), o.Seed, pass), o.Temperature, f)
	})
	if err != nil {
		return nil, err
	}
	return k.Holding(heldMass, o.Each), nil
}

// fit finds as many clusters as were asked for, or chooses, most at most.
func (c *Clustering) fit(ctx context.Context, points *cluster.Points, o *ClusterOptions, most int) (*cluster.KMeans, error) {
	if o.K > 0 || points.Len() < 3 {
		k, _, err := cluster.Fit(ctx, points, max(1, o.K), o.Seed)
		return k, err
	}
	k, scores, err := cluster.Choose(ctx, points, 2, min(most, maxChosen), o.Seed)
	c.Scores = scores
	return k, err
}

// several leaves out sets of one class, unless there are no others.
func (c *Clustering) several(sets [][]int) [][]int {
	kept := slices.DeleteFunc(slices.Clone(sets), func(s []int) bool { return len(s) == 1 })
	if len(kept) == 0 {
		return sets
	}
	c.spared(sets, kept, "left out")
	return kept
}

// spared notes which sets of one class are no longer there, and where they went.
func (c *Clustering) spared(before, after [][]int, where string) {
	var classes []string
	for _, s := range before {
		if len(s) == 1 && !slices.ContainsFunc(after, func(t []int) bool { return slices.Equal(s, t) }) {
			classes = append(classes, c.Classes[s[0]])
		}
	}
	if n := len(classes); n > 0 {
		c.single += n
		c.Notes = append(c.Notes, fmt.Sprintf("sets of one class, with nothing to tell apart, %s: %d (%s); -k keeps such", where, n, shown(classes)))
	}
}

// distinct leaves out sets that are equal to one before.
func (c *Clustering) distinct(sets [][]int, asked int) [][]int {
	found := len(sets)
	var kept [][]int
	for _, s := range sets {
		if !slices.ContainsFunc(kept, func(t []int) bool { return slices.Equal(s, t) }) {
			kept = append(kept, s)
		}
	}
	if found < asked {
		c.Notes = append(c.Notes, fmt.Sprintf("sets asked for: %d, found: %d; no more classes differ in what they are confused with", asked, found))
	}
	if n := found - len(kept); n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("sets that were the same as another and are left out: %d", n))
	}
	return kept
}

// measure says what the sets cover and puts those first that cover most.
func (c *Clustering) measure(ctx context.Context, p *predictions, sets [][]int) error {
	cov := cluster.NewCoverage(sets, p.classes)
	var m *cluster.Moments
	if p.classes <= maxDrawn {
		var err error
		if m, err = cluster.NewMoments(p.classes, 0, 0); err != nil {
			return err
		}
	}
	labels := make([]int32, lookup)
	err := p.each(ctx, nil, 1, func(rows []int, q []float32) error {
		for i, row := range rows {
			labels[i] = p.labels[row]
		}
		cov.Add(q, labels)
		if m != nil {
			return m.Add(q)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := cov.Result()
	if m != nil {
		c.Confusion = m.Confusion()
	}
	inside := make([]bool, p.classes)
	alone := 0
	for i, set := range sets {
		one := ClusterOf{Indices: set, Confusion: r.Sets[i], Errors: r.ErrorsSets[i]}
		for _, k := range set {
			one.Classes, inside[k] = append(one.Classes, p.names[k]), true
		}
		if len(set) == 1 {
			alone++
		}
		c.Clusters = append(c.Clusters, one)
	}
	slices.SortStableFunc(c.Clusters, func(a, b ClusterOf) int { return cmp.Compare(b.Confusion, a.Confusion) })
	for i, one := range c.Clusters { // in the same order
		r.Sets[i], r.ErrorsSets[i] = one.Confusion, one.Errors
	}
	c.Covered = r
	for k, in := range inside {
		if !in {
			c.Outside = append(c.Outside, p.names[k])
		}
	}
	if alone > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("sets of one class, with nothing to tell apart: %d; fewer sets, or --classes-each, spare such specialists", alone))
	}
	if r.Confusion == 0 {
		c.Notes = append(c.Notes, "at T = 1 every prediction is exactly 0 or 1: there is no confusion to cover")
	}
	return nil
}

// Sets are those of the clusters, for the file that training reads.
func (c *Clustering) Sets() *Sets {
	s := &Sets{Classes: c.Classes, About: c.About()}
	for _, one := range c.Clusters {
		s.Sets = append(s.Sets, one.Indices)
	}
	return s
}

// About says in a line how the sets were found and what they cover.
func (c *Clustering) About() string {
	chosen := ""
	if len(c.Scores) > 0 {
		chosen = ", as many as have the largest silhouette"
		if c.single > 0 {
			chosen += fmt.Sprintf(" less %d of one class", c.single)
		}
	}
	return fmt.Sprintf("%d sets by %s at T = %g with seed %d%s, of what %s says of %d rows: %.1f %% of its confusion in %.1f %% of the pairs of classes",
		len(c.Clusters), c.Method, c.Temperature, c.Seed, chosen, c.Model, c.Covered.Rows, 100*c.Covered.All, 100*c.Covered.Pairs)
}
