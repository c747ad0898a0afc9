package highs

import (
	"fmt"
	"strings"
	"testing"
)

// TestMasterTableIsThatOfHighsJS does for the calls of a Master what the test of the
// other tables does.
func TestMasterTableIsThatOfHighsJS(t *testing.T) {
	js, ok := highsJS(t)
	if !ok {
		return
	}
	for _, f := range masterExports() {
		if want := fmt.Sprintf("%s=Module[%q]=wasmExports[%q]", f.c, f.c, f.export); !strings.Contains(js, want) {
			t.Errorf("highs.js does not say %s", want)
		}
	}
}
