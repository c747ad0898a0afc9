package csv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/adapter/csv"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/hindcast"
	"comity/party"
)

const (
	taskHeader     = "model,origin_date,target,horizon,target_end_date,location"
	forecastHeader = taskHeader + ",q0.975,q0.250,q0.025,q0.750\n"
	forecastRow    = "a-b,2024-11-06,ILI incidence,1,2024-11-03,AT,9.5,2,-1,3e0\n"
	truthHeader    = "target,location,truth_date,value\n"
	truthRow       = "ILI incidence,AT,2024-11-03,10.5\n"
)

// oneForecast is a row as it was read.
type oneForecast struct {
	Model     string
	Task      forecast.Task
	Levels, Q []float64
}

func readForecasts(text string) ([]oneForecast, error) {
	var all []oneForecast
	err := csv.ReadForecasts("f.csv", strings.NewReader(text), func(levels []float64) (func(string, forecast.Task, []float64) error, error) {
		return func(model string, task forecast.Task, q []float64) error {
			all = append(all, oneForecast{model, task, levels, slices.Clone(q)})
			return nil
		}, nil
	})
	return all, err
}

func TestReadsForecasts(t *testing.T) {
	want := []oneForecast{{
		"a-b",
		forecast.Task{Origin: "2024-11-06", Target: "ILI incidence", Horizon: 1, Date: "2024-11-03", Place: "AT"},
		[]float64{.025, .25, .75, .975},
		[]float64{-1, 2, 3, 9.5},
	}}
	for name, text := range map[string]string{
		"plain": forecastHeader + forecastRow, "gzip": compress(forecastHeader + forecastRow),
		"columns of others": "x,quality," + forecastHeader + "1,good," + forecastRow,
	} {
		got, err := readForecasts(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n-want +got\n%s", name, err, diff)
		}
	}
	if got, err := readForecasts(forecastHeader + strings.Replace(forecastRow, "9.5", "1e84", 1)); err != nil || got[0].Q[3] != 1e84 {
		t.Errorf("1e84 is a number: %v, %v", got, err)
	}
}

func TestReadsTasks(t *testing.T) {
	again := strings.Replace(forecastRow, "a-b", "c-d", 1)
	got, err := csv.ReadTasks("f.csv", strings.NewReader(forecastHeader+forecastRow+again))
	if err != nil || len(got) != 1 || got[0] != (forecast.Task{Origin: "2024-11-06", Target: "ILI incidence", Horizon: 1, Date: "2024-11-03", Place: "AT"}) {
		t.Errorf("tasks of two models: %v, %v; want one", got, err)
	}
}

func TestReadsTruth(t *testing.T) {
	got, err := csv.ReadTruth("f.csv", strings.NewReader(truthHeader+truthRow+truthRow+"ILI incidence,AT,2024-11-10,\nILI incidence,AT,2024-11-17,-3\n"))
	if err != nil || len(got) != 2 {
		t.Errorf("truth %v, %v; want the two weeks with a value", got, err)
	}
}

// TestWeeksOfAnotherDay holds what ReadWeekly takes beyond ReadVintages.
func TestWeeksOfAnotherDay(t *testing.T) {
	text := header + "2024-11-11,JHU,cases,AT,2024-11-02,5\n2024-11-11,JHU,cases,AT,2024-11-09,-7\n"
	rows, negative, err := csv.ReadWeekly("f.csv", strings.NewReader(text))
	if err != nil || len(rows) != 2 || negative != 1 || !rows[1].Withdrawn || rows[1].Value != 0 {
		t.Errorf("%+v, %d negative, %v; want a value and a withdrawal", rows, negative, err)
	}
	if _, err := read(text); err == nil || !strings.Contains(err.Error(), "Saturday") {
		t.Errorf("the consortium's own archives end weeks on Sundays: %v", err)
	}
	_, _, err = csv.ReadWeekly("f.csv", strings.NewReader(text+"2024-11-11,JHU,cases,AT,2024-11-10,1\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "f.csv:4:25: 2024-11-10 is a Sunday; give the Saturday") {
		t.Errorf("two days of the week: %v", err)
	}
}

// TestRefusesHubFiles holds the position of every kind of damage.
func TestRefusesHubFiles(t *testing.T) {
	row := func(old, with string) string {
		return forecastHeader + forecastRow + strings.Replace(forecastRow, old, with, 1)
	}
	truth := func(old, with string) string { return truthHeader + strings.Replace(truthRow, old, with, 1) }
	forecasts := func(text string) error { _, err := readForecasts(text); return err }
	tasks := func(text string) error { _, err := csv.ReadTasks("f.csv", strings.NewReader(text)); return err }
	truths := func(text string) error { _, err := csv.ReadTruth("f.csv", strings.NewReader(text)); return err }
	for _, tt := range []struct {
		name       string
		read       func(string) error
		text       string
		at, reason string
	}{
		{"no quantiles", forecasts, taskHeader + "\n", "1:1", "no column of quantiles"},
		{"level above one", forecasts, strings.Replace(forecastHeader, "q0.975", "q97.5", 1), "1:59", "no quantile level"},
		{"level that is none", forecasts, strings.Replace(forecastHeader, "q0.975", "q0.9.75", 1), "1:59", "no quantile level"},
		{"level twice", forecasts, strings.Replace(forecastHeader, "q0.975", "q0.25", 1), "1:65", "level 0.25 appears twice"},
		{"no model", forecasts, strings.Replace(forecastHeader, "model,", "", 1), "1:1", "no column model"},
		{"empty model", forecasts, row("a-b", ""), "3:1", "model of 0 bytes"},
		{"origin", forecasts, row("2024-11-06", "6.11.2024"), "3:5", "no date"},
		{"week", forecasts, row("2024-11-03", "soon"), "3:32", "no date"},
		{"target that looks like a date", forecasts, row("2024-11-06,ILI incidence", "ILI incidence,ILI incidence"), "3:5", "no date"},
		{"horizon", forecasts, row(",1,", ",1.5,"), "3:30", "no horizon"},
		{"large horizon", forecasts, row(",1,", ",1001,"), "3:30", "no horizon"},
		{"empty target", forecasts, row("ILI incidence", ""), "3:16", "target of 0 bytes"},
		{"empty location", forecasts, row("AT", ""), "3:43", "location of 0 bytes"},
		{"empty quantile", forecasts, row("9.5", ""), "3:46", "no number"},
		{"NaN", forecasts, row("9.5", "NaN"), "3:46", "no number"},
		{"infinite", forecasts, row("9.5", "inf"), "3:46", "no number"},
		{"hexadecimal", forecasts, row("9.5", "0x1p4"), "3:46", "no number"},
		{"underscore", forecasts, row("9.5", "1_0"), "3:46", "no number"},
		{"1e301", forecasts, row("9.5", "1e301"), "3:46", "beyond"},
		{"-1e999", forecasts, row("9.5", "-1e999"), "3:46", "beyond"},
		{"no tasks", tasks, forecastHeader, "1:1", "no rows"},
		{"no origin", tasks, "target,horizon,target_end_date,location\n", "1:1", "no column origin_date"},
		{"location of a task", tasks, row("AT", "at"), "3:43", "location"},
		{"no truth", truths, truthHeader, "1:1", "no row with a value"},
		{"truth of no number", truths, truth("10.5", "many"), "2:29", "no number"},
		{"truth on no day", truths, truth("2024-11-03", "W44"), "2:18", "no date"},
		{"two truths", truths, truthHeader + truthRow + strings.Replace(truthRow, "10.5", "11", 1), "3:29", "a row above says 10.5"},
	} {
		err := tt.read(tt.text)
		if want := "f.csv:" + tt.at + ": "; err == nil || !errors.Is(err, csv.ErrUnreadable) || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: %v; want %s... %s", tt.name, err, want, tt.reason)
		}
	}
}

func TestAReaderMayRefuse(t *testing.T) {
	refusal := errors.New("not these")
	err := csv.ReadForecasts("f.csv", strings.NewReader(forecastHeader+forecastRow), func([]float64) (func(string, forecast.Task, []float64) error, error) {
		return nil, refusal
	})
	if err == nil || !strings.HasPrefix(err.Error(), "f.csv:1:1: not these") {
		t.Errorf("levels: %v", err)
	}
	err = csv.ReadForecasts("f.csv", strings.NewReader(forecastHeader+forecastRow), func([]float64) (func(string, forecast.Task, []float64) error, error) {
		return func(string, forecast.Task, []float64) error { return refusal }, nil
	})
	if err == nil || !strings.HasPrefix(err.Error(), "f.csv:2:1: not these") {
		t.Errorf("row: %v", err)
	}
}

// TestForecastsAreReadBack writes exact thousandths and reads them again.
func TestForecastsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.StringMatching(`[a-zA-Zé ",'()0-9-]{1,20}`).Draw(t, "model")
		answers := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) hindcast.Answer {
			a := hindcast.Answer{Task: forecast.Task{
				Origin: "2024-11-06", Target: rapid.StringMatching(`[a-z",]{1,9}`).Draw(t, "target"),
				Horizon: rapid.IntRange(-9, 9).Draw(t, "horizon"), Date: "2024-11-03", Place: party.ID(rapid.StringMatching(`[A-Z]{2,4}`).Draw(t, "place")),
			}}
			if rapid.Bool().Draw(t, "present") {
				for range comity.QuantileLevels {
					a.Quantiles = append(a.Quantiles, canon.Int(rapid.Int64Range(0, forecast.MaxValue).Draw(t, "thousandths")))
				}
			}
			return a
		}), 0, 5).Draw(t, "answers")
		var file bytes.Buffer
		n, err := csv.WriteForecasts(&file, model, answers)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readForecasts(file.String())
		if err != nil || len(got) != n {
			t.Fatalf("%d rows written, %d read: %v\n%s", n, len(got), err, &file)
		}
		for _, a := range answers {
			if a.Quantiles == nil {
				continue
			}
			if got[0].Model != model || got[0].Task != a.Task {
				t.Fatalf("wrote %s %+v, read %+v", model, a.Task, got[0])
			}
			for i, q := range a.Quantiles {
				if want, err := strconv.ParseFloat(fmt.Sprintf("%d.%03d", q/1000, q%1000), 64); err != nil || got[0].Q[i] != want {
					t.Fatalf("wrote %d thousandths, read %v", q, got[0].Q[i])
				}
			}
			got = got[1:]
		}
	})
	for _, model := range []string{"", "a\nb", "\xff", strings.Repeat("x", 101)} {
		if _, err := csv.WriteForecasts(io.Discard, model, nil); !errors.Is(err, csv.ErrRow) {
			t.Errorf("model %q: %v; want ErrRow", model, err)
		}
	}
}

func FuzzReadForecasts(f *testing.F) {
	f.Add([]byte(forecastHeader + forecastRow))
	f.Add([]byte(compress(forecastHeader + forecastRow)))
	f.Add([]byte(truthHeader + truthRow))
	f.Add([]byte(strings.ReplaceAll(forecastHeader+forecastRow, ",", `","`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := readForecasts(string(data))
		if err != nil && !errors.Is(err, csv.ErrUnreadable) {
			t.Fatalf("%v is no ErrUnreadable", err)
		}
		for _, r := range rows {
			if len(r.Q) != len(r.Levels) || !slices.IsSorted(r.Levels) {
				t.Fatalf("%d quantiles at levels %v", len(r.Q), r.Levels)
			}
		}
		if _, err := csv.ReadTasks("fuzz", bytes.NewReader(data)); err != nil && !errors.Is(err, csv.ErrUnreadable) {
			t.Fatalf("%v is no ErrUnreadable", err)
		}
		if _, err := csv.ReadTruth("fuzz", bytes.NewReader(data)); err != nil && !errors.Is(err, csv.ErrUnreadable) {
			t.Fatalf("%v is no ErrUnreadable", err)
		}
		if rows, _, err := csv.ReadWeekly("fuzz", bytes.NewReader(data)); err == nil && len(rows) == 0 {
			t.Fatal("an archive without rows")
		}
	})
}
