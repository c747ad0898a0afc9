package console

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"comity/body"
	"comity/console/account"
	"comity/party"
)

// get fetches a page without a browser.
func get(t testing.TB, url string) (status int, header http.Header, text string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(data)
}

// views are all that the navigation and the tabs lead to.
func (h home) views() []string {
	old := h.book().Periods()[0]
	return []string{
		"/", "/?view=tiles", "/?view=table", "/?place=DE", "/?week=" + old, "/allocation", "/allocation?party=KE&sort=name", "/allocation?week=" + old, "/allocation?party=KE&supply=110",
		"/audit", "/members",
	}
}

func TestEveryPageSaysWhatItMust(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	newest := h.book().Decided()
	for path, wants := range map[string][]string{
		"/":                    {"Are we in danger", "SYNTHETIC", "own high level", "disputed", "Natural Earth", "forecast", "/picture.csv", "/picture.json"},
		"/?place=DE":           {"Germany", "ARI incidence", "90\u00a0% band"},
		"/?view=table":         {"Kenya", "ILI incidence", "per 100,000 per week", "SYNTHETIC"},
		"/allocation":          {"Who gets what", "SYNTHETIC", "Change", "Gap to the optimum", "/audit?receipt=" + newest[1] + "-allocation.proof"},
		"/allocation?party=KE": {"doses for Kenya?", "could use", "party.id"},
		"/audit":               {h.book().View.Charter.Words(), h.book().View.Charter.String(), "charter.proof", "/verifier.html"},
		"/members":             {"Secretariat", "operator", "not connected", "masked"},
	} {
		status, header, text := get(t, url+path)
		if status != http.StatusOK || header.Get("Set-Cookie") != "" || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'self';") {
			t.Errorf("%s: status %d, header %v", path, status, header)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		if strings.Contains(text, " style=") || strings.Contains(text, " onclick") || regexp.MustCompile(`<script>`).MatchString(text) {
			t.Errorf("%s holds a style or a script", path)
		}
		if foreign := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//`).FindString(text); foreign != "" {
			t.Errorf("%s refers elsewhere: %s", path, foreign)
		}
	}
}

func TestWhoIsAbsentIsListedWithTheReason(t *testing.T) {
	h := consortium(t).without(t, "DE")
	url := serve(t, h.config())
	for path, wants := range map[string][]string{
		"/?place=DE":           {"Germany: no forecast", "Absent: it left the training (no answer in time from DE)", "Missing data never cut", "place none"},
		"/?view=tiles":         {"no forecast"},
		"/?view=table":         {"Absent: it left the training"},
		"/members":             {"5 of 6 signed a forecast", "Absent: it left the training"},
		"/allocation?party=DE": {"doses for Germany?"},
	} {
		_, _, text := get(t, url+path)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
	}
}

func TestEveryPartyHasSomethingToClick(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	for _, view := range []string{"map", "tiles", "table"} {
		_, _, text := get(t, url+"/?view="+view)
		for _, id := range h.book().Contributors() {
			if !strings.Contains(text, "place="+string(id)) {
				t.Errorf("%s has nothing to click in view %s", id, view)
			}
		}
	}
}

func TestEveryStateIsOnTheMap(t *testing.T) {
	world, err := loadMap()
	if err != nil {
		t.Fatal(err)
	}
	// Members of the United Nations that the usual world file leaves out, and Tuvalu, which
	// the next finer one leaves out too.
	for _, id := range []party.ID{"SG", "MV", "MU", "MT", "BH", "KM", "CV", "WS", "TO", "KI", "NR", "BB", "GD", "TV", "KE", "FR", "US"} {
		if !world.has([]party.ID{id}) {
			t.Errorf("%s is not on the map", id)
		}
	}
	if world.has([]party.ID{"GB-SCT"}) || world.has(nil) {
		t.Error("a part of a state, or nobody, is said to be on the map")
	}
}

func TestPagesBeforeTheFirstDecision(t *testing.T) {
	h := consortium(t)
	cfg := h.config()
	empty := body.New()
	cfg.Look = func(f func(*body.State)) { f(empty) }
	cfg.Log, cfg.Receipts = t.TempDir(), filepath.Join(t.TempDir(), "none")
	cfg.Now = func() Now { return Now{Phase: "Members train together", Done: 3, Total: 98} }
	url := serve(t, cfg)
	for _, path := range []string{"/", "/allocation"} {
		status, header, text := get(t, url+path)
		if status != http.StatusOK || header.Get("Refresh") == "" || !strings.Contains(text, "3 of 98 sums") {
			t.Errorf("%s: %d, refresh %q", path, status, header.Get("Refresh"))
		}
		if _, header, _ := get(t, url+path+"?still"); header.Get("Refresh") != "" {
			t.Errorf("%s cannot be stopped", path)
		}
	}
	for _, path := range []string{"/audit", "/members", "/status", "/status.json", "/audit.json", "/members.json"} {
		if status, _, text := get(t, url+path); status != http.StatusOK {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
	if status, _, _ := get(t, url+"/picture.json"); status != http.StatusNotFound {
		t.Errorf("picture.json before the first picture: %d", status)
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	url := serve(t, consortium(t).config())
	for _, path := range []string{"/?week=1999-01-01", "/allocation?week=x", "/nothing", "/receipts/..%2fcharter.json", "/receipts/x.proof", "/static/0/style.css", "/log/keys", "/log/../hub/keys/node.key"} {
		if status, _, _ := get(t, url+path); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
	// What a reader types is shown nowhere unescaped.
	_, _, text := get(t, url+"/?place=%3Cscript%3E&view=%22%3E%3Cb%3E&lang=%3Cb%3E")
	if strings.Contains(text, "<script>") || strings.Contains(text, "<b>") {
		t.Error("a parameter reaches the page as markup")
	}
}

// Page, JSON and CSV of one allocation give the digits of the log.
func TestTheSameDigitsEverywhere(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	decided := h.book().Decided()
	period := decided[len(decided)-1]
	logged := h.book().View.Decisions[period].Allocation.Parties
	_, _, page := get(t, url+"/allocation")
	_, _, document := get(t, url+"/allocation.json")
	_, _, table := get(t, url+"/allocation.csv")
	var a struct {
		Label string             `json:"label"`
		Data  account.Allocation `json:"data"`
	}
	if err := json.Unmarshal([]byte(document), &a); err != nil || a.Label != h.scenario.Label {
		t.Fatalf("allocation.json: %v, label %q", err, a.Label)
	}
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) != len(logged)+1 {
		t.Fatalf("allocation.csv: %d rows: %v", len(rows), err)
	}
	for i, s := range logged {
		if !strings.Contains(page, grouped(int64(s.Amount))) || rows[i+1][5] != s.Amount.String() || a.Data.Parties[i].Amount != s.Amount {
			t.Errorf("%s gets %s in the log, %s in CSV, %s in JSON", s.Party, s.Amount, rows[i+1][5], a.Data.Parties[i].Amount)
		}
	}
}

func TestTheCatalogueHasEveryMessageAndNoOther(t *testing.T) {
	c, err := catalogues()
	if err != nil {
		t.Fatal(err)
	}
	sources := ""
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("page/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, pages...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources += string(data)
	}
	for _, m := range regexp.MustCompile(`(?:say|\.count|\{count|say\()[ (]?"([a-z0-9_.]+)"[ )}]`).FindAllStringSubmatch(sources, -1) {
		key := m[1]
		if _, ok := c["en"][key]; !ok && !strings.HasSuffix(key, ".") && c["en"][key+".other"] == "" {
			t.Errorf("message %q is missing", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c["en"])) {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		used := strings.Contains(sources, `"`+stem+`"`)
		for at, c := range stem { // Families: what stands behind the point is put together.
			used = used || c == '.' && strings.Contains(sources, `"`+stem[:at+1]+`"`)
		}
		if !used {
			t.Errorf("message %q is used nowhere", key)
		}
	}
	for tag, words := range c {
		if !slices.Equal(slices.Sorted(maps.Keys(words)), slices.Sorted(maps.Keys(c["en"]))) {
			t.Errorf("%s has other messages than en", tag)
		}
	}
}

// BenchmarkPage is the server's part of one look; the design page allows 50 ms.
func BenchmarkPage(b *testing.B) {
	h := consortium(b)
	handler, err := New(h.config())
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/", "/allocation", "/audit", "/members", "/status"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

func TestARehearsalIsShownOnEveryPage(t *testing.T) {
	h := consortium(t)
	for _, c := range []struct {
		caught bool
		want   string
	}{{true, "Caught by 6 of 6 members."}, {false, "Not caught."}} {
		cfg := h.config()
		cfg.Now = func() Now {
			return Now{Rehearsal: &Rehearsal{
				Title: "the hub alters a sum", Tried: "The hub added 1 to a sum.", Caught: c.caught, By: "6 of 6 members",
				Check: "secagg.ErrSum", Refusal: "the sum is not that of the vectors", WouldHave: "Nobody would have seen it.",
			}}
		}
		url := serve(t, cfg)
		for _, path := range []string{"/", "/allocation", "/audit", "/members"} {
			if _, _, text := get(t, url+path); !strings.Contains(text, "Rehearsal: the hub alters a sum") || !strings.Contains(text, c.want) {
				t.Errorf("%s does not say %q", path, c.want)
			}
		}
		empty := body.New()
		cfg.Look = func(f func(*body.State)) { f(empty) }
		if _, header, text := get(t, serve(t, cfg)+"/"); header.Get("Refresh") != "" || !strings.Contains(text, c.want) {
			t.Error("a rehearsal that ended without a decision goes on renewing its page, or says nothing")
		}
	}
}
