package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// file writes a table with columns of every kind, missing values among them.
func file(rows int, seed uint64, task table.Task) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := strings.Builder{}
	b.WriteString("age,town,day,dose,empty,y\n")
	for range rows {
		age, dose, town, day := r.IntN(80), r.NormFloat64(), r.IntN(5), r.IntN(28)+1
		y := float64(age)/20 + dose*dose + float64(town%2)
		switch task {
		case table.Binary:
			if y > 3+r.Float64() {
				y = 1
			} else {
				y = 0
			}
		case table.Count:
			y = float64(int(y * r.ExpFloat64()))
		default:
			y = 1000 + 250*y + 50*r.NormFloat64()
		}
		cell := func(text string) string {
			if r.IntN(10) == 0 {
				return ""
			}
			return strings.Repeat(" ", r.IntN(2)) + text
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,,%g\n", cell(fmt.Sprint(age)), cell(fmt.Sprintf("town %d", town)),
			cell(fmt.Sprintf("2024-02-%02d", day)), cell(fmt.Sprintf("%.3f", dose)), y)
	}
	return b.String()
}

func read(t testing.TB, text string, want table.Want) *table.Table {
	t.Helper()
	tab, err := table.Read(learntest.NewFile(text), want)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// tasks are the models that tests fit.
func tasks() []table.Config {
	columns := []string{"age", "town", "day", "dose", "empty"}
	return []table.Config{
		{Columns: columns, Target: "y", Task: table.Regression},
		{Columns: columns, Target: "y"},
		{Columns: columns, Target: "y", Task: table.Count},
		{Columns: columns, Target: "y", Task: table.Quantile, Level: 900},
	}
}

func learners() []model.Learner { return []model.Learner{model.Linear, model.Additive, model.Trees} }

// keyed makes the rows for a model. Without a task the target is a yes or no.
func keyed(t testing.TB, cfg table.Config, rows int) *table.Table {
	t.Helper()
	task := cfg.Task
	if task == table.Guess {
		task = table.Binary
	}
	tab, err := read(t, file(rows, 1, task), table.Want{Target: "y"}).Keyed(append(slices.Clone(cfg.Columns), "y"))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// fit fits a model of pooled rows.
func fit(t testing.TB, learner model.Learner, cfg table.Config, rows int) (*model.Model, *learntest.Log) {
	t.Helper()
	log := &learntest.Log{}
	m, err := model.Fit(t.Context(), &model.Config{Table: cfg, Learner: learner, Parties: 1}, keyed(t, cfg, rows), log)
	if err != nil {
		t.Fatal(err)
	}
	return m, log
}

// A model that is written and read again is the same, its sums give it again, and it says
// more of new rows than their mean does.
func TestModels(t *testing.T) {
	for _, learner := range learners() {
		for _, cfg := range tasks() {
			t.Run(fmt.Sprintf("%s of %s", learner, cfg.Task), func(t *testing.T) {
				if learner == model.Linear && cfg.Task == table.Quantile {
					_, err := model.Fit(t.Context(), &model.Config{Table: cfg, Learner: learner, Parties: 1}, keyed(t, cfg, 100), learn.Pooled{})
					if !errors.Is(err, learn.ErrConfig) {
						t.Errorf("%v, want ErrConfig", err)
					}
					return
				}
				m, log := fit(t, learner, cfg, 1200)
				data, err := m.Encode()
				if err != nil {
					t.Fatal(err)
				}
				again, err := model.Decode(data)
				if err != nil {
					t.Fatal(err)
				}
				if written, err := again.Encode(); err != nil || !bytes.Equal(written, data) {
					t.Errorf("read and written again it has other bytes (%v)", err)
				}
				replayed, err := model.Fit(t.Context(), &model.Config{Table: cfg, Learner: learner, Parties: 1}, nil, &learntest.Replay{Entries: log.Entries})
				if err != nil {
					t.Fatal(err)
				}
				if written, err := replayed.Encode(); err != nil || !bytes.Equal(written, data) {
					t.Errorf("the sums alone give another model (%v)", err)
				}
				fresh := read(t, file(600, 2, again.Target.Task), table.Want{})
				keys, err := again.Predict(fresh)
				if err != nil {
					t.Fatal(err)
				}
				targets, err := fresh.Numbers("y")
				if err != nil {
					t.Fatal(err)
				}
				var actual, predicted []float64
				for i, key := range keys {
					actual, predicted = append(actual, number.Value(targets[i])), append(predicted, number.Value(key))
				}
				scores, err := model.Judge(&again.Target, actual, predicted)
				if err != nil {
					t.Fatal(err)
				}
				t.Log(scores)
				least := map[table.Task]float64{table.Regression: 0.8, table.Binary: 0.9, table.Count: 0, table.Quantile: 0}
				if learner == model.Linear { // The dose bends.
					least[table.Regression], least[table.Binary] = 0.35, 0.75
				}
				if scores[0].Value < least[again.Target.Task] {
					t.Errorf("%s is %s", scores[0].Name, scores[0])
				}
				if below := scores[1].Value; again.Target.Task == table.Quantile && (below < 0.84 || below > 0.95) {
					t.Errorf("%g of new rows lie below the predicted 0.9 quantile", below)
				}
				if d2 := scores[1].Value; again.Target.Task == table.Count && d2 < 0.1 {
					t.Errorf("d2 %g", d2)
				}
			})
		}
	}
}

// Columns at prediction: others are ignored, order means nothing, absent ones are named.
func TestColumnsAtPrediction(t *testing.T) {
	m, _ := fit(t, model.Trees, tasks()[0], 300)
	want := table.Want{Only: m.Names()}
	first, err := m.Predict(read(t, "age,town,day,dose\n40,town 1,2024-02-03,0.5\n", want))
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.Predict(read(t, "more,dose,day,town,age,y\nx,0.50,2024-02-03,town 1,4e1,no\n", want))
	if err != nil || second[0] != first[0] {
		t.Errorf("%v, want %v (%v)", second, first, err)
	}
	_, err = table.Read(learntest.NewFile("dose,town\n1,2\n"), want)
	if !errors.Is(err, table.ErrColumn) || !strings.Contains(err.Error(), "no column age, day") {
		t.Errorf("absent columns: %v", err)
	}
	for _, text := range []string{"age,town,day,dose\n40,a,2024-02-03,much\n", "age,town,day,dose\n40,a,7,0\n", "age,town,day,dose\n2024-02-03,a,,0\n"} {
		if _, err := m.Predict(read(t, text, want)); !errors.Is(err, table.ErrColumn) || !strings.HasPrefix(err.Error(), "rows.csv:2:") {
			t.Errorf("%q: %v", text, err)
		}
	}
	// What the model never saw is missing or another category, not an error.
	if _, err := m.Predict(read(t, "age,town,day,dose\n,Atlantis,,NA\n", want)); err != nil {
		t.Error(err)
	}
}

// Whatever changes in a file, it is refused or is another model in its one form.
func TestDamagedModels(t *testing.T) {
	m, _ := fit(t, model.Trees, tasks()[1], 300)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 9))
	for range 300 {
		wrong := slices.Clone(data)
		at := r.IntN(len(wrong))
		wrong[at] ^= 1 << r.IntN(8)
		got, err := model.Decode(wrong)
		if err != nil {
			if !errors.Is(err, learn.ErrModel) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		if again, err := got.Encode(); err != nil || !bytes.Equal(again, wrong) {
			t.Fatalf("byte %d changed: read, and written differently (%v)", at, err)
		}
	}
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		if _, err := model.Decode(data[:n]); !errors.Is(err, learn.ErrModel) {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	for old, value := range map[string]string{
		`"comity/learned@1"`: `"comity/learned@2"`, `"learner":"trees"`: `"learner":"oracle"`, `"kind":"logistic"`: `"kind":"poisson"`,
		`"task":"binary"`: `"task":"count"`, `"low":"0"`: `"low":"1"`, `"high":"1"`: `"high":"1.0"`, `"name":"age"`: `"name":"dose"`, `"kind":"date"`: `"kind":"time"`,
		`"rows":"300"`: `"rows":"0"`, `"parties":1,`: `"parties":1,"rho":"1/2",`,
	} {
		wrong := bytes.Replace(data, []byte(old), []byte(value), 1)
		if bytes.Equal(wrong, data) {
			t.Fatalf("no %s in the model", old)
		}
		if _, err := model.Decode(wrong); !errors.Is(err, learn.ErrModel) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// A program written from docs/format/learned.md alone predicts the same, to the last digit.
func TestPageIsEnough(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to run test/learned.py with")
	}
	script, err := filepath.Abs("../../../test/learned.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, learner := range learners() {
		for _, cfg := range tasks() {
			if learner == model.Linear && cfg.Task == table.Quantile {
				continue
			}
			m, _ := fit(t, learner, cfg, 500)
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			fresh := file(200, 3, table.Regression)
			keys, err := m.Predict(read(t, fresh, table.Want{}))
			if err != nil {
				t.Fatal(err)
			}
			in, err := json.Marshal(map[string]string{"model": string(data), "rows": fresh})
			if err != nil {
				t.Fatal(err)
			}
			run := exec.CommandContext(t.Context(), python, script)
			run.Stdin = bytes.NewReader(in)
			out, err := run.Output()
			if err != nil {
				t.Fatalf("%s: %v: %s", script, err, stderr(err))
			}
			lines := strings.Fields(string(out))
			if len(lines) != len(keys) {
				t.Fatalf("%s of %s: %d predictions for %d rows", learner, cfg.Task, len(lines), len(keys))
			}
			for i, line := range lines {
				if key, _ := number.Parse([]byte(line)); key != keys[i] {
					t.Fatalf("%s of %s: row %d is %s, want %s", learner, cfg.Task, i, line, number.Text(keys[i]))
				}
			}
		}
	}
}

func stderr(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

func FuzzDecode(f *testing.F) {
	for _, cfg := range tasks()[:2] {
		m, _ := fit(f, model.Trees, cfg, 100)
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := model.Decode(data)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("read, and written differently (%v)", err)
		}
		if _, err := m.Predict(read(t, strings.Join(m.Names(), ",")+"\n", table.Want{})); err != nil {
			t.Error(err)
		}
	})
}
