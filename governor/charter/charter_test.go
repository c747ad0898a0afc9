package charter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"
	"pgregory.net/rapid"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/party/partytest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestReadGivesWhatTheDocumentSays(t *testing.T) {
	for _, want := range []comity.Charter{small(t), rich(t)} {
		got, problems := charter.Read(document(t, want), cel.Compile)
		if err := problems.Err("document"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(sealed(t, want)), string(sealed(t, got))); diff != "" {
			t.Error(diff)
		}
	}
}

// TestWhatMayBeLeftOutHasOneMeaning: a charter with the default written out is sealed as
// the same bytes.
func TestWhatMayBeLeftOutHasOneMeaning(t *testing.T) {
	want := string(sealed(t, small(t)))
	root := document(t, small(t))
	for _, at := range []struct {
		keys []string
		name string
	}{{[]string{"scope"}, "periods"}, {[]string{"objective", "stages", ""}, "slack"}} {
		n := value(&root, at.keys...)
		n.Fields = slices.DeleteFunc(n.Fields, func(f charter.Field) bool { return f.Key.Text == at.name })
	}
	n := value(&root, "data", "")
	n.Fields = append(n.Fields, charter.Field{Key: charter.Node{Text: "by_period"}, Value: charter.Node{Text: "false"}})
	c, problems := charter.Read(root, cel.Compile)
	if err := problems.Err("document"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(sealed(t, c))); diff != "" {
		t.Error(diff)
	}
}

// TestOpenKeepsEveryKind: what is sealed with every kind of rule opens as it was.
func TestOpenKeepsEveryKind(t *testing.T) {
	bytes := sealed(t, rich(t))
	c, _, err := charter.Open(bytes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes), string(sealed(t, c))); diff != "" {
		t.Error(diff)
	}
	kinds := map[string]bool{}
	for _, k := range c.Constraints {
		kinds[k.Kind] = true
	}
	if len(kinds) != 12 {
		t.Errorf("%d kinds of constraint, want all 12", len(kinds))
	}
}

// TestNumbersAreSealedInLowestTerms: how people spell a number leaves no trace.
func TestNumbersAreSealedInLowestTerms(t *testing.T) {
	want := sealed(t, small(t))
	for _, spelling := range []string{"1/200", "2/400", "0.005", "0.0050"} {
		root := document(t, small(t))
		value(&root, "decisions", "max_gap").Text = spelling
		c, problems := charter.Read(root, cel.Compile)
		if err := problems.Err("document"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(sealed(t, c))); diff != "" {
			t.Errorf("%s: %s", spelling, diff)
		}
	}
}

// TestLocate: a problem of the sealed form points to the value in the document.
func TestLocate(t *testing.T) {
	c := small(t)
	c.Data[2].Values[1] = "population"
	c.Parties[0].Kind = "stat"
	root := document(t, c)
	_, problems := charter.Read(root, cel.Compile)
	if len(problems) < 2 {
		t.Fatal(problems)
	}
	if want := value(&root, "parties", "", "kind").Line; problems[0].Path != "parties[0].kind" || problems[0].Line != want {
		t.Errorf("got %+v, want line %d", problems[0], want)
	}
	if want := value(&root, "data").Items[2].Fields[7].Value.Items[1].Line; problems[1].Path != "data[2].values[1]" || problems[1].Line != want {
		t.Errorf("got %+v, want line %d", problems[1], want)
	}
}

// TestHostileSizesEndSoon: a sealed megabyte of nonsense is refused for its size.
func TestHostileSizesEndSoon(t *testing.T) {
	c := small(t)
	for i := range 20_000 {
		c.Languages = append(c.Languages, fmt.Sprintf("a%d", i))
		c.Data[0].From = append(c.Data[0].From, "BR")
	}
	data, err := canon.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := charter.Open(data); !errors.Is(err, charter.ErrRefused) || strings.Count(err.Error(), "E116") != 2 {
		t.Errorf("got %v, want two refusals by E116", err)
	}
}

// TestGolden pins the bytes: a charter that people signed must never read otherwise.
func TestGolden(t *testing.T) {
	const file = "testdata/small.json"
	got := sealed(t, small(t))
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	bytes, digest, err := charter.Seal(small(t))
	if err != nil {
		t.Fatal(err)
	}
	c, same, err := charter.Open(bytes)
	if err != nil || same != digest || digest != canon.Sum(bytes) {
		t.Fatalf("open: %v, digests %s and %s", err, same, digest)
	}
	if diff := cmp.Diff(string(bytes), string(sealed(t, c))); diff != "" {
		t.Error(diff)
	}
}

// TestOpenRefusesEveryChangedByte: what opens at all has another digest.
func TestOpenRefusesEveryChangedByte(t *testing.T) {
	original := sealed(t, small(t))
	_, digest, err := charter.Open(original)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for i := range original {
		altered := bytes.Clone(original)
		altered[i] ^= 1
		_, other, err := charter.Open(altered)
		switch {
		case err == nil && other == digest:
			t.Fatalf("byte %d changed and nothing noticed", i)
		case err == nil:
			opened++
		case !errors.Is(err, charter.ErrSealed) && !errors.Is(err, charter.ErrRefused):
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	if opened > len(original)/4 {
		t.Errorf("%d of %d single bytes are free", opened, len(original))
	}
}

// TestOpenRefusesEveryChangedField removes, adds, empties and mistypes each field.
func TestOpenRefusesEveryChangedField(t *testing.T) {
	original := sealed(t, small(t))
	changes := 0
	each(t, original, func(path string, altered []byte) {
		changes++
		if _, _, err := charter.Open(altered); !errors.Is(err, charter.ErrSealed) && !errors.Is(err, charter.ErrRefused) {
			t.Errorf("%s: %v", path, err)
		}
	})
	if changes < 300 {
		t.Errorf("only %d changes tried", changes)
	}
}

// each calls f with original after one change of one field.
func each(t *testing.T, original []byte, f func(path string, altered []byte)) {
	t.Helper()
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(original))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	emit := func(path string) {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(tree); err != nil {
			t.Fatal(err)
		}
		f(path, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	}
	var walk func(n any, path string)
	walk = func(n any, path string) {
		switch n := n.(type) {
		case map[string]any:
			n["zz"] = json.Number("1")
			emit(path + " with a key more")
			delete(n, "zz")
			for _, k := range slices.Sorted(maps.Keys(n)) {
				old, below := n[k], path+"."+k
				if below != ".models.recipe.rounds" { // The task knows its parameters.
					delete(n, k)
					emit(below + " removed")
				}
				for _, wrong := range []any{nil, true, json.Number("7.5"), "", []any{nil}, map[string]any{"a": "b"}} {
					if reflect.DeepEqual(wrong, old) {
						continue
					}
					n[k] = wrong
					emit(fmt.Sprintf("%s as %v", below, wrong))
				}
				n[k] = old
				walk(old, below)
			}
		case []any:
			for i, item := range n {
				walk(item, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	walk(tree, "")
}

func TestProblemsHaveTheirPlace(t *testing.T) {
	const source = `comity: charter/v1
id: small-3
objektive: {}
objective:
  sense: maximise
  stages: [{measure: {cel: 'party.need * 0.5'}}]
parties:
  - id: NO
`
	root, err := yaml.Read("c.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	_, problems := charter.Read(root, cel.Compile)
	report := problems.Err("c.yaml").Error()
	for _, want := range []string{
		`c.yaml:3:1: objektive: unknown key "objektive"; did you mean "objective"? [E102]`,
		`c.yaml:6:42: objective.stages[0].measure.cel: 0.5 is binary floating point, in which most decimals do not exist; write q("0.5") instead of 0.5 [E201]`,
		`c.yaml:8:9: parties[0].id: party id NO is not quoted: NO reads as false for many YAML readers; write "NO" [E105]`,
		`c.yaml:8:5: parties[0].weight: key "weight" is missing; add it [E103]`,
	} {
		if !strings.Contains(report+"\n", want+"\n") {
			t.Errorf("missing: %s\nreport:\n%s", want, report)
		}
	}
}

func TestLookups(t *testing.T) {
	c := small(t)
	if d, ok := charter.Clause(c, "d.supply"); !ok || d.As != "supply" {
		t.Errorf("clause d.supply: %v, %v", d, ok)
	}
	if _, ok := charter.Clause(c, "d.none"); ok {
		t.Error("clause d.none exists")
	}
	if p, ok := charter.PartyOf(c, "FJ"); !ok || p.ID != "FJ" {
		t.Errorf("party FJ: %v, %v", p, ok)
	}
	if _, ok := charter.PartyOf(c, "XX"); ok {
		t.Error("party XX exists")
	}
	states := []party.ID{"BR", "FJ", "KE"}
	if diff := cmp.Diff(states, charter.Members(c)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(states, charter.Recipients(c)); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"party.need", "party.population", "picture.ratio_w1", "picture.ratio_w2", "picture.ratio_w3", "picture.ratio_w4",
		"supply.doses", "total.need", "total.population",
	}
	if diff := cmp.Diff(want, charter.Inputs(c)); diff != "" {
		t.Error(diff)
	}
}

// TestWitnessThreshold: the rule of thumb is the law it stands for.
func TestWitnessThreshold(t *testing.T) {
	for n := 2; n <= 300; n++ {
		least, colluders := charter.LeastWitnesses(n), (n-1)/3
		if 2*least-n <= colluders || least > n {
			t.Errorf("%d of %d witnesses do not outvote %d colluders", least, n, colluders)
		}
	}
}

// TestTransportKeys compares with the reference implementation of NKeys.
func TestTransportKeys(t *testing.T) {
	c := small(t)
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []interface{ PublicKey() (string, error) }{user, account} {
		text, err := key.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		c.Parties[0].Node.Transport = text
		if problems := charter.Lint(c); (len(problems) == 0) != nkeys.IsValidPublicUserKey(text) {
			t.Errorf("%s: %v", text, problems.Err("c"))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		altered := []byte(partytest.Transport("x"))
		altered[rapid.IntRange(0, len(altered)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		c.Parties[0].Node.Transport = string(altered)
		if got, want := len(charter.Lint(c)) == 0, nkeys.IsValidPublicUserKey(string(altered)); got != want {
			t.Fatalf("%q: accepted %v, nkeys says %v", altered, got, want)
		}
	})
}

// FuzzOpen looks for bytes that make Open panic or accept what it would not write.
func FuzzOpen(f *testing.F) {
	good, _, err := charter.Seal(small(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, digest, err := charter.Open(data)
		if err != nil {
			if !errors.Is(err, charter.ErrSealed) && !errors.Is(err, charter.ErrRefused) {
				t.Fatal(err)
			}
			return
		}
		again, same, err := charter.Seal(c)
		if err != nil || same != digest || !bytes.Equal(again, data) {
			t.Fatalf("opened and sealed again: %v, %s and %s", err, same, digest)
		}
	})
}

// FuzzRead looks for documents that make Read panic, or accept what cannot be sealed.
func FuzzRead(f *testing.F) {
	f.Add([]byte("comity: charter/v1\nparties: [{id: NO}]\n"))
	f.Add([]byte("objective: {measure: {cel: '1 + q(\"1/2\")'}, stages: [{kind: nash, per: {cel: '1'}, slack: 1}], groups: [[], x, {a: b, benefit: [{share: 1}]}]}\nmodels: {recipe: {a: 1}}\n"))
	f.Add([]byte("constraints: [{kind: stock, each: all, opening: {cel: '0'}, from: \"KE\", groups: []}, {kind: inequality, between: [a, b]}]\n"))
	f.Add([]byte("data: [{by_period: true, values: [a]}]\nscope: {periods: 2}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := yaml.Read("f", data)
		if err != nil {
			return
		}
		c, problems := charter.Read(root, cel.Compile)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Rule == "" || p.Path == "" || p.Fix == "" {
				t.Fatalf("incomplete problem %+v", p)
			}
		}
		if _, _, err := charter.Seal(c); len(problems) == 0 && err != nil {
			t.Fatalf("read without a problem, and cannot be sealed: %v", err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	data, _, err := charter.Seal(small(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := charter.Open(data); err != nil {
			b.Fatal(err)
		}
	}
}

func sealed(t *testing.T, c comity.Charter) []byte {
	t.Helper()
	data, _, err := charter.Seal(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
