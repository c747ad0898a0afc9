package measure_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"comity/governor/lexicon"
	"comity/governor/lexicon/measure"
	"comity/place"
)

// TestRefusals holds data that no term is defined for to its place and reason.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		term, data string
		parameters map[string]string
		want       string
	}{
		{"fairness.gini", "x\n", nil, "data:1:1: there is no row"},
		{"fairness.gini", "x\n0\n0\n", nil, "data:1:1: gini: measure of fairness is not defined: all 2 quantities are 0"},
		{"fairness.gini", "x,w\n1,1\n1,0\n", nil, "data:3:3: w is 0; write a number above 0"},
		{"fairness.theil_l", "x\n1\n0\n", nil, "data:1:1: theil l"},
		{"fairness.leximin", "x,y\n", nil, "data:1:1: leximin"},
		{"fairness.demographic_parity", "group,yes,of\na,1,2\na,1,2\n", nil, `data:3:1: group "a" has a second row`},
		{"fairness.demographic_parity", "group,yes,of\na,3,2\nb,1,2\n", nil, "data:2:3: 3 yes out of 2"},
		{"fairness.demographic_parity", "group,yes,of\na,1,2\n", nil, "data:1:1: demographic parity"},
		{"fairness.envy_free_weighted", "agent,item,worth,owner\na,p,1,a\nb,q,1,b\n", nil, "data:1:1: 2 rows for 2 agents and 2 items"},
		{"fairness.envy_free_weighted", "agent,item,worth,owner\na,p,1,a\nb,p,1,b\n", nil, `data:3:7: the item belongs to "a" in another row`},
		{"fairness.envy_free_weighted", "agent,item,worth,owner\na,p,1,c\n", nil, `data:2:7: owner "c" is no agent`},
		{"fairness.envy_free_weighted", "agent,item,worth,owner\na,p,1,a\na,p,1,a\nb,q,1,a\nb,p,1,a\n", nil, "data:3:3: the same agent and item have a second row"},
		{"fairness.envy_free_weighted", "agent,item,worth,owner,w\na,p,1,a,1\na,q,1,a,2\n", nil, "data:3:9: the agent weighs 1 in another row"},
		{"bias.forecast", "forecast,truth\n1,0\n", nil, "data:1:1: the truths add up to 0"},
		{"bias.forecast", "forecast,truth\n", nil, "data:1:1: 0 rows"},
		{"bias.coverage", "lower,upper,truth\n2,1,1\n", nil, "data:2:1: the interval from 2 to 1 is empty"},
		{"bias.coverage", "lower,upper,truth\n", nil, "data:1:1: there is no row"},
		{"trust.lower_bound", "kept,broken\n2000,0\n", nil, "data:1:1: quantile cannot be enclosed: commitments in effect are 2010.0"},
		{"poisoning.false_alarm_rate", "k,h\n", nil, "data:1:1: 0 rows, want one"},
		{"poisoning.false_alarm_rate", "k,h\n1/3,4\n", nil, "data:1:1: k is 1/3; write at most three decimals"},
		{"poisoning.low_and_slow", "z\n", nil, "data:1:1: there is no row"},
		{"privacy.dp", "rho,delta\n1,1/2\n1,1/2\n", nil, "data:1:1: the releases' own failure probabilities leave nothing"},
		{"neutrality.anonymity", "party,renamed,before,after\na,b,1,1\nb,b,1,1\n", nil, `data:3:3: "b" is the new name of two parties`},
		{"neutrality.anonymity", "party,renamed,before,after\na,c,1,1\n", nil, `data:2:3: "c" has no row`},
		{"neutrality.anonymity", "party,renamed,before,after\na,a,1,1\na,a,1,1\n", nil, `data:3:1: party "a" has a second row`},
		{"neutrality.reproducible", "machine,digest\nm,1\nm,1\n", nil, `data:3:1: machine "m" has a second row`},
		{"explanation.counterfactual", "change,outcome\n1,2\n", map[string]string{"by": "1"}, "data:1:1: no row has change 0"},
		{"explanation.counterfactual", "change,outcome\n0,2\n0,2\n", map[string]string{"by": "1"}, "data:3:1: a second row without change"},
		{"consent", "body,digest,key\nb,sha256:00,k\n", map[string]string{"threshold": "1"}, "data:2:3: "},
	} {
		term, err := lexicon.Find(c.term)
		if err != nil {
			t.Fatal(err)
		}
		_, err = check(t, term, c.data, c.parameters)
		if !errors.Is(err, place.ErrUnreadable) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s, %q:\n  %v, want\n  %s", c.term, c.data, err, c.want)
		}
	}
	term, _ := lexicon.Find("explanation.counterfactual")
	if _, err := check(t, term, "change,outcome\n0,1\n", map[string]string{"by": "0"}); !errors.Is(err, lexicon.ErrParameter) {
		t.Errorf("no amount: %v", err)
	}
}

// TestConsentRefusesEveryChange changes each character of a table of valid seals: what is
// still read no longer counts as consent of these keys to this text.
func TestConsentRefusesEveryChange(t *testing.T) {
	term, err := lexicon.Find("consent")
	if err != nil {
		t.Fatal(err)
	}
	valid := term.Vectors[0]
	from := strings.Index(valid.Data, "\n") + 1
	first := valid.Data[:from] + strings.SplitAfter(valid.Data[from:], "\n")[0]
	one := map[string]string{"threshold": "1"}
	if v, err := check(t, term, first, one); err != nil || !v.Holds {
		t.Fatalf("%+v, %v", v, err)
	}
	for at := from; at < len(first)-1; at++ {
		changed := []byte(first)
		if changed[at]++; first[at] == 'z' || first[at] == 'Z' || first[at] == '9' {
			changed[at] -= 2
		}
		if v, err := check(t, term, string(changed), one); err == nil && v.Holds {
			t.Errorf("byte %d from %q to %q: still %s", at, first[at], changed[at], v.Rule)
		}
	}
	if _, err := check(t, term, first, map[string]string{"threshold": "2"}); err != nil {
		t.Fatal(err)
	}
}

// TestSplit takes the short form that the design has for one term.
func TestSplit(t *testing.T) {
	for term, want := range map[string][]string{
		"fairness.atkinson(1/2)": {"fairness.atkinson", "e=1/2"}, "fairness.atkinson": {"fairness.atkinson"},
		"fairness.atkinson(1/2": {"fairness.atkinson(1/2"}, "fairness.gini(1)": {"fairness.gini(1)"},
	} {
		id, settings := measure.Split(term)
		if got := append([]string{id}, settings...); !slices.Equal(got, want) {
			t.Errorf("Split(%s) = %v, want %v", term, got, want)
		}
	}
}

// FuzzCheck decides every term on any data that can be read: it never panics, and what is
// refused has a place.
func FuzzCheck(f *testing.F) {
	terms := slices.DeleteFunc(lexicon.Terms(), func(t lexicon.Term) bool { return t.ID == "poisoning.false_alarm_rate" }) // Long for some thresholds.
	given := make([]map[string]string, len(terms))
	for i, term := range terms {
		for _, v := range term.Vectors {
			f.Add(uint8(i), []byte(v.Data))
		}
		given[i] = maps.Clone(term.Vectors[0].Parameters)
		if term.ID == "bias.forecast" {
			given[i]["resamples"] = "100"
		}
	}
	f.Fuzz(func(t *testing.T, pick uint8, data []byte) {
		i := int(pick) % len(terms)
		v, err := check(t, terms[i], string(data), given[i])
		if err != nil && !errors.Is(err, place.ErrUnreadable) {
			t.Fatalf("%s: %v", terms[i].ID, err)
		}
		if err == nil && (v.Value == "" || v.Rule == "") {
			t.Fatalf("%s: %+v", terms[i].ID, v)
		}
	})
}
