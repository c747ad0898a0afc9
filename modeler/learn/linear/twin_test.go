package linear_test

import (
	"math"
	"testing"

	"comity/modeler/learn"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
)

// twin is a plain Newton's method in floating point, on the columns that a model has.
type twin struct {
	x      [][]float64 // Row by row.
	y, w   []float64
	kind   loss.Kind
	lambda float64
	b      []float64
	v      [][]float64 // The inverse of the second derivatives.
}

func newTwin(m *linear.Model, r *learn.Rows) *twin {
	t := &twin{kind: m.Config.Loss.Kind, lambda: float64(m.Config.LambdaPermille) / 1000, b: make([]float64, len(m.Terms))}
	for i := range r.Target {
		bins, numbers := rowOf(r, i)
		row := make([]float64, len(m.Terms))
		for j, term := range m.Terms {
			switch term.Kind {
			case linear.Intercept:
				row[j] = 1
			case linear.Number:
				if numbers[term.Feature] != math.MinInt64 {
					row[j] = math.Ldexp(float64(numbers[term.Feature]-term.Centre), term.Shift-16)
				}
			case linear.Absent:
				if numbers[term.Feature] == math.MinInt64 {
					row[j] = 1
				}
			case linear.Level:
				if bins[term.Feature] == term.Bin {
					row[j] = 1
				}
			}
		}
		weight := 1.0
		if r.Weight != nil {
			weight = float64(r.Weight[i]) / 1024
		}
		t.x, t.y, t.w = append(t.x, row), append(t.y, float64(r.Target[i])/65536), append(t.w, weight)
	}
	return t
}

func (t *twin) score(i int) (s float64) {
	for j, v := range t.x[i] {
		s += v * t.b[j]
	}
	return s
}

// fit takes thirty steps.
func (t *twin) fit() {
	n := len(t.b)
	for range 30 {
		a, g := make([][]float64, n), make([]float64, n)
		for j := range a {
			a[j] = make([]float64, n)
			if j > 0 {
				a[j][j], g[j] = t.lambda, -t.lambda*t.b[j]
			}
		}
		for i := range t.x {
			mean, weight := t.score(i), 1.0
			switch t.kind {
			case loss.Logistic:
				mean = 1 / (1 + math.Exp(-mean))
				weight = mean * (1 - mean)
			case loss.Poisson:
				mean = math.Exp(mean)
				weight = mean
			default: // Of squares the weight is one.
			}
			for j := range g {
				g[j] += t.w[i] * (t.y[i] - mean) * t.x[i][j]
				for k := range g {
					a[j][k] += t.w[i] * weight * t.x[i][j] * t.x[i][k]
				}
			}
		}
		t.v = inverse(a)
		for j := range g {
			for k := range g {
				t.b[j] += t.v[j][k] * g[k]
			}
		}
	}
}

// inverse is Gauss and Jordan's, with pivots from the diagonal: a is positive definite.
func inverse(a [][]float64) [][]float64 {
	n := len(a)
	v := make([][]float64, n)
	for i := range v {
		v[i] = make([]float64, n)
		v[i][i] = 1
	}
	for i := range n {
		pivot := a[i][i]
		for k := range n {
			a[i][k] /= pivot
			v[i][k] /= pivot
		}
		for r := range n {
			if f := a[r][i]; r != i {
				for k := range n {
					a[r][k] -= f * a[i][k]
					v[r][k] -= f * v[i][k]
				}
			}
		}
	}
	return v
}

// TestTrainerEqualsItsPlainTwin compares coefficients, standard errors and predictions
// with floating point.
func TestTrainerEqualsItsPlainTwin(t *testing.T) {
	for i, l := range losses() {
		for _, weighted := range []bool{false, true} {
			rows, features := newWorld(byte(i), 800, l, weighted)
			m := train(t, rows, small(l, features), learn.Pooled{})
			w := newTwin(m, rows)
			w.fit()
			dispersion := 1.0
			if l.Kind == loss.Squared {
				dispersion = 0
				for k := range w.y {
					dispersion += w.w[k] * (w.y[k] - w.score(k)) * (w.y[k] - w.score(k))
				}
				dispersion /= float64(len(w.y) - len(m.Terms))
				if got := math.Ldexp(float64(m.Dispersion), -40); math.Abs(got/dispersion-1) > 1e-5 {
					t.Errorf("%s: dispersion %g, want %g", l.Kind, got, dispersion)
				}
			}
			for j := range m.Terms {
				value, low, _ := m.Coefficient(j)
				sd := math.Sqrt(dispersion * w.v[j][j])
				if off := math.Abs(math.Ldexp(float64(value), -32) - w.b[j]); off > sd/5000+1e-5 {
					t.Errorf("%s: coefficient %d is %g off %g", l.Kind, j, off, w.b[j])
				}
				if got := math.Ldexp(float64(value-low), -32) / 1.959964; math.Abs(got/sd-1) > 1e-4 {
					t.Errorf("%s: standard error of coefficient %d is %g, want %g", l.Kind, j, got, sd)
				}
			}
			for k := range 20 {
				bins, numbers := rowOf(rows, k)
				if got := float64(m.Score(bins, numbers)) / 65536; math.Abs(got-w.score(k)) > 1e-4 {
					t.Errorf("%s: score %g, want %g", l.Kind, got, w.score(k))
				}
				var square float64
				for a := range w.b {
					for b := range w.b {
						square += dispersion * w.v[a][b] * w.x[k][a] * w.x[k][b]
					}
				}
				if got := float64(m.Error(bins, numbers)) / 65536; math.Abs(got-math.Sqrt(square)) > 3e-5 {
					t.Errorf("%s: standard error of a score %g, want %g", l.Kind, got, math.Sqrt(square))
				}
			}
			t.Logf("%s: %d steps", l.Kind, m.Steps)
		}
	}
}
