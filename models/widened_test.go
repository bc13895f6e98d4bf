package models

import (
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestWidened wants nets of the family in the proportions and with the options of
// the spec, of all widths the one whose parameters come nearest, and the spec
// itself for its own.
func TestWidened(t *testing.T) {
	image, flat := Input{Shape: []int{1, 12, 12}}, Input{Shape: []int{6}}
	for _, c := range []struct {
		text   string
		in     Input
		params int64
		want   string
	}{
		{"mlp:64,32?dropout=0.2&norm=1", flat, 0, "mlp:64,32?dropout=0.2&norm=1"},
		{"mlp:3", flat, 1000, "mlp:71"}, // 6h+h+7h+7 = 14h+7
		{"mlp:3", flat, 14*71 + 7 + 8, "mlp:72"},
		{"mlp:3", flat, 14*71 + 7 + 7, "mlp:71"}, // as near: the smaller
		{"mlp:64,32", flat, 1, "mlp:1,1"},
		{"mlp:4,10", flat, 3000, "mlp:30,74"},
		{"cnn:4,6?hidden=16", image, 0, "cnn:4,6?hidden=16"},
		{"cnn:4", image, 0, "cnn:4?hidden=128"}, // as the default says
		{"cnn:4,8?hidden=0", image, 0, "cnn:4,8?hidden=0"},
		{"resnet8", image, 0, "resnet8"},
		{"wrn-10-2?dropout=0.3", image, 0, "wrn-10-2?dropout=0.3"},
		{"mobilenetv2:0.5", image, 0, "mobilenetv2:0.5"},
		{"transformer:8,2,2?patch=4", image, 0, "transformer:8,2,2?patch=4"},
	} {
		s, err := Widened(c.text)
		if err != nil {
			t.Fatal(err)
		}
		params := c.params
		if params == 0 {
			own, err := Measure(c.text, c.in, 7)
			if err != nil {
				t.Fatal(err)
			}
			params = own.Params
		}
		got, cost, err := s.Nearest(params, c.in, 7)
		if err != nil || got != c.want {
			t.Errorf("%s with %d parameters: %s, %v, expected %s", c.text, params, got, err, c.want)
		}
		for width := s.Min; width <= min(s.Max, 120); width++ { // nobody is nearer
			other, err := Measure(s.Spec(width), c.in, 7)
			if err != nil { // too large
				break
			}
			if off(other.Params, params) < off(cost.Params, params) {
				t.Errorf("%s with %d parameters: %s has %d, but %s %d", c.text, params, got, cost.Params, s.Spec(width), other.Params)
			}
		}
	}
	for _, text := range []string{"linear", "lenet", "vgg8", "cnn", "mlp", "transformer"} {
		if _, err := Widened(text); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "no widths") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Widened("nobody:3"); fault.KindOf(err) != fault.Usage {
		t.Errorf("an unknown name: %v", err)
	}
}

func off(a, b int64) int64 { return max(a-b, b-a) }
