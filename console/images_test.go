package console

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestImages draws the pictures of the README with the whole consortium:
//
//	go test ./console -run TestImages -images ../docs/images
func TestImages(t *testing.T) {
	if *images == "" {
		t.Skip("no -images folder")
	}
	h := consortium(t)
	url := serve(t, h.config())
	ctx := browser(t)
	words := h.book().View.Charter.Words()
	verify := chromedp.Steps(chromedp.SendKeys("#verify-anchor", words+"\r"), chromedp.WaitVisible(`#verify-out[data-state="good"]`),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := chromedp.Evaluate[bool](`document.activeElement.blur(), document.getElementById("check").scrollIntoView({behavior: "instant"}), true`)(ctx, t)
			return err
		}))
	none := chromedp.Steps()
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		before            chromedp.Action[chromedp.Void]
	}{
		{"picture", "/", "light", 1200, 900, none},
		{"picture-dark", "/", "dark", 1200, 900, none},
		{"allocation", "/allocation", "light", 1200, 900, none},
		{"audit", "/audit", "light", 1200, 940, verify},
		{"phone", "/", "light", 320, 760, none},
	} {
		do(t, ctx, viewport(shot.width, shot.height, shot.theme), chromedp.Navigate("about:blank"), chromedp.Navigate(url+shot.path), shot.before)
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*images, shot.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
