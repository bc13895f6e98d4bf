package teacher

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// picture is one way in which an image may go into an input.
type picture struct {
	layout  dataset.Layout
	dims    []int64 // of one row
	h, w, c int     // of the image as it goes in
	bare    bool
}

// images plans for rows that are images: those of the inputs at, that no
// constant fills, take the image.
func (p *planner) images(at []int) ([]inputPlan, error) {
	var whole []int
	for _, i := range at {
		switch p.given[i] {
		case "*":
			whole = append(whole, i)
		case "":
		default:
			return nil, fault.New(fault.Usage, p.path, "input "+p.infos[i].Name, "got columns %s, but the rows are images %s: expected * for the image, or @VALUE", p.given[i], rowText(p.spec))
		}
	}
	if len(whole) < len(at) {
		var fits, others []int
		for _, i := range at {
			if p.given[i] != "" {
				continue
			}
			if len(p.pictures(p.infos[i])) > 0 {
				fits = append(fits, i)
			} else {
				others = append(others, i)
			}
		}
		names := func(at []int) string {
			var infos []ort.Info
			for _, i := range at {
				infos = append(infos, p.infos[i])
			}
			return describe(infos)
		}
		switch {
		case len(fits)+len(whole) == 0 && p.pre != nil:
			return nil, fault.New(fault.Usage, p.path, "inputs", "none takes what the preprocessing %q makes of the rows, which are %s: the model has %s", p.pre, rowText(p.spec), describe(p.infos))
		case len(fits)+len(whole) == 0 && len(at) == 1:
			return nil, fault.New(fault.Input, p.path, "input "+p.infos[at[0]].Name, "takes %s %s, the rows are %s", p.infos[at[0]].DType, p.axes(p.infos[at[0]]), rowText(p.spec))
		case len(fits)+len(whole) == 0:
			return nil, fault.New(fault.Input, p.path, "inputs", "none takes an image: the model has %s; the rows are %s", describe(p.infos), rowText(p.spec))
		case len(others) > 0:
			return nil, fault.New(fault.Input, p.path, "inputs", "%s: no part of the rows, which are %s; give a value by --input %s=@VALUE", names(others), rowText(p.spec), p.infos[others[0]].Name)
		case len(fits) > 1 || len(whole) > 0:
			return nil, fault.New(fault.Input, p.path, "inputs", "%s may each take the image %s: say which does by --input %s=*, and the others' values by --input NAME=@VALUE", names(fits), rowText(p.spec), p.infos[fits[0]].Name)
		}
		whole = fits
	}
	var out []inputPlan
	for _, v := range p.pictures(p.infos[whole[0]]) {
		plan := inputPlan{layout: v.layout, bare: v.bare, feeds: []feed{{info: p.infos[whole[0]], dims: v.dims}}}
		for _, i := range whole[1:] {
			for _, o := range p.pictures(p.infos[i]) {
				if o.layout == v.layout && o.h == v.h && o.w == v.w && o.c == v.c && o.bare == v.bare {
					plan.feeds = append(plan.feeds, feed{info: p.infos[i], dims: o.dims})
					break
				}
			}
		}
		if len(plan.feeds) < len(whole) {
			continue
		}
		if err := plan.settleRows(p.path); err != nil {
			return nil, err
		}
		p.explainPicture(&plan, v)
		out = append(out, plan)
	}
	if out == nil {
		return nil, fault.New(fault.Input, p.path, "inputs", "no image can go into all of them: the model has %s; the rows are %s", describe(p.infos), rowText(p.spec))
	}
	return out, nil
}

// explainPicture sets what becomes of the image and says why.
func (p *planner) explainPicture(plan *inputPlan, v picture) {
	in := plan.feeds[0].info
	plan.why = append(plan.why, fmt.Sprintf("layout: %s, the input is %s and the rows are %s", v.layout, p.axes(in), rowText(p.spec)))
	h, w, c := p.spec.Shape[0], p.spec.Shape[1], p.spec.Shape[2]
	if p.pre != nil && p.pre.Transpose {
		h, w = w, h
		plan.why = append(plan.why, "orientation: height and width change places, as given")
	}
	if v.h != h || v.w != w {
		plan.resize = []int{v.h, v.w}
		plan.why = append(plan.why, fmt.Sprintf("size: rows are resized from %d×%d to %d×%d", h, w, v.h, v.w))
	}
	if v.c != c {
		plan.channels = v.c
		how := "the grey one is repeated"
		if v.c == 1 {
			how = "their luminance (ITU-R BT.601)"
		}
		plan.why = append(plan.why, fmt.Sprintf("channels: %d of %d, %s", v.c, c, how))
	}
	if v.bare {
		plan.why = append(plan.why, "batch: the input has no axis for it")
	}
	plan.text = v.text()
}

// text is the picture as (N, 3, 224, 224) and its layout.
func (v *picture) text() string {
	dims := v.dims
	if !v.bare {
		dims = append([]int64{-1}, dims...)
	}
	return fmt.Sprintf("%s %s", v.layout, shapeText(dims))
}

// pictures lists the ways in which an image may go into an input: first as it
// is, then without an axis for the batch where all is declared, resized, with
// other channels, and without an axis where nothing is. Those that a model
// cannot tell apart are one.
func (p *planner) pictures(in ort.Info) []picture {
	if in.DType == onnx.String {
		return nil
	}
	var want dataset.Preprocess
	if p.pre != nil {
		want = *p.pre
	}
	h, w, c := p.spec.Shape[0], p.spec.Shape[1], p.spec.Shape[2]
	if want.Transpose {
		h, w = w, h
	}
	if len(want.Resize) == 2 {
		h, w = want.Resize[0], want.Resize[1]
	}
	channels := []int{c}
	switch {
	case want.Channels != 0:
		channels = []int{want.Channels}
	case c == 1:
		channels = []int{1, 3}
	case c == 3:
		channels = []int{3, 1}
	}
	shapes := [][]int64{in.Shape}
	if len(in.Shape) == 0 {
		if slices.Contains(p.scalars, in.Name) {
			return nil
		}
		shapes = [][]int64{{-1, -1, -1, -1}, {-1, -1}, {-1, -1, -1}}
	}
	var out []picture
	add := func(layout dataset.Layout, bare bool, h, w, c int, dims ...int64) {
		if want.Layout != "" && want.Layout != layout || min(h, w) < 1 || max(h, w) > 1<<14 || h*w*c > 1<<28 || len(want.Resize) == 2 && (h != want.Resize[0] || w != want.Resize[1]) {
			return
		}
		out = append(out, picture{layout, dims, h, w, c, bare})
	}
	or := func(declared int64, own int) int {
		if declared < 0 {
			return own
		}
		return int(declared)
	}
	for _, bare := range []bool{false, true} {
		for _, ch := range channels {
			for _, shape := range shapes {
				rest := shape
				if !bare {
					rest = shape[1:]
				} else if free := countFree(shape); len(shapes) > 1 || shape[0] < 0 && free < len(shape) || free > 1 && free != 3 {
					continue // a free first axis beside declared ones is the batch's
				}
				switch n := int64(h * w * ch); {
				case len(rest) == 1 && (rest[0] < 0 || rest[0] == n):
					add(dataset.Flat, bare, h, w, ch, n)
				case len(rest) == 1:
					// Flattened squares of another size.
					if side := int(math.Sqrt(float64(rest[0]) / float64(ch))); int64(side*side*ch) == rest[0] {
						add(dataset.Flat, bare, side, side, ch, rest[0])
					}
				case len(rest) == 2 && ch == 1:
					add(dataset.NCHW, bare, or(rest[0], h), or(rest[1], w), 1, int64(or(rest[0], h)), int64(or(rest[1], w)))
				case len(rest) == 3:
					if rest[0] < 0 || rest[0] == int64(ch) {
						add(dataset.NCHW, bare, or(rest[1], h), or(rest[2], w), ch, int64(ch), int64(or(rest[1], h)), int64(or(rest[2], w)))
					}
					if rest[2] < 0 || rest[2] == int64(ch) {
						add(dataset.NHWC, bare, or(rest[0], h), or(rest[1], w), ch, int64(or(rest[0], h)), int64(or(rest[1], w)), int64(ch))
					}
				}
			}
		}
	}
	cost := func(v picture) int {
		n := 0
		for i, odd := range []bool{v.bare, v.h != h || v.w != w, v.c != channels[0], v.bare && in.Shape[0] < 0} {
			if odd {
				n |= 1 << i
			}
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b picture) int { return cmp.Compare(cost(a), cost(b)) })
	var told []picture // apart
	for _, v := range out {
		if !slices.ContainsFunc(told, func(o picture) bool { return o.bare == v.bare && slices.Equal(o.dims, v.dims) }) {
			told = append(told, v)
		}
	}
	if len(told) > 1 && !told[0].bare && len(in.Shape) > 0 && !slices.ContainsFunc(in.Shape[1:], func(d int64) bool { return d < 0 }) {
		return told[:1] // all is declared
	}
	return told
}

// countFree is the number of axes that may be any.
func countFree(shape []int64) int {
	n := 0
	for _, d := range shape {
		if d < 0 {
			n++
		}
	}
	return n
}
