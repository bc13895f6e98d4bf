package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ln are logits whose softmax is the given probabilities.
func ln(p ...float64) []float32 {
	x := make([]float32, len(p))
	for i, v := range p {
		x[i] = float32(math.Log(v))
	}
	return x
}

func join(rows ...[]float32) []float32 {
	var all []float32
	for _, r := range rows {
		all = append(all, r...)
	}
	return all
}

// fataler is what tests and property tests share.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func evaluate(t fataler, logits []float32, labels []int32, teacher []float32, classes int) Result {
	t.Helper()
	a, err := NewAccumulator(classes)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add(logits, labels, teacher); err != nil {
		t.Fatal(err)
	}
	return a.Result()
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// Five rows of two classes by hand. Confidences .9 .9 .6 .8 and one row
// without a label:
//
//	bins (13/15, 14/15]: .9 right, .9 wrong → |1/2 − .9| = .4, weight 2/4
//	     (8/15, 9/15]:   .6 right           → |1 − .6|  = .4, weight 1/4
//	     (11/15, 12/15]: .8 right           → |1 − .8|  = .2, weight 1/4
//	ECE = .2 + .1 + .05 = .35
//	NLL = −(ln .9 + ln .1 + ln .6 + ln .8)/4
func TestByHand(t *testing.T) {
	logits := join(ln(.9, .1), ln(.9, .1), ln(.4, .6), ln(.2, .8), ln(.3, .7))
	teacher := join(ln(.8, .2), ln(.3, .7), ln(.1, .9), ln(.4, .6), ln(.6, .4))
	r := evaluate(t, logits, []int32{0, 1, 1, 1, Unlabelled}, teacher, 2)
	if r.N != 5 || r.Labelled != 4 || r.Errors != 1 || r.Compared != 5 {
		t.Errorf("n, labelled, errors, compared = %d, %d, %d, %d, want 5, 4, 1, 5", r.N, r.Labelled, r.Errors, r.Compared)
	}
	near(t, "accuracy", r.Accuracy, 0.75, 0)
	near(t, "agreement", r.Agreement, 0.6, 0)
	near(t, "ECE", r.ECE, 0.35, 1e-7)
	near(t, "NLL", r.NLL, -(math.Log(.9)+math.Log(.1)+math.Log(.6)+math.Log(.8))/4, 1e-7)
	if d := cmp.Diff([][]int{{1, 0}, {1, 2}}, r.Confusion); d != "" {
		t.Errorf("confusion (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Class{{1, 1, 2, 1}, {3, 2, 2, 2. / 3}}, r.PerClass); d != "" {
		t.Errorf("per class (-want +got):\n%s", d)
	}
	b := r.Bins[13]
	if b.Count != 2 || b.Accuracy != 0.5 || math.Abs(b.Confidence-.9) > 1e-7 || b.Low != 13./15 || b.High != 14./15 {
		t.Errorf("bin 13 is %+v", b)
	}
}

// A bin is open below and closed above, as in the paper: a confidence of
// exactly 2/3 = 10/15 lies in bin 9 and one of exactly 1 in bin 14.
func TestBinEdges(t *testing.T) {
	for _, c := range []struct {
		confidence float64
		bin        int
	}{{1e-9, 0}, {1. / 15, 0}, {1./15 + 1e-12, 1}, {0.2, 2}, {0.4, 5}, {2. / 3, 9}, {0.7, 10}, {1, 14}} {
		if got := binOf(c.confidence); got != c.bin {
			t.Errorf("confidence %v is in bin %d, want %d", c.confidence, got, c.bin)
		}
	}
	r := evaluate(t, []float32{1000, 0, 0}, []int32{0}, nil, 3)
	if r.Bins[14].Count != 1 || r.ECE != 0 {
		t.Errorf("a certain right answer: bin 14 has %d rows and ECE is %v", r.Bins[14].Count, r.ECE)
	}
}

func TestTiesGoToTheLowestIndex(t *testing.T) {
	for _, c := range []struct {
		row  []float32
		want int
	}{{[]float32{1, 1, 1}, 0}, {[]float32{0, 2, 2}, 1}, {[]float32{-1, -3, -1}, 0}, {[]float32{float32(math.Copysign(0, -1)), 0}, 0}, {[]float32{5}, 0}} {
		if got := Argmax(c.row); got != c.want {
			t.Errorf("Argmax(%v) = %d, want %d", c.row, got, c.want)
		}
	}
}

// The JSON names are a contract with whoever reads `eval --json`.
func TestJSONNames(t *testing.T) {
	r := evaluate(t, join(ln(.9, .1), ln(.2, .8)), []int32{0, 0}, join(ln(.9, .1), ln(.2, .8)), 2)
	got, err := json.Marshal(r.Summary())
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"n":2,"errors":1,"accuracy":0.5,"agreement":1,"ece":%v}`, r.ECE)
	if string(got) != want {
		t.Errorf("summary is %s, want %s", got, want)
	}
	got, err = json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if want = want[:len(want)-1] + `,"labelled":2,"compared":2,"nll":`; !strings.HasPrefix(string(got), want) {
		t.Errorf("result is %s, want it to start with %s", got, want)
	}
	got, err = json.Marshal(evaluate(t, ln(.9, .1), nil, nil, 2).Summary())
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"n":1,"errors":0,"accuracy":null,"agreement":null,"ece":null}`; string(got) != want {
		t.Errorf("summary without labels and teacher is %s, want %s", got, want)
	}
}

func TestBadRowsAreNamed(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		logits  []float32
		labels  []int32
		teacher []float32
		want    string
	}{
		{[]float32{0, 1, nan, 0}, nil, nil, "row 3: got logit NaN for class 0, want a finite number or -Inf"},
		{[]float32{0, inf, 0, 0}, nil, nil, "row 2: got logit +Inf for class 1, want a finite number or -Inf"},
		{[]float32{-inf, -inf, 0, 0}, nil, nil, "row 2: got logits that are all -Inf, want one finite at least"},
		{[]float32{0, 1, 0, 0}, nil, []float32{0, 0, 0, nan}, "row 3: got teacher logit NaN for class 1, want a finite number or -Inf"},
		{[]float32{0, 1, 0, 0}, []int32{0, 2}, nil, "row 3: got label 2, want -1 or a class below 2"},
		{[]float32{0, 1, 0, 0}, []int32{-2, 0}, nil, "row 2: got label -2, want -1 or a class below 2"},
	} {
		a, err := NewAccumulator(2)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add([]float32{0, 1, 1, 0}, []int32{1, 1}, nil); err != nil {
			t.Fatal(err)
		}
		before := a.Result()
		err = a.Add(c.logits, c.labels, c.teacher)
		if err == nil || err.Error() != c.want || fault.KindOf(err) != fault.Input {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if d := cmp.Diff(before, a.Result()); d != "" {
			t.Errorf("%s: the refused batch counts (-before +after):\n%s", c.want, d)
		}
	}
	if _, err := NewAccumulator(0); fault.KindOf(err) != fault.Usage {
		t.Errorf("no classes: got %v", err)
	}
	if _, err := Correct(nil, []float32{0, nan}, []int32{0}, 2); err == nil {
		t.Error("Correct takes NaN")
	}
	if _, err := Correct(nil, []float32{0, 0}, []int32{7}, 2); err == nil {
		t.Error("Correct takes label 7 of 2 classes")
	}
}

// A probability of 0 is allowed; when it is the label's, NLL stays finite.
func TestProbabilityZero(t *testing.T) {
	inf := float32(math.Inf(-1))
	r := evaluate(t, []float32{inf, 0, 0, inf}, []int32{1, 1}, nil, 2)
	near(t, "NLL", r.NLL, MaxNLL/2, 1e-12)
	if r.Errors != 1 {
		t.Errorf("%d errors, want 1", r.Errors)
	}
	r = evaluate(t, []float32{-3e38, 3e38, -1e4, 1e4}, []int32{0, 0}, nil, 2)
	near(t, "NLL of finite logits", r.NLL/((6e38+2e4)/2), 1, 1e-6)
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestNoRowsAndManyClasses(t *testing.T) {
	r := evaluate(t, nil, nil, nil, 3)
	if r.N != 0 || r.Accuracy != 0 || r.ECE != 0 || len(r.Bins) != CalibrationBins || len(r.PerClass) != 3 {
		t.Errorf("no rows give %+v", r)
	}
	big := make([]float32, MaxConfusion+1)
	if r := evaluate(t, big, []int32{0}, nil, MaxConfusion+1); r.Confusion != nil || len(r.PerClass) != MaxConfusion+1 || r.Errors != 0 {
		t.Errorf("above the bound there is a confusion matrix of %d rows", len(r.Confusion))
	}
}

// Batches in any cut give what all rows at once give, and the counts add up.
func TestAccumulatorInAnyCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 5).Draw(t, "c")
		n := rapid.IntRange(0, 20).Draw(t, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		logits, teacher, labels := make([]float32, n*c), make([]float32, n*c), make([]int32, n)
		for i := range logits {
			logits[i], teacher[i] = float32(r.IntN(5)), float32(r.IntN(5)) // with ties
		}
		for i := range labels {
			labels[i] = int32(r.IntN(c+1) - 1)
		}
		whole := evaluate(t, logits, labels, teacher, c)
		a, err := NewAccumulator(c)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < n; {
			k := rapid.IntRange(1, n-at).Draw(t, "k")
			if err := a.Add(logits[at*c:(at+k)*c], labels[at:at+k], teacher[at*c:(at+k)*c]); err != nil {
				t.Fatal(err)
			}
			at += k
		}
		if d := cmp.Diff(whole, a.Result()); d != "" {
			t.Fatalf("batches differ (-whole +batches):\n%s", d)
		}
		correct, err := Correct(nil, logits, labels, c)
		if err != nil {
			t.Fatal(err)
		}
		right, confused, binned, predicted := 0, 0, 0, 0
		for _, ok := range correct {
			if ok {
				right++
			}
		}
		for y, row := range whole.Confusion {
			for answer, k := range row {
				confused += k
				if y != answer {
					right += k
				}
			}
		}
		for _, b := range whole.Bins {
			binned += b.Count
		}
		for _, p := range whole.PerClass {
			predicted += p.Predicted
		}
		if l := whole.Labelled; len(correct) != l || right != l || confused != l || binned != l || predicted != l {
			t.Fatalf("%d labelled rows, but %d answers, %d right or confused, %d in the matrix, %d in bins, %d predicted", l, len(correct), right, confused, binned, predicted)
		}
		if !(whole.ECE >= 0 && whole.ECE <= 1 && whole.NLL >= 0) {
			t.Fatalf("ECE %v, NLL %v", whole.ECE, whole.NLL)
		}
	})
}

// TestAgreementOfSome: agreement is a share of the rows that were compared, not
// of those that came without a teacher.
func TestAgreementOfSome(t *testing.T) {
	a, err := NewAccumulator(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, teacher := range [][]float32{{1, 0, 1, 0}, nil} { // one of two agrees
		if err := a.Add([]float32{1, 0, 0, 1}, nil, teacher); err != nil {
			t.Fatal(err)
		}
	}
	if r := a.Result(); r.N != 4 || r.Compared != 2 || r.Agreement != 0.5 {
		t.Errorf("%d of %d rows compared, agreement %v, expected 2 of 4 and 0.5", r.Compared, r.N, r.Agreement)
	}
}

func TestMisfitPanics(t *testing.T) {
	add := func(logits []float32, labels []int32, teacher []float32) {
		a, err := NewAccumulator(2)
		if err != nil {
			t.Fatal(err)
		}
		a.Add(logits, labels, teacher)
	}
	for name, f := range map[string]func(){
		"logits":  func() { add(make([]float32, 5), nil, nil) },
		"labels":  func() { add(make([]float32, 4), make([]int32, 1), nil) },
		"teacher": func() { add(make([]float32, 4), nil, make([]float32, 2)) },
		"mcnemar": func() { McNemar(make([]bool, 2), make([]bool, 3)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("misfit of %s does not panic", name)
				}
			}()
			f()
		}()
	}
}

// P by the definition, in whole numbers: 2·Σ_{i≤k} C(n, i)/2ⁿ.
func TestMcNemarIsExact(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {0, 5}, {3, 3}, {2, 3}, {10, 25}, {72, 4}, {146, 74}, {500, 400}, {3000, 2600}, {2000, 10}} {
		n, k := int64(c[0]+c[1]), int64(min(c[0], c[1]))
		sum, term := new(big.Int), big.NewInt(1)
		for i := int64(0); i <= k; i++ {
			sum.Add(sum, term)
			term.Div(term.Mul(term, big.NewInt(n-i)), big.NewInt(i+1))
		}
		ratio := new(big.Float).SetInt(sum)
		ratio.SetMantExp(ratio, 1-int(n))
		want, _ := ratio.Float64()
		want = min(1, want)
		if got := signTest(c[0], c[1]); math.Abs(got-want) > 1e-10*want {
			t.Errorf("%v: got %.15g, want %.15g", c, got, want)
		}
	}
}

func TestMcNemarCounts(t *testing.T) {
	a := []bool{true, true, false, false, true, true, true, true, true}
	b := []bool{true, false, true, false, false, false, false, false, false}
	// 6 against 1 of 7: P = 2·(1 + 7)/128 = 1/8.
	want := Paired{Rows: 9, OnlyA: 6, OnlyB: 1, P: 0.125}
	got := McNemar(a, b)
	if math.Abs(got.P-want.P) > 1e-14 {
		t.Errorf("P = %v, want 1/8", got.P)
	}
	got.P = want.P
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s := McNemar(b, a); s.OnlyA != 1 || s.OnlyB != 6 {
		t.Errorf("swapped: got %+v", s)
	}
}
