// Package anchor makes the million rows on which training is measured, and reads the
// public data sets that every learner is tried on. It is for tests only.
package anchor

import "math"

// Features is the number of columns of the made rows: 0 to 10 matter much, 11 to 19 a
// little, the others not at all.
const Features = 28

// draws is how many random numbers a row takes.
const draws = 32

// Made is the rows of one seed: 1 for training, 2 for tests.
type Made struct {
	X     []float32 // Row after row, each of Features numbers from 0 to below 1.
	Y     []float32 // A regression.
	Class []uint8   // 0 or 1.
	Score []float64 // The true score that both come from.
}

// Make makes the first rows of a seed. Whoever does the same (scripts/peers.py) gets the
// same bits in any language: splitmix64 in counter mode and single operations of binary64,
// none of them fused.
func Make(seed uint64, rows int) *Made {
	m := &Made{
		X: make([]float32, rows*Features), Y: make([]float32, rows),
		Class: make([]uint8, rows), Score: make([]float64, rows),
	}
	var u [draws]float64
	for i := range rows {
		for k := range u {
			u[k] = draw(seed, uint64(draws*i+k+1))
		}
		x := m.X[i*Features:][:Features]
		var d [Features]float64
		for k := range x {
			x[k] = float32(u[k])
			d[k] = float64(x[k])
		}
		s := score(&d)
		m.Score[i] = s
		m.Y[i] = float32(s + float64(2*((u[28]+u[29])+u[30]-1.5)))
		if u[31] < 0.5+float64(0.5*(s/(0.5+math.Abs(s)))) {
			m.Class[i] = 1
		}
	}
	return m
}

// draw returns output c of the stream of a seed, as a number from 0 to below 1.
func draw(seed, c uint64) float64 {
	z := seed*0xD1342543DE82EF95 + c*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

// score is the true score of a row, its terms in one order: sums of floats depend on it.
func score(d *[Features]float64) float64 {
	s := float64(3 * (d[0] - 0.5))
	s += float64(2 * (float64(d[1]*d[2]) - 0.25))
	s += float64(4 * (float64((d[3]-0.5)*(d[3]-0.5)) - 1.0/12.0))
	if d[4] > 0.7 {
		s++
	} else {
		s += -0.3
	}
	if d[5] < 0.3 && d[6] > 0.5 {
		s += 1.5
	}
	s += float64(2 * (min(d[7], d[8]) - 1.0/3.0))
	s += float64(2 * math.Abs(d[9]-d[10]))
	for j := 11; j < 20; j++ {
		s += float64(0.2 * (d[j] - 0.5))
	}
	return s - 0.9
}
