package forecast

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"comity/canon"
)

func makeModel(tb testing.TB) []byte {
	tb.Helper()
	return run(tb, input(archive(tb, makeWorld(tb, 4, 140))), self{}).Model
}

func TestModelReadsBack(t *testing.T) {
	t.Parallel()
	data := makeModel(t)
	m, err := ParseModel(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := canon.Marshal(m)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("a model does not read back as it was (%v)", err)
	}
}

func TestModelTampering(t *testing.T) {
	t.Parallel()
	data := makeModel(t)
	for name, change := range map[string]func(m *Model){
		"version":           func(m *Model) { m.Version = "forecast/v2" },
		"origin":            func(m *Model) { m.Origin = "2024-02-08" },
		"no targets":        func(m *Model) { m.Targets = nil },
		"recipe":            func(m *Model) { m.Recipe["folds"] = 3 },
		"recipe depth":      func(m *Model) { m.Recipe["depth"] = 99 },
		"point":             func(m *Model) { m.Point = m.Point[:len(m.Point)-1] },
		"scale":             func(m *Model) { m.Scale = m.Point },
		"trust":             func(m *Model) { m.Trust[0] = 9 },
		"trust of a lead":   func(m *Model) { m.Trust = m.Trust[1:] },
		"quantiles fall":    func(m *Model) { m.Quantiles[2][5] = m.Quantiles[2][6] + 1 },
		"quantiles":         func(m *Model) { m.Quantiles[0] = m.Quantiles[0][1:] },
		"quantiles of lead": func(m *Model) { m.Quantiles = m.Quantiles[1:] },
		"wide quantile":     func(m *Model) { m.Quantiles[4][0] = -zSpan - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m Model
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatal(err)
			}
			change(&m)
			bad, err := canon.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseModel(bad); !errors.Is(err, ErrModel) {
				t.Errorf("got %v, want ErrModel", err)
			}
		})
	}
	if _, err := ParseModel(append(bytes.Clone(data), '\n')); !errors.Is(err, ErrModel) {
		t.Errorf("a byte more: got %v, want ErrModel", err)
	}
}

func FuzzParseModel(f *testing.F) {
	f.Add(makeModel(f))
	f.Add([]byte("{}"))
	a := archive(f, makeWorld(f, 4, 140))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ParseModel(data); err != nil {
			return
		}
		// What reads as a model forecasts without harm.
		series, err := Update(t.Context(), input(a), data, self{})
		if err != nil {
			return
		}
		for _, s := range series {
			checkForecast(t, s)
		}
	})
}
