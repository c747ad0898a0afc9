package console

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestShots(t *testing.T) {
	out := os.Getenv("SHOTS")
	if out == "" {
		t.Skip()
	}
	url := serve(t, consortium(t).config())
	ctx := browser(t)
	for name, path := range map[string]string{"picture": "/", "tiles": "/?view=tiles", "table": "/?view=table", "allocation": "/allocation", "audit": "/audit", "members": "/members"} {
		for _, w := range []int64{1200, 800, 320} {
			for _, theme := range []string{"light", "dark"} {
				if theme == "dark" && w == 800 {
					continue
				}
				do(t, ctx, viewport(w, 900, theme), chromedp.Navigate(url+path))
				png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				_ = os.WriteFile(fmt.Sprintf("%s/%s-%d-%s.png", out, name, w, theme), png, 0o644)
			}
		}
	}
}
