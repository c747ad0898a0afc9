package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/audit"
	"comity/canon"
	"comity/console/account"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// flips is how many single bits are flipped in each receipt, spread over all of it, and
// again as many in its checkpoint and head, where spare bits would hide.
const flips = 35

// receipts are the files of the consortium, by name.
func (h home) receipts(t testing.TB) map[string][]byte {
	t.Helper()
	list, err := account.Receipts(h.Receipts())
	if err != nil || len(list) == 0 {
		t.Fatalf("%d receipts: %v", len(list), err)
	}
	out := map[string][]byte{}
	for _, f := range list {
		data, err := os.ReadFile(filepath.Join(h.Receipts(), f.File))
		if err != nil {
			t.Fatal(err)
		}
		out[f.File] = data
	}
	return out
}

// verdict is what both verifiers say of one receipt: the checks that were made, the last
// of which failed unless the receipt is verified.
type verdict struct {
	Verified bool   `json:"verified"`
	Last     string `json:"last"`
	Made     int    `json:"made"`
	Subject  string `json:"subject"`
}

func inGo(data []byte, anchor *canon.Anchor) verdict {
	r := audit.Receipt(data, anchor)
	return verdict{r.Verified, r.Checks[len(r.Checks)-1].Name, len(r.Checks), r.Subject}
}

// inBrowser verifies the variants of a receipt in the page: each flips one bit.
func inBrowser(t testing.TB, ctx context.Context, data []byte, anchor string, bits []int) []verdict {
	t.Helper()
	list, err := json.Marshal(bits)
	if err != nil {
		t.Fatal(err)
	}
	return ask[[]verdict](t, ctx, fmt.Sprintf(`(() => {
		const good = Uint8Array.from(atob(%q), c => c.charCodeAt(0)), anchor = comity.parseAnchor(%q);
		return %s.map(bit => {
			const data = Uint8Array.from(good);
			if (bit >= 0) data[bit >> 3] ^= 1 << (bit & 7);
			const r = comity.verify(data, anchor);
			return {verified: r.verified, last: r.checks.at(-1).name, made: r.checks.length, subject: r.subject};
		});
	})()`, base64.StdEncoding.EncodeToString(data), anchor, list))
}

func TestBrowserAndGoGiveTheSameVerdicts(t *testing.T) {
	h := consortium(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, h.config())+"/audit"))
	words := h.book().View.Charter.Words()
	coin := rand.New(rand.NewPCG(7, 11)) // A fixed seed, so that a failure can be replayed.
	tried := 0
	for file, data := range h.receipts(t) {
		bits := []int{-1}
		checkpoint := bytes.LastIndex(data, []byte("\n\n—"))
		for range flips {
			bits = append(bits, coin.IntN(8*len(data)), 8*(len(data)-coin.IntN(len(data)-checkpoint)-1), 8*(checkpoint-300)+coin.IntN(8*300))
		}
		for _, anchor := range []string{words, h.book().View.Charter.String(), ""} {
			if anchor == "" {
				bits = bits[:1+flips]
			}
			got := inBrowser(t, ctx, data, anchor, bits)
			for i, bit := range bits {
				changed := bytes.Clone(data)
				if bit >= 0 {
					changed[bit/8] ^= 1 << (bit % 8)
				}
				if diff := cmp.Diff(inGo(changed, anchorOf(t, anchor)), got[i]); diff != "" {
					t.Fatalf("%s, bit %d, anchor %q (-Go +browser):\n%s", file, bit, anchor, diff)
				}
				if got[i].Verified != (bit < 0) {
					t.Fatalf("%s, bit %d, anchor %q: %+v", file, bit, anchor, got[i])
				}
				tried++
			}
			bits = bits[:1+2*flips] // Where the anchor comes from changes little.
		}
	}
	t.Logf("%d variants of receipts, the same verdicts", tried)
}

func anchorOf(t testing.TB, text string) *canon.Anchor {
	t.Helper()
	if text == "" {
		return nil
	}
	a, err := canon.ParseAnchor(text)
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestReceiptsOfAnotherConsortiumAreRefusedByBoth(t *testing.T) {
	h := consortium(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, h.config())+"/audit"))
	other := canon.Sum([]byte("another charter"))
	for file, data := range h.receipts(t) {
		for _, anchor := range []string{other.String(), other.Words()} {
			got := inBrowser(t, ctx, data, anchor, []int{-1})[0]
			if diff := cmp.Diff(inGo(data, anchorOf(t, anchor)), got); diff != "" || got.Verified {
				t.Errorf("%s under %s: %+v (-Go +browser):\n%s", file, anchor, got, diff)
			}
		}
		break
	}
}

func TestTamperedFormsAreRefusedByBoth(t *testing.T) {
	h := consortium(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, h.config())+"/audit"))
	all := h.receipts(t)
	var allocation []byte
	for file, data := range all {
		if strings.HasSuffix(file, "-allocation.proof") {
			allocation = data
		}
	}
	head, rest, _ := bytes.Cut(allocation, []byte("\nindex "))
	for name, data := range map[string][]byte{
		"empty": {}, "one byte more": append(bytes.Clone(allocation), '\n'), "one byte less": allocation[:len(allocation)-1],
		"another index":   bytes.Replace(allocation, []byte("\nindex "), []byte("\nindex 1"), 1),
		"index with 0":    bytes.Replace(allocation, []byte("\nindex "), []byte("\nindex 0"), 1),
		"carriage":        bytes.ReplaceAll(allocation, []byte("\n"), []byte("\r\n")),
		"twice":           append(bytes.Clone(allocation), allocation...),
		"half":            allocation[:len(allocation)/2],
		"head of charter": append(append(bytes.Clone(cutHead(all["charter.proof"])), "\nindex "...), rest...),
		"foreign rest":    append(append(bytes.Clone(head), "\nindex "...), bytes.SplitN(all["charter.proof"], []byte("\nindex "), 2)[1]...),
	} {
		for _, anchor := range []string{"", h.book().View.Charter.Words()} {
			got := inBrowser(t, ctx, data, anchor, []int{-1})[0]
			if diff := cmp.Diff(inGo(data, anchorOf(t, anchor)), got); diff != "" || got.Verified {
				t.Errorf("%s: %+v (-Go +browser):\n%s", name, got, diff)
			}
		}
	}
}

func cutHead(receipt []byte) []byte {
	head, _, _ := bytes.Cut(receipt, []byte("\nindex "))
	return head
}

func TestTheButtonSaysYesAndNo(t *testing.T) {
	h := consortium(t)
	ctx := browser(t)
	seen := listen(t, ctx)
	url := serve(t, h.config())
	good := filepath.Join(h.Receipts(), "charter.proof")
	bad := filepath.Join(t.TempDir(), "bad.proof")
	data := h.receipts(t)["charter.proof"]
	data[len(data)/2] ^= 1
	if err := os.WriteFile(bad, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{url + "/audit", "file://" + verifierFile(t)} {
		for _, c := range []struct{ name, file, anchor, want string }{
			{"good", good, h.book().View.Charter.Words(), "good"},
			{"unpinned", good, "", "good"},
			{"altered", bad, h.book().View.Charter.Words(), "bad"},
			{"another charter", good, canon.Sum(nil).Words(), "bad"},
			{"no words of the list", good, "one two three", "error"},
		} {
			do(t, ctx, chromedp.Navigate(page), chromedp.SetUploadFiles("#verify-file", []string{c.file}),
				chromedp.SendKeys("#verify-anchor", c.anchor+"\r"), chromedp.WaitVisible("#verify-out[data-state]"))
			if got := ask[string](t, ctx, `document.getElementById("verify-out").dataset.state`); got != c.want {
				t.Errorf("%s, %s: %s, want %s", page, c.name, got, c.want)
			}
		}
	}
	do(t, ctx, chromedp.Navigate(url+"/audit"), chromedp.Click("#verify button"), chromedp.WaitVisible(`#verify-out[data-state="good"]`))
	if list := seen.all(); len(list) > 0 {
		t.Errorf("the browser complains: %q", list)
	}
}

// verifierFile saves the one-file verifier as a reader would.
func verifierFile(t testing.TB) string {
	t.Helper()
	handler, err := New(consortium(t).config())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/verifier.html", nil))
	name := filepath.Join(t.TempDir(), "verifier.html")
	if err := os.WriteFile(name, w.Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
