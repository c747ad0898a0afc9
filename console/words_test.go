package console

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"comity/exact"

	"pgregory.net/rapid"
)

func english(t testing.TB) catalogue {
	t.Helper()
	all, err := catalogues()
	if err != nil {
		t.Fatal(err)
	}
	return all["en"]
}

func TestNumbersAsPeopleReadThem(t *testing.T) {
	c := english(t)
	ratio := func(a, b int64) exact.Rat {
		r, err := exact.Ratio(a, b)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, x := range []struct{ got, want string }{
		{grouped(0), "0"},
		{grouped(999), "999"},
		{grouped(1_000), "1,000"},
		{grouped(-1_234_567), "\u22121,234,567"},
		{grouped(-1 << 63), "\u22129,223,372,036,854,775,808"},
		{signed(5), "+5"},
		{signed(0), "0"},
		{signed(-5), "\u22125"},
		{tenths(0), "0.0"},
		{tenths(12_345), "1,234.5"},
		{rate(0), "0.00"},
		{rate(999), "1.00"},
		{rate(9_994), "9.99"},
		{rate(12_340), "12.3"},
		{rate(123_400), "123"},
		{rate(1_234_567), "1,235"},
		{percent(1339), "133\u00a0%"},
		{thousandths(-1_005), "-1.005"},
		{c.decimal(exact.Int(0)), "0"},
		{c.decimal(ratio(5, 8)), "0.625"},
		{c.decimal(ratio(-5, 8)), "\u22120.625"},
		{c.decimal(ratio(1, 3)), "about 0.3333"},
		{c.bytesText(999), "999 B"},
		{c.bytesText(67_600), "68 kB"},
		{c.bytesText(5_549_000), "5.5 MB"},
		{c.date("2026-11-18"), "18 Nov 2026"},
		{c.date("soon"), "soon"},
		{c.shortDate("2026-01-04"), "4 Jan"},
		{c.moment(1_790_000_000), "21 Sep 2026, 14:13:20 UTC"},
		{c.age(-time.Second), "0 seconds ago"},
		{c.age(time.Second), "1 second ago"},
		{c.age(61 * time.Second), "1 minute ago"},
		{c.age(47 * time.Hour), "47 hours ago"},
		{c.age(72 * time.Hour), "3 days ago"},
		{axis(1_250), "1.25"},
		{axis(4_000_000), "4,000"},
		{sentence("a day"), "A day"},
		{sentence(""), ""},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
}

// The top of an axis holds the highest value and is less than twice as high.
func TestAxesFitTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(1, 1<<50).Draw(t, "value")
		if top := nice(v); top < v || v > 4 && top >= 2*v || top%2 != 0 {
			t.Fatalf("an axis to %d for %d", top, v)
		}
	})
}

func TestNumbersAreIsolatedWhereTextRunsFromRightToLeft(t *testing.T) {
	c := catalogue{"direction": "rtl", "x": "{0} / {1}"}
	if got := c.say("x", -537, "KE"); got != "\u2068-537\u2069 / \u2068KE\u2069" {
		t.Errorf("got %q", got)
	}
	if got := c.say("missing"); got != "missing" {
		t.Errorf("a missing message shows as %q", got)
	}
}

func TestTilesComeFirstWhereAPartyIsNoState(t *testing.T) {
	q := &request{theme: &theme{words: english(t)}, query: url.Values{"view": {"map"}}, page: pages()[0]}
	view, tabs := q.views(false)
	if view != "tiles" || len(tabs) != 2 || !strings.Contains(tabs[0].Link, "view=tiles") || !tabs[0].Current {
		t.Errorf("view %s, tabs %+v", view, tabs)
	}
	if view, tabs := q.views(true); view != "map" || len(tabs) != 3 {
		t.Errorf("view %s, tabs %+v", view, tabs)
	}
}
