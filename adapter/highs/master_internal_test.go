package highs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMasterTableIsThatOfHighsJS does for the calls of a Master what the test of the
// other tables does.
func TestMasterTableIsThatOfHighsJS(t *testing.T) {
	data, err := os.ReadFile("../../node_modules/highs/build/highs.js")
	if errors.Is(err, os.ErrNotExist) {
		t.Log("highs.js is not there; run make to fetch it")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range masterExports() {
		if want := fmt.Sprintf("%s=Module[%q]=wasmExports[%q]", f.c, f.c, f.export); !strings.Contains(string(data), want) {
			t.Errorf("highs.js does not say %s", want)
		}
	}
}
