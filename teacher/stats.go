package teacher

import "fmt"

// Stats says how the last Fill ran, and what the worker processes cost.
type Stats struct {
	Rows     int     // rows that the model was run on
	Seconds  float64 // that it took, from the first row read to the last shard written
	Restarts int     // worker processes that died and were started again, since Open
	Peak     int64   // largest resident memory of a worker process in bytes, since Open; 0 in this process
	Piece    int     // rows of one native call
	Lanes    int     // native calls at once
}

// RowsPerS is the throughput, 0 when no row was run.
func (s Stats) RowsPerS() float64 {
	if s.Rows == 0 || s.Seconds <= 0 {
		return 0
	}
	return float64(s.Rows) / s.Seconds
}

// String is the line for people.
func (s Stats) String() string {
	text := fmt.Sprintf("%d rows at %.0f/s, %d a call and %d calls at once", s.Rows, s.RowsPerS(), s.Piece, s.Lanes)
	if s.Peak > 0 {
		text += fmt.Sprintf("; its process took %d MiB at most", s.Peak>>20)
	}
	if s.Restarts > 0 {
		text += fmt.Sprintf(" and was started again %d times", s.Restarts)
	}
	return text
}

// Stats tells of the last Fill.
func (t *Teacher) Stats() Stats {
	t.Memory()
	return t.stats
}

// Memory is the resident memory of the worker process in bytes, 0 when there
// is none. Progress callbacks may ask.
func (t *Teacher) Memory() int64 {
	w, ok := t.runner.(interface{ Memory() (now, peak int64) })
	if !ok {
		return 0
	}
	now, peak := w.Memory()
	t.stats.Peak = max(t.stats.Peak, peak)
	return now
}
