package solve_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"comity"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/governor/charter"
)

// TestWhatIsForbiddenChangesNoByte forbids every name that is declared, one after the
// other. A charter that uses it is refused; in all others every number of that name is
// changed, and problem, units and certificate stay the same to the byte.
func TestWhatIsForbiddenChangesNoByte(t *testing.T) {
	list := charters(6, 1)
	free := 0
	some := []string{"budget", "cap", "individual rationality", "stock", "leximin", "nash", "conservation and flows"}
	for _, name := range some {
		t.Run(name, func(t *testing.T) {
			inputs := list[name].inputs()
			want := published(t, inputs)
			for _, name := range charter.Inputs(inputs.Charter) {
				family, value, _ := strings.Cut(name, ".")
				if family != "party" && family != "supply" {
					continue
				}
				other := forbidding(inputs, name)
				_, err := program.Lower(other)
				used := slices.ContainsFunc(charter.Uses(inputs.Charter), func(u charter.Use) bool { return u.Name == name })
				if used != errors.Is(err, program.ErrForbidden) {
					t.Errorf("%s is forbidden, used: %t; got %v", name, used, err)
				}
				if err != nil {
					continue
				}
				free++
				for i, d := range other.Declarations {
					values := maps.Clone(d.Declaration.Values)
					for name := range values {
						if base, _, _ := strings.Cut(name, "/"); base == value {
							values[name] = values[name]*3 + canon.Int(i)
						}
					}
					other.Declarations[i].Declaration.Values = values
				}
				if !bytes.Equal(published(t, other), want) {
					t.Errorf("%s is forbidden, and changing it changes what is published", name)
				}
			}
		})
	}
	if least := 3 * len(some); free < least { // Wealth, trade and donor are used nowhere.
		t.Errorf("%d names could be changed, want at least %d", free, least)
	}
}

// forbidding returns the inputs with one more name that is forbidden.
func forbidding(inputs program.Inputs, name string) program.Inputs {
	inputs.Charter.Constraints = append(slices.Clip(inputs.Charter.Constraints),
		comity.Constraint{ID: "c.more", Kind: "forbidden_inputs", Inputs: []string{name}})
	inputs.Declarations = slices.Clone(inputs.Declarations)
	return inputs
}

// published is the problem with its solution, as bytes.
func published(t *testing.T, inputs program.Inputs) []byte {
	t.Helper()
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := canon.Marshal(struct {
		Problem    comity.Problem    `json:"problem"`
		Allocation comity.Allocation `json:"allocation"`
	}{p, comity.Allocation{Units: got.Units, Parties: got.Parties, Certificate: got.Certificate}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
