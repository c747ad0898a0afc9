package loss_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn/loss"
)

// all lists one loss of every kind and several of those with parameters.
func all() []loss.Loss {
	return []loss.Loss{
		{Kind: loss.Squared, Scale: fixed.One},
		{Kind: loss.Squared, Scale: 40 * fixed.One},
		{Kind: loss.Huber, Scale: fixed.One / 4},
		{Kind: loss.Huber, Scale: 3 * fixed.One},
		{Kind: loss.Absolute, Scale: 2 * fixed.One},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 500},
		{Kind: loss.Quantile, Scale: 5 * fixed.One, Level: 25},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 990},
		{Kind: loss.Logistic, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: 200 * fixed.One},
		{Kind: loss.Tweedie, Scale: fixed.One, Power: 1500},
		{Kind: loss.Tweedie, Scale: 10 * fixed.One, Power: 1001},
		{Kind: loss.Tweedie, Scale: fixed.One, Power: 1999},
	}
}

func draw(t *rapid.T) loss.Loss { return rapid.SampledFrom(all()).Draw(t, "loss") }

// drawTarget draws a target that the loss takes, mostly of about its scale.
func drawTarget(t *rapid.T, l loss.Loss) fixed.Q16 {
	reach := rapid.SampledFrom([]int64{int64(l.Scale), 8 * int64(l.Scale), 1 << 30}).Draw(t, "reach")
	reach = min(reach, 1<<30)
	switch l.Kind {
	case loss.Logistic:
		return fixed.Q16(rapid.IntRange(0, 1).Draw(t, "answer")) * fixed.One
	case loss.Poisson, loss.Tweedie:
		return fixed.Q16(rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(0, reach)).Draw(t, "target"))
	default:
		return fixed.Q16(rapid.Int64Range(-reach, reach).Draw(t, "target"))
	}
}

// drawScore draws a score near the targets, or with extreme ones anywhere.
func drawScore(t *rapid.T, l loss.Loss, extreme bool) fixed.Q16 {
	reach := 12 * int64(l.Scale)
	if unitOf(l) == fixed.One {
		reach = 12 << 16
	}
	if extreme {
		reach = 1 << 30
	}
	return fixed.Q16(rapid.Int64Range(-reach, reach).Draw(t, "score"))
}

func TestGradientsStayWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		l.Scale = max(l.Scale, 1)
		y, s := drawTarget(t, l), drawScore(t, l, rapid.Bool().Draw(t, "extreme"))
		g, h := l.Gradient(y, s)
		if g < -l.Bound()*loss.Unit || g > l.Bound()*loss.Unit || h < 1 || h > loss.Unit {
			t.Fatalf("%+v: gradient %d and weight %d at target %d, score %d", l, g, h, y, s)
		}
		if v := l.Value(y, s); v > 1<<32 || v < -1<<15 {
			t.Fatalf("%+v: value %d at target %d, score %d", l, v, y, s)
		}
	})
}

func TestGradientsFallWithTheScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, extreme := draw(t), rapid.Bool().Draw(t, "extreme")
		y, a, b := drawTarget(t, l), drawScore(t, l, extreme), drawScore(t, l, extreme)
		a, b = min(a, b), max(a, b)
		ga, _ := l.Gradient(y, a)
		gb, _ := l.Gradient(y, b)
		slack := int64(1)
		if l.Kind == loss.Poisson || l.Kind == loss.Tweedie {
			slack += max(ga, -ga) >> 12
		}
		if gb > ga+slack {
			t.Fatalf("%+v: gradient %d at score %d and %d at %d", l, ga, a, gb, b)
		}
	})
}

// TestGradientIsTheSlopeOfValue compares with a difference over a 64th of a unit: by the
// mean value theorem it is the gradient somewhere in between.
func TestGradientIsTheSlopeOfValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		y, s := drawTarget(t, l), drawScore(t, l, false)
		unit := unitOf(l)
		step := max(unit/64, 1)
		low, high := l.Value(y, s), l.Value(y, s+step)
		if low >= 1<<32 || high >= 1<<32 {
			return // Held.
		}
		before, _ := l.Gradient(y, s)
		after, _ := l.Gradient(y, s+step)
		// Values are at most five units of 2^-16 off each, or 2^-13 of themselves.
		off := (10 + math.Abs(float64(low+high))/(1<<13)) / 65536
		slope := float64(low-high) / 65536 * float64(unit) / float64(step) * loss.Unit
		slack := off*float64(unit)/float64(step)*loss.Unit + 2 + math.Abs(float64(before))/(1<<12)
		if slope > float64(before)+slack || slope < float64(after)-slack {
			t.Fatalf("%+v: slope %f between gradients %d and %d (+-%f) at target %d, scores %d and %d",
				l, slope, before, after, slack, y, s, s+step)
		}
	})
}

// unitOf is the change of score that gradients refer to.
func unitOf(l loss.Loss) fixed.Q16 {
	// A gradient of one whole unit without pull moves by one unit of score.
	switch l.Kind {
	case loss.Absolute, loss.Quantile:
		return max(1, l.Scale/16)
	case loss.Squared, loss.Huber:
		return l.Scale
	default:
		return fixed.One
	}
}

func TestValuesAreConvex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, extreme := draw(t), rapid.Bool().Draw(t, "extreme")
		y, a, b := drawTarget(t, l), drawScore(t, l, extreme), drawScore(t, l, extreme)
		b += (b - a) & 1
		middle := a + (b-a)/2
		va, vb, vm := l.Value(y, a), l.Value(y, b), l.Value(y, middle)
		if max(va, vb, vm) >= 1<<32 {
			return // Held, which bends the other way.
		}
		if slack := 20 + max(va+vb, 0)>>12; 2*vm > va+vb+slack {
			t.Fatalf("%+v: %d at %d above the mean of %d at %d and %d at %d", l, vm, middle, va, a, vb, b)
		}
	})
}

// TestAgainstFloats compares gradients and values with plain formulas.
func TestAgainstFloats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		y, s := drawTarget(t, l), drawScore(t, l, false)
		g, h := l.Gradient(y, s)
		wantG, wantH := floats(l, float64(y)/65536, float64(s)/65536)
		slack := 1 + math.Abs(wantG)/(1<<13)
		if l.Kind == loss.Huber || l.Kind == loss.Absolute || l.Kind == loss.Quantile {
			slack += 1024 / float64(unitOf(l)) // The root is rounded down.
		}
		if math.Abs(float64(g)-wantG) > slack || math.Abs(float64(h)-max(1, wantH)) > slack {
			t.Fatalf("%+v: gradient %d and weight %d at target %d, score %d; want %f and %f", l, g, h, y, s, wantG, wantH)
		}
	})
}

// TestFineGradientsAgree compares both resolutions.
func TestFineGradientsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		y, s := drawTarget(t, l), drawScore(t, l, rapid.Bool().Draw(t, "extreme"))
		g, h := l.Gradient(y, s)
		fg, fh := l.Fine(y, s)
		const part = loss.FineUnit / loss.Unit
		if off := max(fg-g*part, g*part-fg); off > part {
			t.Fatalf("%+v: gradient %d, finely %d", l, g, fg)
		}
		if off := max(fh-h*part, h*part-fh); off > part {
			t.Fatalf("%+v: weight %d, finely %d", l, h, fh)
		}
		if fg < -l.Bound()*loss.FineUnit || fg > l.Bound()*loss.FineUnit || fh < 1 || fh > loss.FineUnit {
			t.Fatalf("%+v: gradient %d and weight %d", l, fg, fh)
		}
	})
}

func floats(l loss.Loss, y, s float64) (g, h float64) {
	unit := float64(unitOf(l)) / 65536
	r := (y - s) / unit
	root := math.Sqrt(1 + r*r)
	switch l.Kind {
	case loss.Squared:
		g, h = max(-8, min(8, r)), min(1, 8/math.Abs(r))
	case loss.Huber, loss.Absolute:
		g, h = r/root, 1/root
	case loss.Quantile:
		g, h = (r/root+float64(l.Level)/500-1)/2, 1/root/2
	case loss.Logistic:
		p := 1 / (1 + math.Exp(-s))
		g, h = y-p, p*(1-p)
	default:
		scale, p := float64(l.Scale)/65536, 1.0
		if l.Kind == loss.Tweedie {
			p = float64(l.Power) / 1000
		}
		m := math.Exp(s) / scale
		if m > 1 {
			p = 2
		}
		g, h = min(64, y/scale*math.Pow(m, 1-p)-math.Pow(m, 2-p)), math.Pow(m, 2-p)
	}
	return g * loss.Unit, h * loss.Unit
}

// TestHuberKeepsTheBitsOfForecasts computes the gradient as forecasts always have.
func TestHuberKeepsTheBitsOfForecasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := loss.Loss{Kind: loss.Huber, Scale: fixed.Q16(rapid.Int64Range(1, 1<<26).Draw(t, "delta"))}
		y, s := fixed.Q16(rapid.Int64Range(-1<<30, 1<<30).Draw(t, "y")), fixed.Q16(rapid.Int64Range(-1<<30, 1<<30).Draw(t, "s"))
		r, delta := int64(y-s), int64(l.Scale)
		root := int64(fixed.Sqrt(uint64(r*r + delta*delta)))
		away := int64(1)
		if r < 0 {
			away = -1
		}
		wantG, wantH := (2*1024*r+away*root)/(2*root), max(1, (2*1024*delta+root)/(2*root))
		if g, h := l.Gradient(y, s); g != wantG || h != wantH {
			t.Fatalf("delta %d, residual %d: %d and %d, want %d and %d", delta, r, g, h, wantG, wantH)
		}
		lambda, rate := rapid.Int64Range(0, 1000).Draw(t, "lambda"), rapid.Int64Range(1, 1000).Draw(t, "rate")
		want := fixed.MulDiv(wantG, delta*rate, 1000*(wantH+1024*lambda))
		if got := l.Shrunk(wantG, wantH, 1024*lambda, rate); int64(got) != min(max(want, -1<<30), 1<<30) {
			t.Fatalf("leaf %d, want %d", got, want)
		}
	})
}

// TestLeavesOfALogarithmAreExact lets one leaf hold rows of one mean: after it the mean
// is that of the targets.
func TestLeavesOfALogarithmAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom([]loss.Loss{
			{Kind: loss.Poisson, Scale: 4 * fixed.One}, {Kind: loss.Tweedie, Scale: 2 * fixed.One, Power: 1500},
		}).Draw(t, "loss")
		score := fixed.Q16(rapid.Int64Range(-1<<16, 2<<16).Draw(t, "score"))
		var g, h, sum int64
		n := rapid.Int64Range(50, 200).Draw(t, "rows")
		for range n {
			y := fixed.Q16(rapid.Int64Range(1<<15, 8<<16).Draw(t, "target"))
			rg, rh := l.Gradient(y, score)
			g, h, sum = g+rg, h+rh, sum+int64(y)
		}
		want := float64(sum) / float64(n)
		if got := float64(l.Mean(score + l.Leaf(g, h, 0))); math.Abs(got/want-1) > .01 {
			t.Fatalf("%+v: mean %f after the leaf, of the targets %f", l, got, want)
		}
	})
}

func TestLeavesAreHeld(t *testing.T) {
	for _, l := range all() {
		for _, g := range []int64{math.MinInt64 / 2, -1, 0, 1, math.MaxInt64 / 2} {
			for _, h := range []int64{-5, 0, 1, 1 << 40} {
				if leaf := l.Leaf(g, h, 0); leaf.Abs() > 1<<30 {
					t.Errorf("%+v: leaf %d of %d and %d", l, leaf, g, h)
				}
			}
		}
	}
}

func TestTargetsOutsideTheDomainAreRefused(t *testing.T) {
	for _, c := range []struct {
		kind    loss.Kind
		valid   []fixed.Q16
		invalid []fixed.Q16
	}{
		{loss.Squared, []fixed.Q16{-1 << 30, 0, 1 << 30}, []fixed.Q16{fixed.Missing, 1<<30 + 1, -1<<30 - 1, fixed.Max}},
		{loss.Logistic, []fixed.Q16{0, fixed.One}, []fixed.Q16{fixed.Missing, 1, -fixed.One, 2 * fixed.One}},
		{loss.Poisson, []fixed.Q16{0, 1, 1 << 30}, []fixed.Q16{fixed.Missing, -1, 1<<30 + 1}},
		{loss.Tweedie, []fixed.Q16{0, 1, 1 << 30}, []fixed.Q16{fixed.Missing, -1, 1<<30 + 1}},
	} {
		l := loss.Loss{Kind: c.kind, Scale: fixed.One}
		for _, y := range c.valid {
			if err := l.Accepts(y); err != nil {
				t.Errorf("%s: target %d: %v", c.kind, y, err)
			}
		}
		for _, y := range c.invalid {
			if err := l.Accepts(y); !errors.Is(err, loss.ErrDomain) {
				t.Errorf("%s: target %d: %v", c.kind, y, err)
			}
		}
	}
}

func TestLossesOutOfBoundsAreRefused(t *testing.T) {
	for _, l := range all() {
		if err := l.Check(); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
	for _, l := range []loss.Loss{
		{},
		{Kind: "hinge", Scale: fixed.One},
		{Kind: loss.Squared},
		{Kind: loss.Squared, Scale: 1024*fixed.One + 1},
		{Kind: loss.Squared, Scale: -1},
		{Kind: loss.Squared, Scale: fixed.One, Level: 1},
		{Kind: loss.Squared, Scale: fixed.One, Power: 1500},
		{Kind: loss.Quantile, Scale: fixed.One},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 1000},
		{Kind: loss.Logistic, Scale: fixed.One + 1},
		{Kind: loss.Logistic, Scale: fixed.One, Level: 500},
		{Kind: loss.Tweedie, Scale: fixed.One, Power: 1000},
		{Kind: loss.Tweedie, Scale: fixed.One, Power: 2000},
		{Kind: loss.Poisson, Scale: fixed.One, Power: 1000},
	} {
		if err := l.Check(); !errors.Is(err, loss.ErrLoss) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

// TestStartIsTheBestConstant holds the start against its neighbours on the same rows.
func TestStartIsTheBestConstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		lo, hi := -2*l.Scale, 2*l.Scale
		cells, sum := make([]int64, l.Cells()), int64(0)
		var targets []fixed.Q16
		for range rapid.IntRange(20, 60).Draw(t, "rows") {
			var y fixed.Q16
			switch l.Kind {
			case loss.Logistic:
				y = fixed.Q16(rapid.IntRange(0, 1).Draw(t, "answer")) * fixed.One
			case loss.Poisson, loss.Tweedie:
				y = fixed.Q16(rapid.Int64Range(int64(l.Scale)/4, int64(l.Scale)).Draw(t, "target"))
			default:
				y = fixed.Q16(rapid.Int64Range(-int64(l.Scale), int64(l.Scale)).Draw(t, "target"))
			}
			targets = append(targets, y)
			cells[int(int64(y-lo)*int64(len(cells))/int64(hi-lo+1))]++
			sum += int64(y)
		}
		start := l.Start(lo, hi, cells, sum)
		if l.Cells() > 1 {
			checkRank(t, l, targets, start)
			return
		}
		unit := l.Scale / 8
		if unitOf(l) == fixed.One {
			unit = fixed.One / 2
		}
		best := total(l, targets, start)
		for _, other := range []fixed.Q16{start - unit, start + unit} {
			if v := total(l, targets, other); v < best-best>>6-int64(len(targets))<<12 {
				t.Fatalf("%+v: loss %d at the start %d, %d at %d", l, best, start, v, other)
			}
		}
	})
}

// checkRank holds a quantile to its place among the targets, give or take a cell.
func checkRank(t *rapid.T, l loss.Loss, targets []fixed.Q16, start fixed.Q16) {
	level := 500
	if l.Kind == loss.Quantile {
		level = l.Level
	}
	below, upTo, cell := 0, 0, l.Scale/64+2
	for _, y := range targets {
		if y < start-cell {
			below++
		}
		if y <= start+cell {
			upTo++
		}
	}
	if n := len(targets); 1000*below > level*n || 1000*upTo < level*n {
		t.Fatalf("%+v: of %d targets %d are below the start and %d up to it", l, n, below, upTo)
	}
}

func total(l loss.Loss, targets []fixed.Q16, score fixed.Q16) (sum int64) {
	for _, y := range targets {
		sum += l.Value(y, score)
	}
	return sum
}

func TestStartsByHand(t *testing.T) {
	yes := int64(fixed.One)
	for _, c := range []struct {
		name  string
		loss  loss.Loss
		cells []int64
		sum   int64
		want  fixed.Q16
	}{
		{"mean", loss.Loss{Kind: loss.Squared, Scale: fixed.One}, []int64{4}, 3 * yes, 3 * fixed.One / 4},
		{"odds of one", loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, []int64{4}, 2 * yes, 0},
		{"odds of none", loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, []int64{4}, 0, -127527},
		{"odds of all", loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, []int64{4}, 4 * yes, 127527},
		{"rate of one", loss.Loss{Kind: loss.Poisson, Scale: fixed.One}, []int64{4}, 4 * yes, 0},
		{"no event in two rows", loss.Loss{Kind: loss.Poisson, Scale: fixed.One}, []int64{2}, 0, -90852},
		{"no rows", loss.Loss{Kind: loss.Poisson, Scale: fixed.One}, []int64{0}, 0, 0},
		{"median", loss.Loss{Kind: loss.Huber, Scale: fixed.One}, []int64{0, 2, 0, 0}, 0, -fixed.One},
		{"lower quarter", loss.Loss{Kind: loss.Quantile, Scale: fixed.One, Level: 250}, []int64{1, 1, 1, 1}, 0, -2 * fixed.One},
		{"noise below nothing", loss.Loss{Kind: loss.Absolute, Scale: fixed.One}, []int64{-1, -1, 1, 0}, 0, 0},
	} {
		if got := c.loss.Start(-4*fixed.One, 4*fixed.One, c.cells, c.sum); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func ExampleLoss_Gradient() {
	l := loss.Loss{Kind: loss.Logistic, Scale: fixed.One}
	g, h := l.Gradient(fixed.One, 0) // A yes where odds are even.
	fmt.Println(g, h)
	// Output: 512 256
}

// TestGoldenBits holds every loss to its bits: models that are replayed rest on them, on
// all processors.
func TestGoldenBits(t *testing.T) {
	const want = "5bb795566ea1462ffcea3089755673cf8403b0f466cd5c5d79565b8ef2c85bfa"
	h := sha256.New()
	put := func(v int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(v))) }
	for _, l := range all() {
		for i := int64(-60); i <= 60; i++ {
			y := fixed.Q16(i * i * i * 1009)
			switch l.Kind {
			case loss.Logistic:
				y = fixed.Q16(i&1) * fixed.One
			case loss.Poisson, loss.Tweedie:
				y = max(y, 0)
			default:
			}
			for j := int64(-40); j <= 40; j++ {
				score := fixed.Q16(j * 16411)
				g, weight := l.Gradient(y, score)
				put(g)
				put(weight)
				put(l.Value(y, score))
				put(int64(l.Leaf(g, weight, 1024)))
				put(int64(l.Mean(score)))
			}
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Fatalf("bits %s, want %s", got, want)
	}
}
