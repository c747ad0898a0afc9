package training_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity/conformance"
	"comity/dataset"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/training"
)

// open reads a CSV text.
func open(t *testing.T, text, target string) *table.Table {
	t.Helper()
	s, err := dataset.Open(t.Context(), dataset.Config{Input: strings.NewReader(text), Name: "rows.csv"})
	if err != nil {
		t.Fatal(err)
	}
	tab, err := table.Read(s, table.Want{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// trial is one data set and what is learned from it.
type trial struct {
	rows    *table.Table
	party   string
	target  string
	without []string
	learner model.Learner
}

// fit fits the model as a federation of the parties and with all rows in one place, and
// wants the same bytes.
func (c trial) fit(t *testing.T) (*model.Model, *model.Config, *table.Table) {
	t.Helper()
	parts, err := c.rows.Split(c.party)
	if err != nil {
		t.Fatal(err)
	}
	columns := slices.DeleteFunc(c.rows.Names(), func(name string) bool {
		return name == c.target || name == c.party || slices.Contains(c.without, name)
	})
	for i := range parts {
		if parts[i].Table, err = parts[i].Table.Keyed(append(slices.Clone(columns), c.target)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := &model.Config{Table: table.Config{Columns: columns, Target: c.target}, Learner: c.learner, Parties: len(parts)}
	all := table.Join(parts)
	pooled, err := model.Fit(t.Context(), cfg, all, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := pooled.Digest()
	if err != nil {
		t.Fatal(err)
	}
	err = training.Federate(t.Context(), len(parts), rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
		m, err := model.Fit(ctx, cfg, parts[member].Table, sum)
		if err != nil {
			return err
		}
		if got, err := m.Digest(); err != nil || got != want {
			return fmt.Errorf("model %s of party %s, pooled rows give %s (%w)", got, parts[member].Name, want, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return pooled, cfg, all
}

// TestConformanceHeart learns heart disease from hospitals that keep their rows.
func TestConformanceHeart(t *testing.T) {
	var b strings.Builder
	b.WriteString("age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,stage,hospital,sick\n")
	for _, file := range conformance.Glob(t, "benchmarks/uci_heart/*.data") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			sick := "yes"
			if strings.HasSuffix(line, ",0") || strings.HasSuffix(line, ",0.0") {
				sick = "no"
			}
			fmt.Fprintf(&b, "%s,%s,%s\n", line, filepath.Base(file), sick)
		}
	}
	c := trial{open(t, b.String(), "sick"), "hospital", "sick", []string{"stage"}, model.Additive}
	m, cfg, all := c.fit(t)
	scores, err := model.PlanFor(all.Rows()).Try(t.Context(), cfg, all, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(scores)
	if scores[0].Value < 0.87 {
		t.Errorf("%s %s, want 0.87", scores[0].Name, scores[0])
	}
}

// TestConformanceIncomes learns a9a, of two parties, and predicts its test rows.
func TestConformanceIncomes(t *testing.T) {
	var train, test strings.Builder
	train.WriteString(incomesHeader())
	test.WriteString(incomesHeader())
	for _, file := range conformance.Glob(t, "benchmarks/a9a/*.gz") {
		into := &train
		if strings.Contains(filepath.Base(file), "test") {
			into = &test
		}
		incomes(t, file, into)
	}
	c := trial{open(t, train.String(), "y"), "party", "y", nil, model.Trees}
	m, _, _ := c.fit(t)
	held := open(t, test.String(), "y")
	keys, err := m.Predict(held)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := held.Numbers("y")
	if err != nil {
		t.Fatal(err)
	}
	var happened []bool
	var chances []float64
	for i, key := range keys {
		happened, chances = append(happened, targets[i] == number.FromInt(1)), append(chances, number.Value(key))
	}
	scores, err := skill.Binary(happened, chances)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(scores)
	if scores[0].Value < 0.903 {
		t.Errorf("%s %s, want 0.903", scores[0].Name, scores[0])
	}
}

const incomeColumns = 123

func incomesHeader() string {
	var b strings.Builder
	for i := range incomeColumns {
		fmt.Fprintf(&b, "f%d,", i+1)
	}
	return b.String() + "y,party\n"
}

// incomes appends a file in LibSVM's form: a class, and the numbers of the columns that are 1.
func incomes(t *testing.T, file string, b *strings.Builder) {
	t.Helper()
	for line := range strings.Lines(unzipped(t, file)) {
		cells := slices.Repeat([]string{"0"}, incomeColumns)
		words := strings.Fields(line)
		for _, w := range words[1:] {
			var at int
			if _, err := fmt.Sscanf(w, "%d:1", &at); err != nil || at < 1 || at > incomeColumns {
				t.Fatalf("%s: %q", file, w)
			}
			cells[at-1] = "1"
		}
		y := "0"
		if words[0] == "1" || words[0] == "+1" {
			y = "1"
		}
		fmt.Fprintf(b, "%s,%s,%s\n", strings.Join(cells, ","), y, filepath.Base(file))
	}
}

func unzipped(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestConformanceAir learns the fine dust of every hundredth hour at twelve stations.
func TestConformanceAir(t *testing.T) {
	var b strings.Builder
	for i, file := range conformance.Glob(t, "benchmarks/beijing_air/*.csv.gz") {
		data := unzipped(t, file)
		at := 0
		for line := range strings.Lines(data) {
			if at%100 == 1 || at == 0 && i == 0 {
				b.WriteString(line)
			}
			at++
		}
	}
	c := trial{open(t, b.String(), "PM2.5"), "station", "PM2.5", []string{"No", "PM10"}, model.Trees}
	m, cfg, all := c.fit(t)
	scores, err := model.PlanFor(all.Rows()).Try(t.Context(), cfg, all, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(m.Facts, scores)
	if scores[0].Value < 0.75 {
		t.Errorf("%s %s, want 0.75", scores[0].Name, scores[0])
	}
}
