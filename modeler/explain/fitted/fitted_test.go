package fitted_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"comity/chance"
	"comity/modeler/explain"
	"comity/modeler/explain/fitted"
	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// file writes a table with columns of every kind, missing values among them.
func file(rows int, task table.Task) string {
	s := chance.NewStream(chance.Derive(chance.Seed{}, "file", string(task)))
	var b strings.Builder
	b.WriteString("age,town,day,dose,y\n")
	for range rows {
		age, town, day, dose := s.IntN(80), s.IntN(4), s.IntN(28)+1, float64(s.IntN(3000))/1000
		y := float64(age)/20 + dose*dose/3 + float64(town%2) + float64(s.IntN(100))/200
		if age > 40 && town == 1 {
			y += 2
		}
		switch task {
		case table.Binary:
			y = math.Floor(min(1, y/5))
		case table.Count:
			y = math.Floor(y)
		default:
			y = 1000 + 250*y
		}
		cell := func(text string) string {
			if s.IntN(12) == 0 {
				return ""
			}
			return text
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%g\n", cell(fmt.Sprint(age)), cell(fmt.Sprintf("town %d", town)),
			cell(fmt.Sprintf("2024-02-%02d", day)), cell(fmt.Sprintf("%.3f", dose)), y)
	}
	return b.String()
}

func read(t *testing.T, text string, want table.Want) *table.Table {
	t.Helper()
	tab, err := table.Read(learntest.NewFile(text), want)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// subject fits a model and returns it with the rows it was fitted to.
func subject(t *testing.T, learner model.Learner, task table.Task) (*fitted.Subject, *fitted.Rows) {
	t.Helper()
	columns := []string{"age", "town", "day", "dose"}
	cfg := &model.Config{Table: table.Config{Columns: columns, Target: "y", Task: task}, Learner: learner, Parties: 1}
	if task == table.Quantile {
		cfg.Table.Level = 800
	}
	tab := read(t, file(600, task), table.Want{Target: "y"})
	keyed, err := tab.Keyed(append(columns, "y"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Fit(t.Context(), cfg, keyed, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := fitted.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Load(tab)
	if err != nil {
		t.Fatal(err)
	}
	return s, rows
}

// TestModels fits a model of every kind and explains it in every way.
func TestModels(t *testing.T) {
	for _, learner := range []model.Learner{model.Linear, model.Additive, model.Trees} {
		for _, task := range []table.Task{table.Regression, table.Binary, table.Count, table.Quantile} {
			if learner == model.Linear && task == table.Quantile {
				continue // It has means only.
			}
			t.Run(fmt.Sprintf("%s of %s", learner, task), func(t *testing.T) {
				s, rows := subject(t, learner, task)
				t.Run("parts", func(t *testing.T) { partsAddUp(t, s, rows) })
				t.Run("shapes", func(t *testing.T) { shapesCountAllRows(t, s, rows) })
				t.Run("counterfactuals", func(t *testing.T) { counterfactualsHold(t, s, rows) })
				t.Run("importances", func(t *testing.T) { importances(t, s, rows) })
				t.Run("figures", func(t *testing.T) { figures(t, s, rows) })
			})
		}
	}
}

// partsAddUp goes from explanations back to what the model predicts.
func partsAddUp(t *testing.T, s *fitted.Subject, rows *fitted.Rows) {
	t.Helper()
	predicted, err := s.Model.Predict(rows.Table)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []fitted.Method{fitted.SHAP, fitted.Interventional} {
		x, err := s.Explainer(method, rows)
		if err != nil {
			t.Fatal(err)
		}
		v, err := x.Explain(t.Context(), rows, 0, rows.Len())
		if err != nil {
			t.Fatal(err)
		}
		for r, phi := range v.Phi {
			sum := v.Base
			for _, p := range phi {
				sum += p
			}
			switch s.Model.Target.Task {
			case table.Binary:
				sum = 1 / (1 + math.Exp(-sum))
			case table.Count:
				sum = math.Exp(sum)
			default: // The score is a value of the target.
			}
			if want := number.Value(predicted[r]); math.Abs(sum-want) > 1e-3*max(1, math.Abs(want)) {
				t.Fatalf("row %d, %s: parts give %v, the model predicts %v", r, method, sum, want)
			}
		}
		if v.Error > 1e-9*1e4 {
			t.Errorf("%s: parts miss scores by %v", method, v.Error)
		}
	}
}

// shapesCountAllRows checks names, counts and the numbers of bins.
func shapesCountAllRows(t *testing.T, s *fitted.Subject, rows *fitted.Rows) {
	t.Helper()
	for f, name := range s.Names() {
		lines, err := s.Shape(t.Context(), rows, f)
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		var names []string
		for _, l := range lines {
			counted += l.Count
			names = append(names, l.Text)
		}
		if counted != rows.Len() {
			t.Errorf("%s: %d rows of %d", name, counted, rows.Len())
		}
		if name == "town" && !slices.Equal(names, []string{"town 0", "town 1", "town 2", "town 3", "other or missing"}) {
			t.Errorf("towns: %q", names)
		}
		if name == "day" && !strings.HasPrefix(names[len(names)-1], "from 2024-02-") {
			t.Errorf("days: %q", names)
		}
	}
}

// counterfactualsHold asks about rows on both sides, with rules, and follows each
// answer back through the file.
func counterfactualsHold(t *testing.T, s *fitted.Subject, rows *fitted.Rows) {
	t.Helper()
	predicted, err := s.Model.Predict(rows.Table)
	if err != nil {
		t.Fatal(err)
	}
	limit := number.Value(slices.Sorted(slices.Values(predicted))[rows.Len()/2])
	found := 0
	for row := range 20 {
		q := &fitted.Question{Row: row, Threshold: limit, Most: 3, Work: 5000, Rules: map[string]explain.Rule{
			"age": {Direction: 1}, "day": {Immutable: true}, "dose": {Ranged: true, Min: 0.5, Max: 2.5},
		}}
		a, err := s.Counterfactual(t.Context(), rows, q)
		if errors.Is(err, explain.ErrNone) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		found++
		if (number.Value(a.Before) < limit) == (number.Value(a.After) < limit) || a.Before != predicted[row] {
			t.Errorf("row %d: %v becomes %v at a threshold of %v", row, number.Value(a.Before), number.Value(a.After), limit)
		}
		follow(t, s, rows, a, row)
	}
	if found < 10 {
		t.Errorf("%d changes found for 20 rows", found)
	}
}

// follow writes the changed row as a file and predicts for it.
func follow(t *testing.T, s *fitted.Subject, rows *fitted.Rows, a *fitted.Answer, row int) {
	t.Helper()
	cells := make([]string, len(s.Names()))
	for f, name := range s.Names() {
		cells[f], _ = rows.Table.Cell(row, name)
	}
	for _, c := range a.Changes {
		f := slices.Index(s.Names(), c.Name)
		from, ok := number.Parse([]byte(c.From))
		to, ok2 := number.Parse([]byte(c.To))
		switch {
		case cells[f] != c.From:
			t.Errorf("%s is %q, not %q", c.Name, cells[f], c.From)
		case c.Name == "day":
			t.Errorf("the day is changed from %s to %s", c.From, c.To)
		case c.Name == "age" && (ok != number.Finite || ok2 != number.Finite || to <= from || strings.Contains(c.To, ".")):
			t.Errorf("the age falls, or is no whole number: from %s to %s", c.From, c.To)
		case c.Name == "dose" && (number.Value(to) < 0.5 || number.Value(to) > 2.5 || len(c.To) > 5):
			t.Errorf("a dose of %s", c.To)
		}
		cells[f] = c.To
	}
	text := strings.Join(s.Names(), ",") + "\n" + strings.Join(cells, ",") + "\n"
	again, err := s.Model.Predict(read(t, text, table.Want{}))
	if err != nil || again[0] != a.After {
		t.Errorf("row %d changed in the file is predicted %v, not %v (%v)", row, again, a.After, err)
	}
}

// importances has columns that matter, and all measures agree on the one that hardly does.
func importances(t *testing.T, s *fitted.Subject, rows *fitted.Rows) {
	t.Helper()
	permuted, err := s.Permutation(t.Context(), rows, 3)
	if err != nil {
		t.Fatal(err)
	}
	age, day := slices.Index(s.Names(), "age"), slices.Index(s.Names(), "day")
	if permuted[age].Mean < 5*permuted[age].SE || permuted[day].Mean > permuted[age].Mean/4 {
		t.Errorf("permuted: age %+v, day %+v", permuted[age], permuted[day])
	}
	gains := s.Gains()
	if (len(gains) > 0) != (s.Model.Learner() == model.Trees) || len(gains) > 0 && gains[day] > gains[age]/4 {
		t.Errorf("gains %v", gains)
	}
}

// figures draws all there is.
func figures(t *testing.T, s *fitted.Subject, rows *fitted.Rows) {
	t.Helper()
	x, err := s.Explainer(fitted.SHAP, rows)
	if err != nil {
		t.Fatal(err)
	}
	v, err := x.Interactions(t.Context(), rows, 100, 300)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(name string, f interface{ SVG() ([]byte, error) }) {
		svg, err := f.SVG()
		if err != nil || len(svg) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(svg), err)
		}
	}
	draw("importance", s.Importance(v.Importances(), 200))
	draw("waterfall", s.Waterfall(rows, 107, v.Values, 7, x.Basis))
	if a, b, ok := fitted.Strongest(v); ok {
		draw("pair", s.Pair(rows, 100, v, a, b))
	}
	for f, name := range s.Names() {
		lines, err := s.Shape(t.Context(), rows, f)
		if err != nil {
			t.Fatal(err)
		}
		shape, ok := s.Curve(rows, f, lines)
		if !ok {
			t.Errorf("%s has no shape", name)
			continue
		}
		draw(name, shape)
	}
	if table, err := s.Shaped(t.Context(), rows); err != nil || len(table) < 20 {
		t.Errorf("%d lines of shapes, %v", len(table), err)
	}
}

func TestRefuses(t *testing.T) {
	s, rows := subject(t, model.Trees, table.Binary)
	none, err := s.Load(rows.Table.Where(func(int) bool { return false }))
	if err != nil {
		t.Fatal(err)
	}
	for _, background := range []*fitted.Rows{nil, none} {
		if _, err := s.Explainer(fitted.Interventional, background); !errors.Is(err, explain.ErrRows) {
			t.Errorf("an empty background: %v", err)
		}
	}
	if _, err := s.Explainer(fitted.SHAP, nil); err != nil {
		t.Errorf("trees need no background: %v", err)
	}
	for name, q := range map[string]fitted.Question{
		"row":       {Row: 600, Threshold: 0.5, Most: 1, Work: 10},
		"below":     {Row: -1, Threshold: 0.5, Most: 1, Work: 10},
		"threshold": {Threshold: math.NaN(), Most: 1, Work: 10},
		"changes":   {Threshold: 0.5, Most: 0, Work: 10},
		"column":    {Threshold: 0.5, Most: 1, Work: 10, Rules: map[string]explain.Rule{"weight": {}}},
		"range":     {Threshold: 0.5, Most: 1, Work: 10, Rules: map[string]explain.Rule{"age": {Ranged: true, Min: 1}}},
	} {
		if _, err := s.Counterfactual(t.Context(), rows, &q); !errors.Is(err, explain.ErrBounds) && !errors.Is(err, table.ErrColumn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := &fitted.Question{Row: 0, Threshold: 2, Most: 2, Work: 1000} // No probability is 2.
	var no *explain.NoneError
	if _, err := s.Counterfactual(t.Context(), rows, q); !errors.As(err, &no) || !no.Proved {
		t.Errorf("a probability of 2: %v", err)
	}
	if _, err := s.Load(read(t, "age,town\n1,a\n", table.Want{})); !errors.Is(err, table.ErrColumn) {
		t.Errorf("a file without two columns: %v", err)
	}
}

// TestScoresAtTheirBoundAreRefused: a score that was held is not the sum of its parts.
func TestScoresAtTheirBoundAreRefused(t *testing.T) {
	s, rows := subject(t, model.Trees, table.Regression)
	for _, round := range s.Model.Trees.Trees {
		for i := range round[0].Nodes {
			round[0].Nodes[i].Value *= 1 << 14
		}
	}
	bent, err := fitted.Open(s.Model)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err = bent.Load(rows.Table); err != nil {
		t.Fatal(err)
	}
	x, err := bent.Explainer(fitted.SHAP, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Explain(t.Context(), rows, 0, rows.Len()); !errors.Is(err, explain.ErrAdditivity) {
		t.Errorf("scores beyond the bound are explained: %v", err)
	}
}

func TestSample(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 5000} {
		some := fitted.Sample(n, 100)
		if len(some) != min(n, 100) || !slices.IsSorted(some) || len(slices.Compact(slices.Clone(some))) != len(some) {
			t.Errorf("of %d: %d numbers", n, len(some))
		}
		if n > 100 && (some[0] < 0 || some[99] >= n) {
			t.Errorf("of %d: from %d to %d", n, some[0], some[99])
		}
	}
}
