package dataset

// Layout is the order of the axes of a model's input.
type Layout string

// The layouts a model may want. Flat is (N, D), the row's values in the order
// channel, height, width when it is an image.
const (
	NCHW Layout = "NCHW"
	NHWC Layout = "NHWC"
	Flat Layout = "flat"
)

// Preprocess says how raw rows become a model's input: transpose, then resize,
// then channels and their order, then (x·Scale − Mean)/Std, then the layout. It is declared once for the teacher
// and once for the student, and its JSON is part of what a target store is
// keyed by. The zero value of every field but Layout leaves rows as they are.
type Preprocess struct {
	Layout    Layout    `json:"layout" yaml:"layout"`
	Transpose bool      `json:"transpose,omitempty" yaml:"transpose,omitempty"` // height and width change places; images only
	Resize    []int     `json:"resize,omitempty" yaml:"resize,omitempty"`       // (H, W); images only, bilinear, half-pixel centres, antialiased when shrinking
	Channels  int       `json:"channels,omitempty" yaml:"channels,omitempty"`   // 3: grey is repeated; 1: RGB to luminance (ITU-R BT.601); 0: as they are
	BGR       bool      `json:"bgr,omitempty" yaml:"bgr,omitempty"`             // red and blue change places; 3 channels only
	Scale     float32   `json:"scale,omitempty" yaml:"scale,omitempty"`         // 0 means 1
	Mean      []float32 `json:"mean,omitempty" yaml:"mean,omitempty"`           // one value, one a channel as it goes in (of BGR: blue first), or one a feature
	Std       []float32 `json:"std,omitempty" yaml:"std,omitempty"`             // as Mean; 0 is refused
}
