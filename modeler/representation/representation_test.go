package representation_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
	"comity/modeler/representation"
)

func groups(people, rows []int64) (all []representation.Group) {
	for i := range people {
		all = append(all, representation.Group{Name: fmt.Sprint("g", i), People: exact.Int(people[i]), Rows: rows[i]})
	}
	return all
}

func audit(t interface{ Fatal(...any) }, people, rows []int64) representation.Audit {
	a, err := representation.New(groups(people, rows))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ratio(num, den int64) exact.Rat {
	r, err := exact.Ratio(num, den)
	if err != nil {
		panic(err)
	}
	return r
}

// TestByHand works four groups out on paper: people 4, 3, 2, 1 of 10, rows 5, 0, 5, 0.
// Rows per person are 0 for four people, 5/4 for four and 5/2 for two, of mean 1: the sum
// of |x_i - x_j| over pairs of people is 4·4·5/4 + 4·2·5/2 + 4·2·5/4 = 50, and the Gini
// coefficient is that over 10² times the mean.
func TestByHand(t *testing.T) {
	a := audit(t, []int64{4, 3, 2, 1}, []int64{5, 0, 5, 0})
	for what, c := range map[string][2]exact.Rat{
		"Gini": {a.Gini, ratio(1, 2)}, "effective groups": {a.EffectiveGroups, ratio(2, 1)}, "of people": {a.EffectiveOfPeople, ratio(100, 30)},
		"without data": {a.WithoutData, ratio(2, 5)}, "needed": {a.Needed, ratio(2, 5)},
	} {
		if c[0].Cmp(c[1]) != 0 {
			t.Errorf("%s is %s, want %s", what, c[0], c[1])
		}
	}
	// SciPy 1.10.1: scipy.spatial.distance.jensenshannon([.5, 0, .5, 0], [.4, .3, .2, .1], 2).
	if want := 0.5019198881041467; math.Abs(a.JensenShannon-want) > 1e-14 || math.Abs(a.Divergence-want*want) > 1e-14 {
		t.Errorf("distance %v, want %v", a.JensenShannon, want)
	}
}

// TestBorders holds what each measure is for rows in proportion, and for rows about one
// group of many.
func TestBorders(t *testing.T) {
	a := audit(t, []int64{30, 20, 50}, []int64{3, 2, 5})
	if a.Gini.Sign() != 0 || a.JensenShannon != 0 || a.WithoutData.Sign() != 0 || a.Needed.Sign() != 0 || a.EffectiveGroups.Cmp(a.EffectiveOfPeople) != 0 {
		t.Errorf("in proportion: %+v", a)
	}
	a = audit(t, []int64{1, 99}, []int64{7, 0})
	if a.Gini.Cmp(ratio(99, 100)) != 0 || a.EffectiveGroups.Cmp(exact.Int(1)) != 0 || a.WithoutData.Cmp(ratio(99, 100)) != 0 || a.JensenShannon >= 1 {
		t.Errorf("about one: %+v", a)
	}
	if a = audit(t, []int64{5}, []int64{1}); a.Gini.Sign() != 0 || a.JensenShannon != 0 {
		t.Errorf("one group: %+v", a)
	}
}

// TestLaws compares the Gini coefficient with its double sum, and holds what must not
// change anything: the order of groups, a group cut in two of the same rows per person, and
// the unit of people.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		people := rapid.SliceOfN(rapid.Int64Range(1, 1000), n, n).Draw(t, "people")
		rows := rapid.SliceOfN(rapid.Int64Range(0, 40), n, n).Draw(t, "rows")
		rows[rapid.IntRange(0, n-1).Draw(t, "some")]++
		a := audit(t, people, rows)
		sum, all := new(big.Rat), new(big.Rat)
		for i := range people {
			for j := range people {
				d := new(big.Rat).Sub(big.NewRat(rows[i]*people[j], 1), big.NewRat(rows[j]*people[i], 1))
				sum.Add(sum, d.Abs(d))
			}
			all.Add(all, big.NewRat(people[i], 1))
		}
		want := sum.Quo(sum, new(big.Rat).Mul(big.NewRat(2*a.Rows, 1), all))
		if a.Gini.Big().Cmp(want) != 0 {
			t.Fatalf("Gini %s, want %s", a.Gini, want)
		}
		if a.Gini.Sign() < 0 || a.Gini.Cmp(exact.Int(1)) >= 0 || a.JensenShannon < 0 || a.JensenShannon > 1 || a.Needed.Cmp(a.WithoutData) < 0 {
			t.Fatalf("%+v", a)
		}
		scaled := groups(people, rows)
		for i := range scaled {
			scaled[i].People = scaled[i].People.Mul(ratio(1, 7))
		}
		scaled[0].People = scaled[0].People.Mul(ratio(1, 2))
		half := scaled[0]
		half.Name = "half"
		for i := range scaled {
			scaled[i].Rows *= 2
		}
		scaled[0].Rows /= 2
		half.Rows = scaled[0].Rows
		b, err := representation.New(append(rapid.Permutation(scaled).Draw(t, "order"), half))
		if err != nil || b.Gini.Cmp(a.Gini) != 0 || math.Abs(b.Divergence-a.Divergence) > 1e-12 || b.WithoutData.Cmp(a.WithoutData) != 0 || b.Needed.Cmp(a.Needed) != 0 {
			t.Fatalf("%+v, %v; want %+v", b, err, a)
		}
	})
}

func TestRefused(t *testing.T) {
	twice := groups([]int64{1, 2}, []int64{1, 2})
	twice[1].Name = twice[0].Name
	for name, g := range map[string][]representation.Group{
		"none": nil, "twice": twice, "no people": groups([]int64{0}, []int64{1}), "people below 0": groups([]int64{-2}, []int64{1}),
		"rows below 0": groups([]int64{3}, []int64{-1}), "no row": groups([]int64{3, 4}, []int64{0, 0}),
		"too many rows": groups([]int64{3, 4}, []int64{math.MaxInt64, 1}),
	} {
		if _, err := representation.New(g); !errors.Is(err, representation.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
