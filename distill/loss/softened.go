package loss

// softened is the soft term of the classic loss, T²·KL(softmax(v/T) ‖
// softmax(z/T)), as Distilling takes it.
type softened struct{ p, q distribution }

func (s *softened) formula(z, v string) (term, letters string) {
	return "T²·KL(softmax(" + v + "/T) ‖ softmax(" + z + "/T))", ""
}

func (s *softened) eval(z, v []float64, n, c int, _ []int32, t, w float64, g []float64) float64 {
	sum := 0.0
	for i := range n {
		setTo(&s.p, v[i*c:(i+1)*c], t)
		setTo(&s.q, z[i*c:(i+1)*c], t)
		sum += kl(&s.p, &s.q)
		addDifference(g[i*c:(i+1)*c], w*t/float64(n), &s.q, &s.p)
	}
	return t * t * sum / float64(n)
}
