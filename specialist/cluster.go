package specialist

import (
	"context"
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
