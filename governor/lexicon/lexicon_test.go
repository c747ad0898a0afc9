package lexicon_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/governor/lexicon"
)

// designed are the words of the design, section 10 of the charter schema.
const designed = `fairness.leximin fairness.maximin fairness.proportional fairness.envy_free_weighted
	fairness.gini fairness.theil_t fairness.theil_l fairness.atkinson fairness.jain
	fairness.demographic_parity fairness.equal_opportunity bias.forecast bias.coverage trust.lower_bound
	neutrality.anonymity neutrality.noninterference neutrality.reproducible explanation.counterfactual
	explanation.dual privacy.dp poisoning.low_and_slow poisoning.false_alarm_rate commitment.kept
	need.unmet consent`

func TestEveryDesignedWordIsDefined(t *testing.T) {
	want := strings.Fields(designed)
	slices.Sort(want)
	var got []string
	for _, term := range lexicon.Terms() {
		got = append(got, term.ID)
		if found, err := lexicon.Find(term.ID); err != nil || found.ID != term.ID {
			t.Errorf("Find(%s) = %s, %v", term.ID, found.ID, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the lexicon has %v, want %v", got, want)
	}
	if _, err := lexicon.Find("fairness"); !errors.Is(err, lexicon.ErrTerm) {
		t.Errorf("Find of no term: %v", err)
	}
}

// What a charter may measure is defined here.
func TestMeasuresOfChartersAreWords(t *testing.T) {
	for _, id := range []string{charter.Gini, charter.Jain, charter.Parity} {
		if _, err := lexicon.Find(id); err != nil {
			t.Error(err)
		}
	}
}

func TestDefinitionsAreComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for _, term := range lexicon.Terms() {
		sentence := term.Definition["en"]
		if term.Version < 1 || !strings.HasSuffix(sentence, ".") || strings.Count(sentence, ". ") > 0 {
			t.Errorf("%s, version %d, is not defined in one sentence: %q", term.ID, term.Version, sentence)
		}
		for what, text := range map[string]string{"formula": term.Formula, "check": term.Check, "limits": term.Limits, "source": term.Source} {
			if text == "" {
				t.Errorf("%s has no %s", term.ID, what)
			}
		}
		if !slices.Contains([]lexicon.Class{lexicon.Exact, lexicon.UpperBound, lexicon.Interval, lexicon.Statistical}, term.Class) {
			t.Errorf("%s has class %q", term.ID, term.Class)
		}
		var names []string
		for _, in := range term.Inputs {
			names = append(names, in.Name)
			names = append(names, in.Aliases...)
			if !name.MatchString(in.Name) || in.Unit == "" || in.Meaning == "" || in.Default != "" && !in.Optional {
				t.Errorf("%s: %+v is not complete", term.ID, in)
			}
			checkBounds(t, term.ID+" "+in.Name, in.Low, in.High, in.Default)
		}
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s: one name of two columns in %v", term.ID, names)
		}
		for _, p := range term.Parameters {
			if !name.MatchString(p.Name) || p.Unit == "" || p.Meaning == "" || p.Default != "" && p.Required {
				t.Errorf("%s: %+v is not complete", term.ID, p)
			}
			checkBounds(t, term.ID+" "+p.Name, p.Low, p.High, p.Default)
		}
		if holds := slices.IndexFunc(term.Vectors, func(v lexicon.Vector) bool { return v.Holds }); holds < 0 {
			t.Errorf("%s has no example that holds", term.ID)
		}
		if fails := slices.IndexFunc(term.Vectors, func(v lexicon.Vector) bool { return !v.Holds }); fails < 0 {
			t.Errorf("%s has no example that does not hold", term.ID)
		}
	}
}

// checkBounds holds the texts of bounds to what outside relies on.
func checkBounds(t *testing.T, what, low, high, standing string) {
	t.Helper()
	values := []exact.Rat{}
	for _, text := range []string{low, standing, high} {
		if text == "" {
			continue
		}
		v, err := exact.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		values = append(values, v)
	}
	if !slices.IsSortedFunc(values, exact.Rat.Cmp) {
		t.Errorf("%s: %s, %s, %s do not ascend", what, low, standing, high)
	}
}

// The digest covers every field of every definition: a changed one is another lexicon.
func TestSealReadsBack(t *testing.T) {
	sealed, digest, err := lexicon.Seal()
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Lexicon string         `json:"lexicon"`
		Terms   []lexicon.Term `json:"terms"`
	}
	if err := canon.Unmarshal(sealed, &back); err != nil {
		t.Fatal(err)
	}
	if back.Lexicon != lexicon.Name || len(back.Terms) != len(lexicon.Terms()) || canon.Sum(sealed) != digest {
		t.Errorf("%s with %d terms reads back under %s", back.Lexicon, len(back.Terms), digest)
	}
}

func TestSettings(t *testing.T) {
	term, err := lexicon.Find("fairness.atkinson")
	if err != nil {
		t.Fatal(err)
	}
	g, err := term.Settings([]string{"e=0.5", "at_most=3/4"})
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := g.Number("e"); !ok || e.String() != "1/2" || g.Texts()["at_most"] != "3/4" {
		t.Errorf("e is %v, all are %v", e, g.Texts())
	}
	if g, err = term.Settings([]string{"e=1"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.Number("at_most"); ok {
		t.Error("a bound that nobody named has a value")
	}
	for _, settings := range [][]string{
		nil, {"e"}, {"e="}, {"e=1e3"}, {"e=-1"}, {"e=65"}, {"e=1", "e=1"}, {"e=1", "f=2"}, {"e=1", "=2"}, {"e=NaN"}, {"E=1"},
	} {
		if _, err := term.Settings(settings); !errors.Is(err, lexicon.ErrParameter) {
			t.Errorf("%v: %v, want ErrParameter", settings, err)
		}
	}
	consent, err := lexicon.Find("consent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := consent.Settings([]string{"threshold=3/2"}); !errors.Is(err, lexicon.ErrParameter) {
		t.Errorf("half a key: %v", err)
	}
}
