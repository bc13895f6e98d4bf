package fuse

// whole puts all classes into one group.
func (s *Solver) whole() (groups int) {
	clear(s.group)
	s.problem.size[0] = s.classes
	return 1
}

// refine splits the groups at the border of set m and gives their new number.
// Where p is not nil, its next dustbin is made to hold the groups outside.
func (s *Solver) refine(m, groups int, p *problem) int {
	within, size := s.within, s.problem.size
	clear(within[:groups])
	for _, k := range s.sets[m] {
		within[s.group[k]]++
	}
	before := groups
	for g := range before {
		s.split[g] = g
		if within[g] > 0 && within[g] < size[g] {
			s.split[g] = groups
			size[g] -= within[g]
			size[groups] = within[g]
			if p != nil {
				copy(p.row(groups)[:p.live], p.row(g)[:p.live])
			}
			groups++
		}
	}
	for _, k := range s.sets[m] {
		s.group[k] = s.split[s.group[k]]
	}
	if p != nil {
		for g := range groups {
			p.row(g)[p.live] = 1
		}
		for _, k := range s.sets[m] {
			p.row(s.group[k])[p.live] = 0
		}
	}
	return groups
}

// problem is that of one row over groups of classes. Of its arrays a row uses
// the first groups, or live, elements.
type problem struct {
	groups, live, stride int

	total   float64   // N
	size    []int     // classes of each group
	a       []float64 // (groups), sums of a_k
	outside []float64 // (groups, stride): 1 where a dustbin holds the group
	p       []float64 // (live), p^m_d > 0
	q       []float64 // (groups), the answer
	ratio   []float64 // (groups), a/q + s
	r       []float64 // (live), p^m_d/Q_m

	newton  newton
	descent descent
}

// room makes arrays for so many groups and dustbins.
func (p *problem) room(groups, live int) {
	p.stride = live
	p.outside = make([]float64, groups*live)
	for _, list := range []*[]float64{&p.a, &p.q, &p.ratio, &p.newton.w, &p.newton.dw, &p.newton.dq, &p.newton.best,
		&p.descent.z, &p.descent.grad, &p.descent.to, &p.descent.was} {
		*list = make([]float64, groups)
	}
	for _, list := range []*[]float64{&p.p, &p.r, &p.newton.r, &p.newton.dr} {
		*list = make([]float64, live)
	}
	p.newton.k = make([]float64, live*live)
}

// row tells which dustbins hold group g.
func (p *problem) row(g int) []float64 { return p.outside[g*p.stride : (g+1)*p.stride] }
