package forecast

import (
	"testing"

	"comity/canon"
	"comity/modeler/picture"
	"comity/party"
)

// TestGolden holds for every processor: the arithmetic is integer throughout. Whoever
// changes what is computed changes docs/format/forecast.md or model.md and these lines.
func TestGolden(t *testing.T) {
	t.Parallel()
	r := run(t, input(archive(t, makeWorld(t, 5, 140))), self{})
	if got, want := canon.Sum(r.Model).Hex(), "b268adefc95f8faa16522ff187a7bc071c1f2d3e62b94bd5e10b3de537246795"; got != want {
		t.Errorf("the model's digest is %s, want %s", got, want)
	}
	digest, err := canon.DigestOf(r.Series)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := digest.Hex(), "6ba6db17c442e7b66765705f6db1108f2a9eab8d3b3dadabc8472a285c14d125"; got != want {
		t.Errorf("the forecasts' digest is %s, want %s", got, want)
	}
}

// TestForecastsFreeze lets the next step of a decision judge the forecasts.
func TestForecastsFreeze(t *testing.T) {
	t.Parallel()
	rows := split(makeWorld(t, 4, 140), 4)
	var given []picture.Authored
	for i, r := range federate(t, rows, newMeeting(4)) {
		f := picture.Authored{Author: place(i)}
		f.Forecast.Period, f.Forecast.Model, f.Forecast.Series = midnight, canon.Sum(r.Model), r.Series
		given = append(given, f)
	}
	p, err := picture.Freeze(midnight, given[0].Forecast.Model, given, []party.ID{place(0), place(1), place(2), place(3), place(4)})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Series) != 8 || len(p.Absent) != 1 {
		t.Errorf("%d series and %d absent, want 8 and 1", len(p.Series), len(p.Absent))
	}
}
