package console

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// started is the one browser of the package's tests: Debian's chromium, fresh, headless
// and kept away from the network.
var started = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("the console's tests need chromium: apt-get install chromium, or leave them out with COMITY_NO_BROWSER=1")
	}
	folder, err := os.MkdirTemp("", "comity-chromium")
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.ExecPath(path), chromedp.UserDataDir(folder),
		chromedp.Flag("force-color-profile", "srgb"),
	}
	for _, name := range []string{"disable-background-networking", "disable-component-update", "disable-sync", "disable-quic", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	ends = append(ends, func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
		_ = os.RemoveAll(folder)
	})
	return ctx, chromedp.Do(ctx)
})

// browser returns a tab of its own. Where there is no browser the test fails, because
// half of what the console promises would go untested; who cannot install one says so
// with COMITY_NO_BROWSER=1.
func browser(t testing.TB) context.Context {
	t.Helper()
	if os.Getenv("COMITY_NO_BROWSER") == "1" {
		t.Skip("COMITY_NO_BROWSER=1: browser tests are left out")
	}
	first, err := started()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(first)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// complaints collects what the browser writes to its console: refused by CSP, not found,
// or thrown by a script.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func listen(t testing.TB, ctx context.Context) *complaints {
	t.Helper()
	c := &complaints{}
	err := chromedp.Listen(ctx, func(event any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == "error" || e.Entry.Level == "warning" {
				c.list = append(c.list, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			c.list = append(c.list, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			c.list = append(c.list, "a script wrote to the console")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// viewport sets the size of the window and the reader's theme.
func viewport(width, height int64, theme string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.EmulateViewport(width, height), command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	}))
}

// command is a step that sends one command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// do runs steps or ends the test.
func do(t testing.TB, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](t testing.TB, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.80s: %v", expression, err)
	}
	return v
}
