package card_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"comity/exact"
	"comity/modeler/card"
	"comity/modeler/leakage"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
	"comity/modeler/representation"
)

func question() card.Question {
	return card.Question{Groups: []string{"kind"}, Party: "party", Folds: 2, Config: neutrality.Config{Confidence: .95, Level: .9, MinimumCell: 10}}
}

// TestCardOfUnlikeParties fits trees to rows of which one party's are off: the card says for
// whom it is off, and who is better off alone.
func TestCardOfUnlikeParties(t *testing.T) {
	rows := tableOf(t, clinic(900), "y")
	m, r := fitted(t, rows, model.Config{Table: table.Config{Target: "y"}, Learner: model.Trees}, "party", "kind")
	a, err := r.Assess(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	doc := card.New(m, "sha256:0")
	doc.Assessed(r, a, question())
	for _, g := range doc.Groups {
		for _, measure := range g.Measures {
			for _, f := range measure.Findings {
				// The two parties that agree are overestimated, c is underestimated; kinds differ in nothing.
				if want := g.By == "party" && measure.Name == "bias"; f.Apart != want && measure.Name == "bias" {
					t.Errorf("bias of %s %s: %+v", g.By, f.Group, f)
				}
				if v, err := strconv.ParseFloat(*f.Value, 64); measure.Name == "bias" && g.By == "party" && (err != nil || v > 0 != (f.Group == "c")) {
					t.Errorf("bias of %s is %v", f.Group, v)
				}
			}
		}
	}
	for _, l := range doc.Contributions {
		if l.Gain.High == nil || !strings.HasPrefix(*l.Gain.High, "-") {
			t.Errorf("%s is not better off alone: %+v", l.Party, l.Gain)
		}
	}
	found := strings.Join(doc.Findings(), "\n")
	for _, want := range []string{"bias of party c stands apart", "the rows of c make the others' predictions worse", "c would be better off alone"} {
		if !strings.Contains(found, want) {
			t.Errorf("no finding %q in:\n%s", want, found)
		}
	}
	if len(a.Served) != 2 || doc.Neutrality.Reads || len(doc.Neutrality.Influence) != 3 {
		t.Errorf("%+v", doc.Neutrality)
	}
}

// TestCoverage checks the intervals of predictions: held-out truths lie within them as often
// as is stated, overall, for numbers and for yes and no.
func TestCoverage(t *testing.T) {
	for name, c := range map[string]struct {
		text, target string
		task         table.Task
	}{
		"numbers":   {clinic(1500), "y", table.Regression},
		"yes or no": {clinic(1500), "party", table.Regression},
	} {
		text := c.text
		if name == "yes or no" {
			text = strings.NewReplacer(",a,", ",0,", ",b,", ",0,", ",c,", ",1,").Replace(text)
			c.task = table.Guess
		}
		_, r := fitted(t, tableOf(t, text, c.target), model.Config{Table: table.Config{Target: c.target, Task: c.task}, Learner: model.Trees})
		q := question()
		q.Party, q.Groups, q.Folds = "", nil, 5
		a, err := r.Assess(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		coverage := a.Served[0].Measures[3]
		if coverage.Name != neutrality.Coverage || math.Abs(coverage.Overall.Value-.9) > .025 || !coverage.Overall.Holds(.9) {
			t.Errorf("%s: %+v", name, coverage)
		}
		if len(a.Ledger) != 0 || len(a.Influence) != 0 {
			t.Errorf("%s: parties without parties", name)
		}
	}
}

// TestQuantiles assesses a model of the upper tenth: its own level is what it should cover.
func TestQuantiles(t *testing.T) {
	_, r := fitted(t, tableOf(t, clinic(1500), "z"), model.Config{Table: table.Config{Target: "z", Task: table.Quantile, Level: 900}, Learner: model.Trees}, "kind")
	q := question()
	q.Party, q.Groups, q.Level = "", nil, .5
	a, err := r.Assess(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if m := a.Served[0].Measures[3]; *m.Expected != .9 || math.Abs(m.Overall.Value-.9) > .04 {
		t.Errorf("%+v", m)
	}
	if l := r.Loss(10, 20); math.Abs(l-1) > 1e-12 {
		t.Errorf("loss above by 10 at level .9 is %v", l)
	}
}

// full is a card with everything on it, among it names that break pages.
func full(t *testing.T) *card.Card {
	t.Helper()
	text := strings.NewReplacer(",a,", `,"<b>&amp; ""x""",`).Replace(clinic(300))
	m, r := fitted(t, tableOf(t, text, "y"), model.Config{Table: table.Config{Target: "y"}, Learner: model.Trees}, "party")
	a, err := r.Assess(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	doc := card.New(m, "sha256:0")
	doc.Assessed(r, a, question())
	doc.Renamed(neutrality.Renaming{Same: true})
	audit, err := representation.New([]representation.Group{{Name: "n", People: exact.Int(3), Rows: 1}, {Name: "s", People: exact.Int(1)}})
	if err != nil {
		t.Fatal(err)
	}
	doc.Represented(audit, []string{"region"})
	doc.Attacked(leakage.Membership{AUC: .6, Rate1: .02, Epsilon: 1.5, Models: 96}, 1)
	doc.Spent(1, 1e-5)
	doc.Data = []card.Commitment{{Name: "rows.csv", Digest: "sha256:1"}}
	return doc
}

// TestForms holds that all three forms say what there is, and that no name gets out of its
// place in a page.
func TestForms(t *testing.T) {
	doc := full(t)
	text, page := doc.Text(), doc.HTML()
	for _, want := range []string{
		"the mean of y", "privacy loss of 1 per row at delta 1e-05", "THE CLAIM OF 1 IS REFUTED", "Gini of rows per person 0.25",
		"in groups without data: 0.25", "the model is the same, byte for byte", "data rows.csv sha256:1", "come from rows without noise",
	} {
		if !strings.Contains(text, want) || !strings.Contains(page, want) {
			t.Errorf("no %q in text or page", want)
		}
	}
	if strings.Contains(page, "<b>") {
		t.Error("a party's name is part of the page")
	}
	for d := xml.NewDecoder(strings.NewReader(page)); ; { // A page of balanced elements.
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	drawings := doc.SVG()
	for _, name := range []string{"party-bias", "kind-coverage", "gain"} {
		if err := xml.Unmarshal(drawings[name], new(struct{})); err != nil || len(drawings[name]) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var numbers func(path string, v any)
	numbers = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				numbers(path+"."+k, x)
			}
		case []any:
			for _, x := range v {
				numbers(path, x)
			}
		case float64:
			if v != math.Trunc(v) {
				t.Errorf("%s is a number: %v", path, v)
			}
		}
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	numbers("card", all)
}

// FuzzLeakage reads any report: it is refused, or the card that shows it is a page of balanced
// elements.
func FuzzLeakage(f *testing.F) {
	f.Add([]byte(`{"schema":"comity/redteam-run@1","data":{"model":"trees","target":"y","attack_auc":"0.58","tpr_at_1_percent":"0.02","epsilon_lower_bound":"0.7","claimed_epsilon":"1","models":96}}`))
	f.Add([]byte(`{"schema":"comity/error@1","data":{"model":"trees","target":"y","attack_auc":"<b>"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc := card.Card{Model: card.Model{Learner: "trees", Target: "y"}}
		if err := doc.Reported(data); err != nil {
			if !errors.Is(err, card.ErrInput) || doc.Leakage != nil {
				t.Fatal(err)
			}
			return
		}
		for d := xml.NewDecoder(strings.NewReader(doc.HTML())); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, doc.HTML())
			}
		}
	})
}

// TestUnseenRows judges a model itself: of the rows that it was fitted to it looks better
// than its recipe is, which is why cards do not do that unless told.
func TestUnseenRows(t *testing.T) {
	m, r := fitted(t, tableOf(t, clinic(300), "z"), model.Config{Table: table.Config{Target: "z"}, Learner: model.Trees}, "kind")
	q := question()
	recipe, err := r.Assess(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	q.Unseen = m
	own, err := r.Assess(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if own.Folds != 0 || own.Ledger != nil || own.Influence != nil || len(own.Served) != 2 {
		t.Errorf("%+v", own)
	}
	seen, honest := own.Served[0].Measures[0].Overall.Value, recipe.Served[0].Measures[0].Overall.Value
	if seen >= honest {
		t.Errorf("loss on rows that were fitted to is %v, on others %v", seen, honest)
	}
	doc := card.New(m, "sha256:0")
	doc.Assessed(r, own, q)
	if doc.Neutrality != nil || len(doc.Contributions) != 0 || !strings.Contains(doc.Text(), "said to be new") {
		t.Errorf("%+v", doc)
	}
}

// TestFewRowsAreHidden gives a party nine rows: nothing on the card counts them.
func TestFewRowsAreHidden(t *testing.T) {
	lines := strings.Split(clinic(300), "\n")
	for i := 1; i <= 9; i++ {
		lines[i] = strings.NewReplacer(",a,", ",few,", ",b,", ",few,", ",c,", ",few,").Replace(lines[i])
	}
	m, r := fitted(t, tableOf(t, strings.Join(lines, "\n"), "y"), model.Config{Table: table.Config{Target: "y"}, Learner: model.Trees}, "party", "kind")
	a, err := r.Assess(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	doc := card.New(m, "sha256:0")
	doc.Assessed(r, a, question())
	hidden := 0
	for i, l := range doc.Contributions {
		if l.Rows == nil {
			hidden++
			if l.Alone != nil || l.Shared != nil || l.Gain.Value != nil || doc.Neutrality.Influence[i].Moves.Value != nil || doc.Neutrality.Influence[i].Most != nil {
				t.Errorf("%+v, %+v", l, doc.Neutrality.Influence[i])
			}
		} else if n, err := strconv.Atoi(*l.Rows); err != nil || n < 10 {
			t.Errorf("%s is shown with %s rows", l.Party, *l.Rows)
		}
	}
	if hidden != 2 { // The one, and another without which its number would follow.
		t.Errorf("%d parties are hidden", hidden)
	}
}

func TestCardsRefused(t *testing.T) {
	rows := tableOf(t, clinic(60), "y")
	_, r := fitted(t, rows, model.Config{Table: table.Config{Target: "y"}, Learner: model.Trees}, "party", "kind")
	for name, change := range map[string]func(q *card.Question){
		"folds":  func(q *card.Question) { q.Folds = 1 },
		"many":   func(q *card.Question) { q.Folds = 21 },
		"party":  func(q *card.Question) { q.Party = "nobody" },
		"groups": func(q *card.Question) { q.Groups = []string{"nothing"} },
	} {
		q := question()
		change(&q)
		if _, err := r.Assess(t.Context(), q); !errors.Is(err, card.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := r.Cells(nil); !errors.Is(err, card.ErrInput) {
		t.Errorf("reconstruction of numbers: %v", err)
	}
	yes := tableOf(t, "x,y\n1,0\n2,1\n3,1\n4,0\n", "y")
	_, b := fitted(t, yes, model.Config{Table: table.Config{Target: "y"}, Learner: model.Trees})
	if b.Rows() != 4 || fmt.Sprint(b.Truth()) != "[0 1 1 0]" {
		t.Errorf("%v", b.Truth())
	}
}

// TestConformanceHeart attacks the default model of the four hospitals, and asks whom it
// serves. What the attacks may find is in docs/benchmarks.md.
func TestConformanceHeart(t *testing.T) {
	rows := readHearts(t)
	m, r := fitted(t, rows, model.Config{Table: table.Config{Target: "disease"}, Learner: model.Additive}, "hospital")
	a, err := leakage.Attack(r.Rows(), r.Train(t.Context()), leakage.Config{References: 32, Targets: 16, Confidence: .95})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", a)
	if a.Rate1 > .03 || a.AUC > .65 {
		t.Errorf("members found at 1 %% false alarms %.4f, at most 0.03; area %.4f", a.Rate1, a.AUC)
	}
	cells, secrets, err := r.Cells(m.Columns)
	if err != nil {
		t.Fatal(err)
	}
	k, err := leakage.Reconstruct(cells, secrets)
	if err != nil || k.Wrong != 0 || len(k.Known) == 0 {
		t.Errorf("%+v, %v", k, err)
	}
	t.Logf("exact counts by bin give away %d of %d answers, %d by algebra, %d alone in a cell", len(k.Known), k.Rows, k.Solved, k.Alone)
	if slices.Contains(m.Names(), "hospital") {
		t.Error("the model reads the hospital")
	}
}
