package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/place"
)

func TestPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "consent.yaml")
	if p, err := ReadPolicy(file); err != nil || len(p) != 0 {
		t.Fatalf("without a file: %v, %v", p, err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("refuse:\n  - when: plan.disclosure == \"exact\" && plan.personal\n    because: persons\n  - when: plan.epsilon > 0.5\n    because: too much\n")
	p, err := ReadPolicy(file)
	if err != nil {
		t.Fatal(err)
	}
	for want, plan := range map[string]map[string]any{
		"":         {"disclosure": "exact", "personal": false, "epsilon": 0.5},
		"persons":  {"disclosure": "exact", "personal": true, "epsilon": 9.0},
		"too much": {"disclosure": "dp", "personal": true, "epsilon": 0.75},
	} {
		if got, err := p.Refuses(plan); err != nil || got != want {
			t.Errorf("%v: refused because %q (%v), want %q", plan, got, err, want)
		}
	}
	if _, err := p.Refuses(map[string]any{"disclosure": "exact"}); err == nil {
		t.Error("a policy about a word that the plan lacks passed for consent")
	}
	for name, text := range map[string]string{
		"other key":      "accept: []\n",
		"one more key":   "refuse: []\nallow: []\n",
		"no reason":      "refuse:\n  - when: plan.personal\n",
		"empty reason":   "refuse:\n  - when: plan.personal\n    because: \"\"\n",
		"long reason":    "refuse:\n  - when: plan.personal\n    because: " + strings.Repeat("a", 201) + "\n",
		"no condition":   "refuse:\n  - when: \"1 + 1\"\n    because: x\n",
		"other variable": "refuse:\n  - when: person.age > 3\n    because: x\n",
		"syntax":         "refuse:\n  - when: \"plan.kind ==\"\n    because: x\n",
	} {
		write(text)
		var at *place.Error
		if _, err := ReadPolicy(file); !errors.As(err, &at) || at.Line < 1 {
			t.Errorf("%s: %v, want its place", name, err)
		}
	}
}
