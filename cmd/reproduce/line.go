package main

// line is a curve with error bars: half is the standard error of each value.
type line struct {
	name       string
	x, y, half []float64
}

func (l *line) add(x, y, half float64) {
	l.x, l.y, l.half = append(l.x, x), append(l.y, y), append(l.half, half)
}

// least is the lowest point.
func (l *line) least() (x, y float64) {
	x, y = l.x[0], l.y[0]
	for i, v := range l.y {
		if v < y {
			x, y = l.x[i], v
		}
	}
	return x, y
}
