package node

import (
	"os"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
)

// What a member forecast with a canary is read back for that canary and week alone, and
// kept for twelve weeks.
func TestForecastsOfCanariesStayAtHomeForTheirWeeks(t *testing.T) {
	m := &Member{cfg: MemberConfig{Self: "KE", Home: Home(t.TempDir())}}
	model, other := canon.Sum([]byte("model")), canon.Sum([]byte("other"))
	if err := m.forgetTried("2026-11-18"); err != nil {
		t.Fatalf("nothing was ever tried: %v", err)
	}
	for _, period := range []string{"2026-08-19", "2026-08-26", "2026-11-11"} {
		raw, err := canon.Marshal(comity.Forecast{Period: period, Model: model, Series: []comity.Series{{Place: party.ID("KE")}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(m.triedFile(period), raw); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.kept("2026-11-11", model); len(got) != 1 || got[0].Place != "KE" {
		t.Errorf("read back %v", got)
	}
	if got := m.kept("2026-11-11", other); got != nil {
		t.Errorf("another canary's forecast is %v", got)
	}
	if got := m.kept("2026-11-04", model); got != nil {
		t.Errorf("a week that was not forecast has %v", got)
	}
	if err := m.forgetTried("2026-11-18"); err != nil {
		t.Fatal(err)
	}
	if m.kept("2026-08-19", model) != nil || m.kept("2026-08-26", model) == nil {
		t.Error("twelve weeks before 2026-11-18 is 2026-08-26: that one is still scored, the one before is not")
	}
	if err := os.WriteFile(m.triedFile("2026-11-11"), []byte(`{"period":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := m.kept("2026-11-11", model); got != nil {
		t.Errorf("half a file gives %v", got)
	}
}
