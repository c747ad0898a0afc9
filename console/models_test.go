package console

import (
	"strings"
	"testing"

	"comity/console/account"
)

// Page and JSON name the model in force alike, and every status has its words.
func TestModelsOnThePage(t *testing.T) {
	h := consortium(t)
	m, err := h.book().Models()
	if err != nil || len(m.Models) == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	url := serve(t, h.config())
	_, _, page := get(t, url+"/audit")
	_, _, data := get(t, url+"/audit.json")
	for _, model := range m.Models {
		for what, text := range map[string]string{"page": page, "JSON": data} {
			if !strings.Contains(text, model.Words) || !strings.Contains(text, model.Digest.String()) {
				t.Errorf("the %s lacks model %s", what, model.Words)
			}
		}
	}
	if !strings.Contains(page, "In force") || !strings.Contains(page, "Not scored.") {
		t.Error("the page does not say how the model stands")
	}
	q := &request{theme: &theme{words: english(t)}}
	e := q.model(account.Model{Status: "rejected", Tried: account.ModelScore{Ratio: "1.224", Forecasts: 1008}, Served: account.ModelScore{Ratio: "0.9", Forecasts: 2}})
	for _, want := range []string{"Rejected after its trial", "1.224 of the model in force, over 1,008 forecasts", "0.9 of carried forecasts"} {
		if !strings.Contains(e.State+e.Score+e.Trial, want) {
			t.Errorf("%+v does not say %q", e, want)
		}
	}
}
