package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

const preprocessWords = "NCHW, NHWC, flat, transpose, resize=, channels=, bgr, scale=, mean= or std="

// ParsePreprocess reads a Preprocess from text such as
//
//	NCHW transpose resize=224x224 channels=3 bgr scale=1/255 mean=0.485,0.456,0.406 std=0.229,0.224,0.225
//
// in any order, each word at most once. What is left out stays at its zero
// value, the layout included.
func ParsePreprocess(text string) (Preprocess, error) {
	var p Preprocess
	seen := map[string]bool{}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case word == "bgr" || word == "transpose":
			key = word
		case !ok:
			key, value = "layout", word
		}
		bad := func(want string) (Preprocess, error) {
			return Preprocess{}, fault.New(fault.Usage, "", "preprocess "+strconv.Quote(text), "got %q, expected %s", word, want)
		}
		if seen[key] {
			return bad("each word once")
		}
		seen[key] = true
		var err error
		switch key {
		case "layout":
			if p.Layout = Layout(value); p.Layout != NCHW && p.Layout != NHWC && p.Layout != Flat {
				return bad(preprocessWords)
			}
		case "resize":
			h, w, _ := strings.Cut(value, "x")
			p.Resize = make([]int, 2)
			p.Resize[0], err = strconv.Atoi(h)
			if err == nil {
				p.Resize[1], err = strconv.Atoi(w)
			}
			if err != nil {
				return bad("resize=HEIGHTxWIDTH")
			}
		case "channels":
			if p.Channels, err = strconv.Atoi(value); err != nil || p.Channels != 1 && p.Channels != 3 {
				return bad("channels=1 or channels=3")
			}
		case "bgr":
			if p.BGR = !ok; ok {
				return bad("bgr alone")
			}
		case "transpose":
			if p.Transpose = !ok; ok {
				return bad("transpose alone")
			}
		case "scale":
			if p.Scale, err = fraction(value); err != nil || p.Scale == 0 {
				return bad("scale=NUMBER or scale=1/255, and not 0")
			}
		case "mean":
			if p.Mean, err = fractions(value); err != nil {
				return bad("mean=NUMBER,…")
			}
		case "std":
			if p.Std, err = fractions(value); err != nil {
				return bad("std=NUMBER,…")
			}
		default:
			return bad(preprocessWords)
		}
	}
	return p, nil
}

// Text is p as ParsePreprocess reads it: the same preprocessing, exactly.
func (p Preprocess) Text() string {
	var words []string
	if p.Layout != "" {
		words = append(words, string(p.Layout))
	}
	if p.Transpose {
		words = append(words, "transpose")
	}
	if len(p.Resize) == 2 {
		words = append(words, fmt.Sprintf("resize=%dx%d", p.Resize[0], p.Resize[1]))
	}
	if p.Channels != 0 {
		words = append(words, fmt.Sprintf("channels=%d", p.Channels))
	}
	if p.BGR {
		words = append(words, "bgr")
	}
	if p.Scale != 0 {
		words = append(words, "scale="+fractionText(p.Scale))
	}
	for _, l := range []struct {
		name   string
		values []float32
	}{{"mean", p.Mean}, {"std", p.Std}} {
		if len(l.values) == 0 {
			continue
		}
		parts := make([]string, len(l.values))
		for i, v := range l.values {
			parts[i] = fractionText(v)
		}
		words = append(words, l.name+"="+strings.Join(parts, ","))
	}
	return strings.Join(words, " ")
}

// fractionText is the shortest number that fraction reads as v, or 1/255 and
// the like where that is shorter.
func fractionText(v float32) string {
	s := strconv.FormatFloat(float64(v), 'g', -1, 32)
	if v == 0 || v-v != 0 {
		return s
	}
	sign := ""
	if v < 0 {
		sign = "-"
	}
	below := math.Round(20/math.Abs(float64(v))) / 20
	short := sign + "1/" + strconv.FormatFloat(below, 'g', -1, 64)
	if back, err := fraction(short); err == nil && back == v && len(short) < len(s) {
		return short
	}
	return s
}

// fraction reads 0.5 or 1/2.
func fraction(s string) (float32, error) {
	above, below, divided := strings.Cut(s, "/")
	v, err := strconv.ParseFloat(above, 32)
	if err != nil || !divided {
		return float32(v), err
	}
	d, err := strconv.ParseFloat(below, 32)
	return float32(v / d), err
}

func fractions(s string) ([]float32, error) {
	var list []float32
	for _, part := range strings.Split(s, ",") {
		v, err := fraction(part)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
