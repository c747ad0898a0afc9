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
//	go test ./console -run TestImages -args -images ../docs/images
func TestImages(t *testing.T) {
	if *images == "" {
		t.Log("no -images folder: nothing is drawn")
		return
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
		{"allocation", "/allocation?week=" + h.book().Decided()[0], "light", 1200, 900, none},
		{"audit", "/audit", "light", 1200, 940, verify},
		{"phone", "/", "light", 320, 920, none},
	} {
		do(t, ctx, viewport(shot.width, shot.height, shot.theme), chromedp.Navigate("about:blank"), chromedp.Navigate(url+shot.path), shot.before)
		taken, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		small, err := shrunk(taken)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*images, shot.name+".png"), small, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// shrunk keeps at most 256 colours of a picture, the most frequent one of each kind, and
// maps the others to the nearest of them: a page has few, so a third of the bytes looks
// the same.
func shrunk(taken []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(taken))
	if err != nil {
		return nil, err
	}
	count := map[color.RGBA]int{}
	bounds := img.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			count[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0xff}]++
		}
	}
	kinds := map[color.RGBA]bool{} // Colours by the upper three bits of each part.
	var palette color.Palette
	byCount := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	for round := range 2 { // First one of each kind, then whatever is frequent.
		for _, c := range byCount {
			kind := color.RGBA{c.R >> 5, c.G >> 5, c.B >> 5, 0}
			if len(palette) < 256 && (round == 1 && !slices.Contains(palette, color.Color(c)) || round == 0 && !kinds[kind]) {
				kinds[kind], palette = true, append(palette, c)
			}
		}
	}
	out := image.NewPaletted(bounds, palette)
	draw.Draw(out, bounds, img, bounds.Min, draw.Src)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&b, out)
	return b.Bytes(), err
}
