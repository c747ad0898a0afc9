package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"comity/body"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe is the accessibility checker of Deque Systems, from the npm registry, for tests only.
func axe(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("%v; run make build", err)
	}
	return string(data)
}

func TestNoAccessibilityRuleIsBroken(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	ctx := browser(t)
	source := axe(t)
	lie := h.config()
	lie.Now = func() Now { return Now{Rehearsal: &Rehearsal{Title: "a lie", Caught: true, By: "all"}} }
	empty := h.config()
	empty.Look = func(f func(*body.State)) { f(body.New()) }
	empty.Now = func() Now { return Now{Phase: "Members train together", Done: 1, Total: 2} }
	var views []string
	for _, path := range h.views() {
		views = append(views, url+path)
	}
	views = append(views, serve(t, lie)+"/", serve(t, empty)+"/?still")
	for _, theme := range []string{"light", "dark"} {
		for _, path := range views {
			do(t, ctx, viewport(1200, 900, theme), chromedp.Navigate(path))
			openAll(t, ctx)
			if strings.HasSuffix(path, "/audit") {
				do(t, ctx, chromedp.Click("#verify button"), chromedp.WaitVisible("#verify-out[data-state]"))
			}
			ask[bool](t, ctx, source+"; true")
			broken := ask[[]string](t, ctx, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r =>
				r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + n.failureSummary).slice(0, 3).join(" | ")))`)
			for _, b := range broken {
				t.Errorf("%s, %s: %s", path, theme, b)
			}
		}
	}
}

// openAll opens what is folded, so that nothing escapes a check.
func openAll(t testing.TB, ctx context.Context) {
	t.Helper()
	ask[bool](t, ctx, `document.querySelectorAll("details").forEach(d => d.open = true), true`)
}

func TestNoPageScrollsSideways(t *testing.T) {
	h := consortium(t)
	ctx := browser(t)
	url := serve(t, h.config())
	for direction, widths := range map[string][]int64{"ltr": {320, 800, 1200}, "rtl": {320}} {
		for _, width := range widths {
			for _, path := range h.views() {
				do(t, ctx, viewport(width, 700, "light"), chromedp.Navigate(url+path))
				openAll(t, ctx)
				ask[bool](t, ctx, fmt.Sprintf(`document.documentElement.dir = %q; true`, direction))
				if wide := ask[int](t, ctx, `document.documentElement.scrollWidth`); int64(wide) > width {
					t.Errorf("%s, %s: %d px wide in a window of %d; too wide: %s", path, direction, wide, width, ask[string](t, ctx, tooWide))
				}
			}
		}
	}
}

// tooWide names the elements that reach over the edge, outside scroll boxes.
const tooWide = `[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, .skip, svg") && e.getBoundingClientRect().right > innerWidth + 1)
	.slice(0, 4).map(e => e.tagName + "." + e.className).join(", ")`

func TestPagesLoadWithoutComplaint(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	ctx := browser(t)
	seen := listen(t, ctx)
	for _, path := range h.views() {
		do(t, ctx, chromedp.Navigate(url+path))
		if !ask[bool](t, ctx, `getComputedStyle(document.querySelector(".lead")).fontWeight === "600"`) {
			t.Errorf("%s: the style sheet is not in force", path)
		}
		if list := seen.all(); len(list) > 0 {
			t.Fatalf("%s: the browser complains: %q", path, list)
		}
	}
}

func TestEverythingReadsWithoutScripts(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	with, without := browser(t), browser(t)
	do(t, without, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	for _, path := range h.views() {
		do(t, with, chromedp.Navigate(url+path))
		do(t, without, chromedp.Navigate(url+path))
		scripted, err := chromedp.Run(with, chromedp.Text("main"))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := chromedp.Run(without, chromedp.TextContent("main"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(scripted, "\n") {
			// The form to verify is the one thing that needs a script; without, a command stands there.
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(path, "/audit") && !containsWords(plain, line) {
				t.Errorf("%s without scripts does not say %q", path, line)
			}
		}
		if strings.HasPrefix(path, "/audit") && !strings.Contains(plain, "comity audit verify FILE") {
			t.Errorf("%s without scripts names no command", path)
		}
	}
	do(t, without, chromedp.Navigate(url), chromedp.Click(".tabs li:nth-child(3) a"), chromedp.WaitVisible("table.stack"),
		chromedp.Click("table.stack tbody a"), chromedp.WaitVisible("#place"))
}

// containsWords compares texts without their white space.
func containsWords(text, line string) bool {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	return strings.Contains(squeeze(text), squeeze(line))
}

func TestTheKeyboardReachesEverything(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	ctx := browser(t)
	for _, path := range []string{"/", "/?view=tiles", "/allocation", "/audit", "/members"} {
		do(t, ctx, viewport(1200, 900, "light"), chromedp.Navigate(url+path))
		wanted := ask[[]string](t, ctx, `[...document.querySelectorAll("a[href], button, input, select, summary, .scroll")].filter(e => e.checkVisibility()).map((e, i) => (e.dataset.n = i, String(i)))`)
		reached := map[string]bool{}
		for range len(wanted) + 5 {
			do(t, ctx, chromedp.KeyEvent("\t"))
			reached[ask[string](t, ctx, `document.activeElement.dataset.n ?? ""`)] = true
			if shown := ask[bool](t, ctx, `(() => { const e = document.activeElement; if (e === document.body) return true;
				const own = getComputedStyle(e), inner = e.querySelector("path, circle:not(.hit)");
				return own.outlineStyle !== "none" || inner && parseFloat(getComputedStyle(inner).strokeWidth) >= 4; })()`); !shown {
				t.Errorf("%s: the focus on %s is invisible", path, ask[string](t, ctx, `document.activeElement.outerHTML.slice(0, 120)`))
			}
		}
		for _, n := range wanted {
			if !reached[n] {
				t.Errorf("%s: Tab does not reach %s", path, ask[string](t, ctx, `document.querySelector("[data-n='`+n+`']").outerHTML.slice(0, 120)`))
			}
		}
	}
	// Arrow keys walk the map, Enter opens the place.
	do(t, ctx, chromedp.Navigate(url), chromedp.Focus("#map a"))
	before := ask[string](t, ctx, `document.activeElement.getAttribute("aria-label")`)
	moved := false
	for _, key := range []string{kb.ArrowLeft, kb.ArrowRight, kb.ArrowUp, kb.ArrowDown} {
		do(t, ctx, chromedp.KeyEvent(key))
		after := ask[string](t, ctx, `document.activeElement.getAttribute("aria-label") ?? ""`)
		moved = moved || after != before
		if after == "" {
			t.Errorf("an arrow key loses the focus, which was on %s", before)
		}
	}
	if !moved {
		t.Errorf("no arrow key leaves %s", before)
	}
	do(t, ctx, chromedp.KeyEvent("\r"), chromedp.WaitVisible("#place"))
}

// budget of the design page, section 4, in bytes as they cross the wire: the first view
// with all its files, and the same without scripts.
const (
	budgetFirst   = 60_000
	budgetScripts = 30_000
)

func TestTheFirstViewIsSmall(t *testing.T) {
	h := consortium(t)
	url := serve(t, h.config())
	for _, path := range []string{"/", "/allocation", "/audit", "/members"} {
		full, requests := firstView(t, url+path, true)
		plain, _ := firstView(t, url+path, false)
		t.Logf("%s: %d bytes in %d requests, %d without scripts", path, full, requests, plain)
		if full > budgetFirst || plain > budgetScripts {
			t.Errorf("%s: %d bytes, at most %d; %d without scripts, at most %d", path, full, budgetFirst, plain, budgetScripts)
		}
	}
}

// firstView loads a page with an empty cache and returns what crossed the wire.
func firstView(t testing.TB, url string, scripts bool) (bytes, requests int) {
	t.Helper()
	ctx := browser(t)
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventLoadingFinished); ok {
			bytes += int(e.EncodedDataLength)
			requests++
		}
	}); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, command(network.ClearBrowserCache, cdp.Empty{}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}),
		chromedp.Navigate(url), chromedp.Sleep(200*time.Millisecond))
	return bytes, requests
}

// BenchmarkFirstPaint loads the picture over 400 kbit/s with 300 ms of latency on a
// processor slowed four times: the design page's slow profile, of which it asks 2 s.
func BenchmarkFirstPaint(b *testing.B) {
	h := consortium(b)
	url := serve(b, h.config())
	for _, path := range []string{"/", "/allocation", "/audit", "/members"} {
		b.Run(strings.Trim(path, "/")+"page", func(b *testing.B) {
			var paints, loads []float64
			for b.Loop() {
				ctx := browser(b)
				do(b, ctx, command(network.ClearBrowserCache, cdp.Empty{}), slow(), chromedp.Navigate(url+path))
				times := ask[[]float64](b, ctx, `new Promise(done => setTimeout(() => done([performance.getEntriesByName("first-contentful-paint")[0].startTime, performance.getEntriesByType("navigation")[0].loadEventEnd]), 300))`)
				paints, loads = append(paints, times[0]), append(loads, times[1])
			}
			slices.Sort(paints)
			slices.Sort(loads)
			b.ReportMetric(paints[len(paints)/2], "ms-paint")
			b.ReportMetric(loads[len(loads)/2], "ms-complete")
		})
	}
}

func slow() chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		command(network.Enable, network.EnableParams{}),
		command(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Latency: 300, DownloadThroughput: 400_000 / 8, UploadThroughput: 200_000 / 8}},
		}),
		command(emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4}),
	)
}

func TestTheStatusLineFollowsWhatGoesOn(t *testing.T) {
	h := consortium(t)
	cfg := h.config()
	var later atomic.Bool
	cfg.Now = func() Now {
		if later.Load() {
			return Now{Phase: "Members forecast at home"}
		}
		return Now{Phase: "Members train together", Done: 1, Total: 2}
	}
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, cfg)))
	later.Store(true)
	if !ask[bool](t, ctx, `new Promise(done => {
		let tries = 0;
		const timer = setInterval(() => {
			const said = document.getElementById("status").textContent.includes("Members forecast at home");
			if (said || ++tries === 100) { clearInterval(timer); done(said); }
		}, 100);
	})`) {
		t.Error("the status line stays what it was")
	}
}
