package health_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/governor/charter"
	"comity/pack"
	"comity/party"
	"comity/party/partytest"
)

func TestCharterReadsAndSeals(t *testing.T) {
	for _, states := range [][]party.ID{
		{"BR", "FJ", "KE"},
		thirty(),
	} {
		c, problems := read(t, fill(t, found(t, states)))
		if err := problems.Err("charter.yaml"); err != nil {
			t.Fatal(err)
		}
		sealed, digest, err := charter.Seal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, same, err := charter.Open(sealed)
		if err != nil || same != digest {
			t.Fatalf("open %d bytes: %v, digest %s, want %s", len(sealed), err, same, digest)
		}
		if got := charter.Members(again); !slices.Equal(got, states) {
			t.Errorf("members %v, want %v", got, states)
		}
		if got := charter.Recipients(again); !slices.Equal(got, states) {
			t.Errorf("recipients %v, want %v", got, states)
		}
	}
}

func thirty() []party.ID {
	return []party.ID{
		"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
		"IS", "IT", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "UK",
	}
}

func BenchmarkReadAndSeal(b *testing.B) {
	source := fill(b, found(b, thirty()))
	for b.Loop() {
		c, problems := read(b, source)
		if _, _, err := charter.Seal(c); err != nil || len(problems) > 0 {
			b.Fatal(err, problems)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	c, _ := read(b, fill(b, found(b, thirty())))
	sealed, _, err := charter.Seal(c)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(sealed)))
	for b.Loop() {
		if _, _, err := charter.Open(sealed); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEveryMutationIsRefused renames, removes, repeats and mistypes every key of the
// filled template, one at a time. The parameters of the recipe are left out where they
// are only renamed or removed: their names belong to the task, which checks them.
func TestEveryMutationIsRefused(t *testing.T) {
	source := fill(t, found(t, []party.ID{"BR", "FJ", "KE"}))
	root, err := yaml.Read("charter.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	refused := func(what, path string, mutant charter.Node) {
		count++
		c, problems := charter.Read(mutant, cel.Compile)
		if len(problems) > 0 {
			return
		}
		t.Errorf("%s %s is accepted: %s", what, path, c.ID)
	}
	visit(root, "", func(path string, replace func(func(charter.Node, int) charter.Node) charter.Node) {
		inRecipe := strings.HasPrefix(path, "models.recipe.")
		if !inRecipe {
			refused("renaming", path, replace(func(n charter.Node, i int) charter.Node {
				n.Fields[i].Key.Text += "x"
				return n
			}))
			if !strings.HasSuffix(path, ".queries") { // A clause need not answer any.
				refused("removing", path, replace(func(n charter.Node, i int) charter.Node {
					n.Fields = slices.Delete(n.Fields, i, i+1)
					return n
				}))
			}
		}
		refused("repeating", path, replace(func(n charter.Node, i int) charter.Node {
			n.Fields = append(n.Fields, n.Fields[i])
			return n
		}))
		for _, wrong := range []charter.Node{
			{Shape: charter.Scalar, Text: "true"},
			{Shape: charter.Scalar, Text: "0.5"},
			{Shape: charter.Scalar, Text: "", Style: charter.DoubleQuoted},
			{Shape: charter.Sequence, Items: []charter.Node{{Shape: charter.Mapping}}},
			{Shape: charter.Mapping, Fields: []charter.Field{{Key: charter.Node{Text: "x"}}}},
		} {
			if strings.HasSuffix(path, ".personal") && wrong.Text == "true" {
				continue // As it stands there.
			}
			refused("mistyping", path, replace(func(n charter.Node, i int) charter.Node {
				n.Fields[i].Value = wrong
				return n
			}))
		}
	})
	if count < 500 {
		t.Errorf("%d mutations, expected hundreds", count)
	}
}

// visit calls f for each key below root, with a function that changes a copy of root
// in the mapping that holds the key.
func visit(root charter.Node, path string, f func(path string, replace func(func(charter.Node, int) charter.Node) charter.Node)) {
	var walk func(n charter.Node, path string, rebuild func(charter.Node) charter.Node)
	walk = func(n charter.Node, path string, rebuild func(charter.Node) charter.Node) {
		for i, item := range n.Items {
			walk(item, fmt.Sprintf("%s[%d]", path, i), func(changed charter.Node) charter.Node {
				outer := n
				outer.Items = slices.Clone(n.Items)
				outer.Items[i] = changed
				return rebuild(outer)
			})
		}
		for i, field := range n.Fields {
			below := strings.TrimPrefix(path+"."+field.Key.Text, ".")
			f(below, func(change func(charter.Node, int) charter.Node) charter.Node {
				outer := n
				outer.Fields = slices.Clone(n.Fields)
				return rebuild(change(outer, i))
			})
			walk(field.Value, below, func(changed charter.Node) charter.Node {
				outer := n
				outer.Fields = slices.Clone(n.Fields)
				outer.Fields[i].Value = changed
				return rebuild(outer)
			})
		}
	}
	walk(root, path, func(n charter.Node) charter.Node { return n })
}

func read(t testing.TB, source []byte) (comity.Charter, charter.Problems) {
	t.Helper()
	root, err := yaml.Read("charter.yaml", source)
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	return charter.Read(root, cel.Compile)
}

func fill(t testing.TB, data pack.Founding) []byte {
	t.Helper()
	template, err := os.ReadFile("charter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := pack.Draft(string(template), data)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// found makes parties with keys that are the same in every run.
func found(t testing.TB, states []party.ID) pack.Founding {
	t.Helper()
	const operator, origin = "SECRETARIAT", "comity.example/test"
	f := pack.Founding{
		ID: "respiratory-test", Effective: "2026-11-20T00:00:00Z", Expires: "2027-11-20T00:00:00Z",
		Origin: origin, LogKey: partytest.Key(t, origin).Verifier(), Operator: operator,
		WitnessThreshold: charter.LeastWitnesses(len(states)),
		MinMembers:       max(3, len(states)/2+1), StepSeconds: 2,
		Recipe: []pack.Parameter{{Name: "depth", Value: 3}, {Name: "rounds", Value: 24}},
	}
	for _, id := range append(slices.Clone(states), operator) {
		name := strings.ToLower(string(id))
		p := pack.FoundingParty{
			ID: string(id), Kind: "state", Name: "State of " + string(id), Weight: "1", Groups: []string{"pool"},
			Keys:      []string{partytest.Key(t, name+".officer-1").Verifier(), partytest.Key(t, name+".officer-2").Verifier()},
			Threshold: 2, NodeKey: partytest.Key(t, name+".node").Verifier(), Transport: partytest.Transport(name),
		}
		if id == operator {
			p.Kind, p.Weight, p.Groups = "agency", "0", nil
		} else {
			f.Witnesses = append(f.Witnesses, partytest.Key(t, party.WitnessName(id)).Cosigner())
		}
		f.Parties = append(f.Parties, p)
	}
	slices.SortFunc(f.Parties, func(x, y pack.FoundingParty) int { return cmp.Compare(x.ID, y.ID) })
	return f
}
