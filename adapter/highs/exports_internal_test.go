package highs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTablesAreThoseOfHighsJS compares both tables of minified names with the
// JavaScript that belongs to the module, which the build keeps next to it.
func TestTablesAreThoseOfHighsJS(t *testing.T) {
	js, ok := highsJS(t)
	if !ok {
		return
	}
	for _, f := range exports() {
		pair := fmt.Sprintf("=wasmExports[%q]", f.export)
		if f.c != fnInitialise {
			pair = f.c + "=Module[\"" + f.c + "\"]" + pair
		} else {
			pair = fmt.Sprintf("wasmExports[%q]()", f.export)
		}
		if !strings.Contains(js, pair) {
			t.Errorf("highs.js does not say %s", pair)
		}
	}
	_, table, _ := strings.Cut(js, "var wasmImports={")
	table, _, _ = strings.Cut(table, "}")
	if want := strings.Count(table, ":"); len(imports()) != want {
		t.Errorf("%d imports, highs.js has %d", len(imports()), want)
	}
	for _, f := range imports() {
		if !strings.Contains(","+table+",", ","+f.name+":"+f.c+",") {
			t.Errorf("highs.js does not import %s as %s", f.c, f.name)
		}
	}
}

// highsJS reads the JavaScript, if it was fetched.
func highsJS(t *testing.T) (string, bool) {
	t.Helper()
	data, err := os.ReadFile("../../node_modules/highs/build/highs.js")
	if errors.Is(err, os.ErrNotExist) {
		t.Log("highs.js is not there; run make to fetch it")
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data), true
}

func TestAlteredModuleIsRefused(t *testing.T) {
	altered := append([]byte{}, module...)
	altered[len(altered)/2] ^= 1
	for _, code := range [][]byte{altered, altered[1:], nil} {
		if err := checkModule(code); !errors.Is(err, ErrModule) {
			t.Errorf("got %v, want ErrModule", err)
		}
	}
	if err := checkModule(module); err != nil {
		t.Error(err)
	}
}
