package fleet

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/node"
	"comity/replay"
)

// A hub that logs another model than its members trained loses that week. A week later,
// when nobody trains and all would use what is logged, it gains nothing by it: not from
// those who trained, and not from one that has started again and remembers nothing.
func TestAFalseModelIsNotBelievedAWeekLater(t *testing.T) {
	t.Parallel()
	home := node.Home(t.TempDir())
	lie := func(st *comity.Statement) (bool, error) {
		if st.Kind != comity.KindModel {
			return false, nil
		}
		var m comity.Model
		if err := canon.Unmarshal(st.Record, &m); err != nil || strings.HasSuffix(m.Round, "/"+body.TaskUpdate) {
			return false, err
		}
		data, err := os.ReadFile(node.Blob(home.Log(), m.Model))
		if err != nil {
			return false, err
		}
		model, err := forecast.ParseModel(data)
		if err != nil {
			return false, err
		}
		model.Quantiles[0][22]++ // A sound model that no sums give: slightly higher risks.
		if data, err = canon.Marshal(model); err != nil {
			return false, err
		}
		m.Model = canon.Sum(data)
		if err := os.WriteFile(node.Blob(home.Log(), m.Model), data, 0o600); err != nil {
			return false, err
		}
		st.Record, err = canon.Marshal(m)
		return false, err
	}
	cfg := Config{Home: home, Patience: 4 * time.Second, Cheat: &Cheat{Hub: &node.HubRehearsal{Say: lie}}, Scenario: small(t, 5)}
	f := start(t, cfg)
	refused := func(week int) {
		t.Helper()
		period, err := f.cfg.Scenario.Period(week)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Week(t.Context(), period); err == nil || !strings.Contains(err.Error(), "trained here") {
			t.Fatalf("%s: members went on with a false model: %v", period, err)
		}
	}
	refused(0)
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f = start(t, cfg) // Nobody remembers what it trained.
	refused(1)
	for _, p := range f.cfg.Scenario.Members {
		if entries, err := os.ReadDir(string(home.Member(p.ID)) + "/models"); err == nil && len(entries) > 0 {
			t.Errorf("%s took the false model for learned", p.ID)
		}
	}
	source, err := replay.Open(t.Context(), string(home))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Run(t.Context(), source, nil); !errors.Is(err, replay.ErrDiffers) {
		t.Errorf("replay: %v, want ErrDiffers", err)
	}
}
