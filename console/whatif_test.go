package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"comity/allocator/explore"
	"comity/allocator/solve"
	"comity/console/account"
)

// The slider's page, its fragment, its JSON and a division from the start give the same
// digits.
func TestTheSliderDividesAgain(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	c, err := account.Case(h.look, "")
	if err != nil {
		t.Fatal(err)
	}
	engine := explore.New(divider{}, 0)
	decided := h.book().View.Decisions[c.Inputs.Picture.Period].Allocation.Parties
	for _, percent := range []int{10, 100, 125} {
		at := "?supply=" + strconv.Itoa(percent)
		want, err := engine.WhatIf(t.Context(), c, []explore.Change{explore.Percent("supply.doses", int64(percent-100))})
		if err != nil {
			t.Fatal(err)
		}
		_, _, page := get(t, url+"/allocation"+at)
		_, _, fragment := get(t, url+"/what-if"+at)
		_, _, document := get(t, url+"/what-if.json"+at)
		var d struct{ Data explore.Comparison }
		if err := json.Unmarshal([]byte(document), &d); err != nil {
			t.Fatal(err)
		}
		for k, s := range want.Shares {
			cell := `<bdi dir="ltr">` + Number(s.Amount) + `</bdi>`
			if !strings.Contains(page, cell) || !strings.Contains(fragment, cell) || d.Data.Parties[k].After != s.Amount {
				t.Errorf("at %d %% %s gets %s; page %t, fragment %t, JSON %s", percent, s.Party, s.Amount,
					strings.Contains(page, cell), strings.Contains(fragment, cell), d.Data.Parties[k].After)
			}
		}
		if unchanged := strings.Contains(page, "Nobody&#39;s amount changes."); unchanged != slices.Equal(want.Shares, decided) {
			t.Errorf("at %d %% the page says that nobody's amount changes: %t", percent, unchanged)
		}
		if n := len(fragment); n > 10_000 {
			t.Errorf("the answer has %d bytes", n)
		}
	}
}

func TestTheSliderTakesNothingElse(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	for _, value := range []string{"", "NaN", "-5", "1e9", "99999999999999999999", "%3Cb%3E"} {
		status, _, text := get(t, url+"/allocation?supply="+value)
		at := regexp.MustCompile(`id="supply"[^>]*value="(\d+)"`).FindStringSubmatch(text)
		if status != http.StatusOK || len(at) != 2 || strings.Contains(text, "<b>") {
			t.Fatalf("%q: %d, slider %v", value, status, at)
		}
		if n, _ := strconv.Atoi(at[1]); n < lessSupply || n > mostSupply {
			t.Errorf("%q puts the slider at %s", value, at[1])
		}
	}
	old := h.book().Decided()[0]
	if _, _, text := get(t, url+"/allocation?week="+old); strings.Contains(text, `id="supply"`) || !strings.Contains(text, "comity allocate what-if --week "+old) {
		t.Error("an earlier week has a slider, or no command instead")
	}
	if status, _, _ := get(t, url+"/what-if.json?week="+old); status != http.StatusNotFound {
		t.Errorf("what-if.json of an earlier week: %d", status)
	}
	without := h.config()
	without.Solver = nil
	none := serve(t, without)
	if _, _, text := get(t, none+"/allocation"); strings.Contains(text, "whatif") {
		t.Error("a console without a solver asks what if")
	}
	if status, _, _ := get(t, none+"/what-if"); status != http.StatusNotFound {
		t.Errorf("what-if without a solver: %d", status)
	}
}

// failing answers every programme with an error.
type failing struct{ err error }

func (f failing) Solve(context.Context, solve.LP) (solve.Solution, error) {
	return solve.Solution{}, f.err
}

func TestASliderThatCannotBeAnsweredSaysWhy(t *testing.T) {
	h := consortium(t)
	cfg := h.config()
	cfg.Solver = failing{errors.New("out of memory")}
	if status, _, text := get(t, serve(t, cfg)+"/allocation?supply=90"); status != http.StatusOK || !strings.Contains(text, "This cannot be asked") || !strings.Contains(text, "Who gets what") {
		t.Errorf("a failing solver: %d", status)
	}
	cfg.Solver = failing{&solve.ConflictError{Clauses: []string{"c.floor", "c.cold"}}}
	_, _, text := get(t, serve(t, cfg)+"/allocation?supply=90")
	if !strings.Contains(text, "no plan keeps c.floor, c.cold") {
		t.Error("a contradiction is not named")
	}
}

// By keyboard alone, and without scripts by the button.
func TestTheSliderWorksByKeyboard(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	ctx := browser(t)
	heard := listen(t, ctx)
	do(t, ctx, viewport(1200, 900, "light"), chromedp.Navigate(url+"/allocation"), chromedp.Focus("#supply"),
		chromedp.SendKeys("#supply", kb.ArrowRight+kb.ArrowRight),
		chromedp.WaitVisible("#whatif-answer table"))
	if got := ask[string](t, ctx, `document.querySelector("#whatif output").textContent.trim()`); got != "110\u00a0%" {
		t.Errorf("the slider stands at %q after two arrows", got)
	}
	if got := ask[bool](t, ctx, `document.activeElement.id === "supply" && location.search.includes("supply=110")`); !got {
		t.Error("the answer takes the focus away, or the address does not keep it")
	}
	if got := ask[bool](t, ctx, `document.documentElement.scrollWidth <= innerWidth`); !got {
		t.Error("the answer makes the page scroll sideways")
	}
	if all := heard.all(); len(all) > 0 {
		t.Errorf("the browser complains: %v", all)
	}
}

// Sentences, JSON and command tell the digits of package explore.
func TestSentencesHaveTheDigits(t *testing.T) {
	h := consortium(t)
	a, err := h.book().Allocation("")
	if err != nil {
		t.Fatal(err)
	}
	teller, err := NewTeller(h.book().Charter, "en")
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, h.config())
	for _, s := range a.Parties {
		_, _, page := get(t, url+"/allocation?party="+string(s.Party))
		for _, r := range teller.Why(s.Why) {
			if r.Kind != "group" && !strings.Contains(page, htmlText(r.Says)) {
				t.Errorf("the page of %s does not say %q", s.Party, r.Says)
			}
			if r.Amount != nil && !strings.Contains(r.Says, Number(*r.Amount)) {
				t.Errorf("%s: %q does not have its amount %s", s.Party, r.Says, r.Amount)
			}
		}
	}
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "'", "&#39;", `"`, "&#34;", "<", "&lt;", ">", "&gt;", "+", "&#43;").Replace(s)
}
