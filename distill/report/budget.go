package report

import "time"

// Budget is what the student might cost and which nets were tried within it.
// Zero bounds are none.
type Budget struct {
	Family     string        `json:"family"` // what was searched: the student as it was asked for
	Params     int64         `json:"params,omitempty"`
	Bytes      int64         `json:"bytes,omitempty"`
	FLOPs      int64         `json:"flops,omitempty"`
	Latency    time.Duration `json:"latency_ns,omitempty"`
	Candidates []Candidate   `json:"candidates"` // in the order of the family
}

// Candidate is one net within a budget.
type Candidate struct {
	Arch    string        `json:"arch"`
	Params  int64         `json:"params"`
	Bytes   int64         `json:"bytes"` // of its .onnx file
	FLOPs   int64         `json:"flops"` // of one row
	Latency time.Duration `json:"latency_ns,omitempty"`

	// Epochs is how long it was trained to compare it with the others, and
	// Score and Loss are then those of its best epoch on the validation rows.
	Epochs   int    `json:"epochs"`
	Score    Number `json:"score"`
	Loss     Number `json:"loss"`
	Diverged bool   `json:"diverged,omitempty"` // and was left out
	Chosen   bool   `json:"chosen,omitempty"`
}
