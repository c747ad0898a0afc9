package privacy

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
)

func float(x exact.Rat) float64 {
	f, _ := x.Big().Float64()
	return f
}

func number(t interface{ Fatal(...any) }, text string) exact.Rat {
	x, err := exact.ParseScientific(text, 40, 400)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func drawRho(t *rapid.T) exact.Rat {
	return ratio(rapid.Int64Range(1, 1<<16).Draw(t, "rho"), rapid.Int64Range(1, 1<<22).Draw(t, "over"))
}

// Reference values: numeric minimisation of the same bounds in double precision with
// SciPy 1.10, by a script of a few lines.
func TestEpsilonAgainstReference(t *testing.T) {
	for _, c := range []struct {
		rho, delta    string
		tight, simple float64
	}{
		{"0.5", "1e-5", 4.728386984943314, 5.298525912188081},
		{"0.01", "1e-6", 0.6216926545596024, 0.7533844377699678},
		{"0.02", "1e-9", 1.1632873262978873, 1.3075796157736084},
		{"3", "1e-3", 10.96911653916531, 12.104562776310878},
		{"1e-4", "1e-12", 0.09065957114579455, 0.10523043539513864},
	} {
		tight, err := Epsilon(number(t, c.rho), number(t, c.delta))
		if err != nil || float(tight) < c.tight-1e-9 || float(tight) > c.tight*1.00001 {
			t.Errorf("Epsilon(%s, %s) = %v, %v; want %v or just above", c.rho, c.delta, float(tight), err, c.tight)
		}
		simple, err := SimpleEpsilon(number(t, c.rho), number(t, c.delta))
		if err != nil || float(simple) < c.simple-1e-12 || float(simple) > c.simple+2e-12 {
			t.Errorf("SimpleEpsilon(%s, %s) = %v, %v; want %v", c.rho, c.delta, float(simple), err, c.simple)
		}
	}
}

func TestDeltaAgainstReference(t *testing.T) {
	for _, c := range []struct {
		rho, epsilon string
		want         float64
	}{
		{"0.5", "1", 0.24684633078294443},
		{"0.5", "5", 2.896122809384792e-06},
		{"0.01", "1", 1.664113977387998e-13},
		{"0.001", "0.5", 1.3523909615129453e-30},
		{"2", "3", 0.3845480158534082},
	} {
		delta, err := Delta(number(t, c.rho), number(t, c.epsilon))
		if err != nil || float(delta) < c.want*(1-1e-9) || float(delta) > c.want*1.0001 {
			t.Errorf("Delta(%s, %s) = %v, %v; want %v or just above", c.rho, c.epsilon, float(delta), err, c.want)
		}
	}
}

// Both conversions grow with ρ, fall with the other side, and go there and back.
func TestConversionLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho, more := drawRho(t), drawRho(t)
		delta := ratio(1, rapid.Int64Range(2, 1<<60).Draw(t, "one in"))
		e, err := Epsilon(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		simple, err := SimpleEpsilon(rho, delta)
		if err != nil || e.Cmp(simple) > 0 {
			t.Fatalf("Epsilon %v above SimpleEpsilon %v, %v", float(e), float(simple), err)
		}
		sum, err := Epsilon(rho.Add(more), delta)
		// The search may miss the minimum by a little, not by more.
		if err != nil || float(sum) < float(e)*(1-1e-5) {
			t.Fatalf("ε falls from %v to %v with ρ, %v", float(e), float(sum), err)
		}
		half, err := Epsilon(rho, delta.Mul(ratio(1, 2)))
		if err != nil || float(half) < float(e)*(1-1e-5) {
			t.Fatalf("ε falls from %v to %v with a smaller δ, %v", float(e), float(half), err)
		}
		if e.Cmp(exact.Int(MaxEpsilon)) > 0 {
			return
		}
		back, err := Delta(rho, e)
		if err != nil || float(back) > float(delta)*1.01 {
			t.Fatalf("δ = %v gives ε = %v, and that δ = %v, %v", float(delta), float(e), float(back), err)
		}
	})
}

// Composition: two releases cost the sum, and together no more than apart.
func TestCompositionIsSubadditiveInEpsilon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRho(t), drawRho(t)
		delta := ratio(1, 1_000_000)
		ea, err := SimpleEpsilon(a, delta)
		if err != nil {
			t.Fatal(err)
		}
		eb, err := SimpleEpsilon(b, delta)
		if err != nil {
			t.Fatal(err)
		}
		ab, err := SimpleEpsilon(a.Add(b), delta)
		if err != nil || ab.Cmp(ea.Add(eb)) > 0 {
			t.Fatalf("%v + %v is charged as %v, %v", float(ea), float(eb), float(ab), err)
		}
	})
}

func TestRhoOfMechanisms(t *testing.T) {
	rho, err := GaussianRho(exact.Int(9), exact.Int(100))
	if err != nil || rho.String() != "9/200" {
		t.Errorf("Gaussian: ρ = %s, %v", rho, err)
	}
	rho, err = LaplaceRho(exact.Int(3), exact.Int(10))
	if err != nil || rho.String() != "9/200" {
		t.Errorf("Laplace: ρ = %s, %v", rho, err)
	}
}

func TestParametersRefused(t *testing.T) {
	one, none := exact.Int(1), exact.Rat{}
	for name, err := range map[string]error{
		"square below 0":   second(GaussianRho(exact.Int(-1), one)),
		"variance 0":       second(GaussianRho(one, none)),
		"scale 0":          second(LaplaceRho(one, none)),
		"sensitivity":      second(LaplaceRho(exact.Int(-1), one)),
		"rho below 0":      second(Epsilon(exact.Int(-1), ratio(1, 2))),
		"rho too large":    second(Epsilon(exact.Int(maxRho+1), ratio(1, 2))),
		"delta 0":          second(Epsilon(one, none)),
		"delta 1":          second(SimpleEpsilon(one, one)),
		"delta too small":  second(Epsilon(one, leastDelta().Mul(ratio(1, 2)))),
		"epsilon below 0":  second(Delta(one, exact.Int(-1))),
		"epsilon too much": second(Delta(one, exact.Int(MaxEpsilon+1))),
		"rho of delta":     second(Delta(exact.Int(-1), one)),
	} {
		if !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range []func(exact.Rat, exact.Rat) (exact.Rat, error){Epsilon, SimpleEpsilon, Delta} {
		if x, err := f(none, ratio(1, 2)); err != nil || x.Sign() != 0 {
			t.Errorf("nothing spent costs %s, %v", x, err)
		}
	}
	if d, err := Delta(exact.Int(1000), one); err != nil || d.Cmp(one) > 0 {
		t.Errorf("δ = %s, %v", d, err)
	}
}

func second(_ exact.Rat, err error) error { return err }

func TestSquaredPiIsBelow(t *testing.T) {
	if p := float(squaredPi()); p > math.Pi*math.Pi || p < math.Pi*math.Pi-1e-14 {
		t.Errorf("π² is taken as %v", p)
	}
}
