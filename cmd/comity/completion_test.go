package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asked is what each shell is asked: the script, the words of a line, and what it must
// and must not offer.
var asked = []struct {
	line      []string // The last word is the one being typed.
	want, not string
}{
	{[]string{""}, "doctor", "verify"},
	{[]string{"audit", ""}, "verify", "doctor"},
	{[]string{"audit", "-"}, "--json", "--charter"},
	{[]string{"audit", "verify", "--"}, "--charter", "--since"},
	{[]string{"audit", "replay", "--charter", "verify", "--s"}, "--since", "--home"},
	{[]string{"--json", "log", ""}, "checkpoint", "up"},
	{[]string{"health", "forecast", "--recipe", ""}, "quick", "--model"},
	{[]string{"help", ""}, "exit-codes", "verify"},
	{[]string{"completion", "z"}, "zsh", "bash"},
}

// drivers ask a shell what it offers for a line, one offer a line.
func drivers() map[string]string {
	return map[string]string{
		"bash": `source "$1"; shift
COMP_WORDS=(comity "$@"); COMP_CWORD=$#; _comity; printf '%s\n' "${COMPREPLY[@]}"`,
		// The line editor is needed for a real one; what the function offers is not.
		"zsh": `compdef() { :; }; _files() { print FILES; }
_describe() { local o; for o in "${(@P)2}"; do [[ ${o%%:*} == ${words[CURRENT]}* ]] && print -r -- "${o%%:*}"; done; }
source $1; shift; words=(comity "$@"); CURRENT=$#words; _comity`,
		"fish": `source $argv[1]; complete -C "comity $argv[2..-1]"`,
	}
}

// TestCompletion asks the shells of this machine themselves.
func TestCompletion(t *testing.T) {
	shells := 0
	for shell, driver := range drivers() {
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here: %v", shell, err)
			continue
		}
		shells++
		exit, script, text := inProcess(t.Context(), "completion", shell)
		if exit != 0 {
			t.Fatalf("completion %s: code %d, %s", shell, exit, text)
		}
		file := filepath.Join(t.TempDir(), "comity."+shell)
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, a := range asked {
			arguments := append([]string{"-c", driver}, "comity-test", file)
			if shell == "fish" { // It has no name of the script among its arguments.
				arguments = []string{"--no-config", "-c", driver, file}
			}
			out, err := exec.Command(program, append(arguments, a.line...)...).CombinedOutput()
			if err != nil && shell == "bash" {
				t.Errorf("%s %q: %v: %s", shell, a.line, err, out)
			}
			var offers []string
			for line := range strings.Lines(string(out)) {
				word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
				offers = append(offers, word)
			}
			if !slices.Contains(offers, a.want) || slices.Contains(offers, a.not) {
				t.Errorf("%s offers %q after %q, want %s and not %s", shell, offers, a.line, a.want, a.not)
			}
		}
	}
	if shells == 0 {
		t.Fatal("no shell to ask; install bash")
	}
}
