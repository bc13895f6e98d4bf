package models

import (
	"math"
	"testing"
)

// TestPublishedSizes holds parameter counts against their sources, in the
// digits that those give.
func TestPublishedSizes(t *testing.T) {
	image, photo := []int{3, 32, 32}, []int{3, 224, 224}
	for _, c := range []struct {
		spec    string
		in      []int
		classes int
		want    int64 // published
		to      int64 // unit that it is rounded to
		surplus int64 // what this net has more than the published one, and why
		source  string
	}{
		// The projections of option B: two 1×1 convolutions and their normalisations.
		{"resnet20", image, 10, 270_000, 10_000, optionB, "He et al. 2016, table 6"},
		{"resnet32", image, 10, 460_000, 10_000, optionB, "He et al. 2016, table 6"},
		{"resnet44", image, 10, 660_000, 10_000, optionB, "He et al. 2016, table 6"},
		{"resnet56", image, 10, 850_000, 10_000, optionB, "He et al. 2016, table 6"},
		{"resnet110", image, 10, 1_700_000, 100_000, optionB, "He et al. 2016, table 6"},
		{"resnet8x4", image, 100, 1_230_000, 10_000, 0, "RepDistiller's net"},
		{"wrn-16-2", image, 100, 700_000, 10_000, 0, "RepDistiller's net"},
		{"wrn-16-8", image, 10, 11_000_000, 100_000, 0, "Zagoruyko and Komodakis 2016, table 4"},
		{"wrn-40-1", image, 10, 600_000, 100_000, 0, "Zagoruyko and Komodakis 2016, table 4"},
		{"wrn-40-2", image, 10, 2_200_000, 100_000, 0, "Zagoruyko and Komodakis 2016, table 4"},
		// RepDistiller's convolutions have a bias each.
		{"vgg8", image, 100, 3_970_000, 10_000, -(64 + 128 + 256 + 512 + 512), "RepDistiller's net"},
		{"mobilenetv2", photo, 1000, 3_504_872, 1, 0, "torchvision's mobilenet_v2"},
		{"mobilenetv2:0.5", photo, 1000, 1_970_000, 10_000, 0, "timm's mobilenetv2_050"},
		{"mobilenetv2:1.4", photo, 1000, 6_110_000, 10_000, 0, "timm's mobilenetv2_140"},
		// The class token and its position.
		{"transformer:192,12,3?patch=16", photo, 1000, 5_717_416, 1, -2 * 192, "timm's vit_tiny_patch16_224"},
		{"lenet", []int{1, 28, 28}, 10, 61_706, 1, 0, "LeNet-5 with full connections between the convolutions"},
	} {
		m, err := Build(c.spec, Input{Shape: c.in}, c.classes, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		n, err := Count(m)
		if got := (n - c.surplus + c.to/2) / c.to * c.to; err != nil || got != c.want {
			t.Errorf("%s: %d parameters (%v), %s has %d to the nearest %d with %d more here", c.spec, n, err, c.source, c.want, c.to, c.surplus)
		}
	}
}

// optionB is what the projections of a ResNet for CIFAR-10 add to option A.
const optionB = 16*32 + 2*32 + 32*64 + 2*64

// TestPublishedWork is the same for multiply-adds.
func TestPublishedWork(t *testing.T) {
	for _, c := range []struct {
		spec    string
		in      []int
		classes int
		want    int64 // in millions
		source  string
	}{
		{"mobilenetv2", []int{3, 224, 224}, 1000, 301, "300M in Sandler et al. 2018, table 4; 301M counted by torchvision"},
		{"resnet20", []int{3, 32, 32}, 10, 41, "40.8M counted by option A's users; the projections add little"},
	} {
		m, err := Build(c.spec, Input{Shape: c.in}, c.classes, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		if flops, err := FLOPs(m); err != nil || (flops/2+500_000)/1_000_000 != c.want {
			t.Errorf("%s: %d multiply-adds (%v), want %d million: %s", c.spec, flops/2, err, c.want, c.source)
		}
	}
}

// TestStrides checks that MobileNetV2 leaves about 4×4 of small images and
// 7×7 of photographs, and takes images of one pixel.
func TestStrides(t *testing.T) {
	for _, c := range []struct{ side, left int }{{1, 1}, {7, 7}, {8, 4}, {15, 8}, {28, 7}, {32, 4}, {33, 5}, {64, 4}, {127, 8}, {128, 4}, {224, 7}} {
		m, err := Build("mobilenetv2:0.1", Input{Shape: []int{3, c.side, c.side + 3}}, 10, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := c.side
		for _, n := range m.Graph.Nodes {
			if n.OpType == "Conv" && n.AttrInts("strides", nil)[0] == 2 {
				got = (got + 1) / 2
			}
		}
		if got != c.left {
			t.Errorf("side %d: %d left, want %d", c.side, got, c.left)
		}
	}
}

// TestInitialisers compares deviation and bound of what each draws with its
// definition, on a layer of 300 inputs and 500 outputs.
func TestInitialisers(t *testing.T) {
	for _, c := range []struct {
		name       string
		std, bound float64 // 0: none
	}{
		{"he", 0.0816497, 0}, {"he-out", 0.0632456, 0}, {"he-uniform", 0.0816497, 0.1414214},
		{"glorot", 0.05, 0.0866025}, {"trunc", 0.02 * 0.8796, 0.04},
	} {
		m, err := Build("mlp:500?init="+c.name, Input{Shape: []int{300}}, 4, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		w, err := m.Graph.Initializers[0].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		square, largest := 0.0, 0.0
		for _, v := range w {
			square += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		std := math.Sqrt(square / float64(len(w)))
		if len(w) != 150_000 || math.Abs(std/c.std-1) > 0.01 || c.bound > 0 && (largest > c.bound*1.0001 || largest < 0.99*c.bound) {
			t.Errorf("%s: deviation %.5f, largest %.5f, want %.5f and %.5f", c.name, std, largest, c.std, c.bound)
		}
	}
	if len(initialisers) != 5 {
		t.Errorf("%d initialisers, 5 have a row here", len(initialisers))
	}
}
