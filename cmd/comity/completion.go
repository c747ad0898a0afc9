package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand writes what a shell needs to complete this command line. The script
// is made from the same model that parses the line, so that the two cannot differ.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by comity completion --help.
func (completionCommand) Help() string {
	return `bash:  comity completion bash > ~/.local/share/bash-completion/completions/comity
zsh:   comity completion zsh > DIR/_comity, with DIR in $fpath
fish:  comity completion fish > ~/.config/fish/completions/comity.fish`
}

// Run writes the script of one shell.
func (c completionCommand) Run(k *kong.Kong, t *terminal) error {
	spots := spotsOf(k.Model.Node, "")
	script := map[string]func([]spot) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell](spots)
	return t.result("completion", map[string]string{"shell": c.Shell, "script": script}, script)
}

// spot is one place in a command line: what may follow the commands in path.
type spot struct {
	path  string // "audit verify"; empty at the beginning.
	words []offer
	flags []offer
	files bool // A name of a file or folder may stand here.
}

// offer is one word that may stand somewhere.
type offer struct {
	word, help string
	valued     bool     // A value follows.
	values     []string // Those that it may have; empty: any, such as a file.
}

// spotsOf lists a command and all below it.
func spotsOf(n *kong.Node, path string) []spot {
	s := spot{path: path}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			o := offer{word: "--" + f.Name, help: f.Help, valued: !f.IsBool()}
			if f.Enum != "" {
				o.values = f.EnumSlice()
			}
			s.flags = append(s.flags, o)
		}
	}
	for _, p := range n.Positional {
		if p.Enum == "" {
			s.files = true
			continue
		}
		for _, v := range p.EnumSlice() {
			s.words = append(s.words, offer{word: v})
		}
	}
	below := []spot{}
	for _, c := range n.Children {
		s.words = append(s.words, offer{word: c.Name, help: c.Help})
		below = append(below, spotsOf(c, strings.TrimSpace(path+" "+c.Name))...)
	}
	return append([]spot{s}, below...)
}

// paths returns those of all commands, each quoted and after a separator.
func paths(spots []spot, separator string) string {
	var all []string
	for _, s := range spots[1:] {
		all = append(all, "'"+s.path+"'")
	}
	return strings.Join(all, separator)
}

// valued returns the flags that a value follows.
func valued(spots []spot, separator string) string {
	var all []string
	for _, s := range spots {
		for _, f := range s.flags {
			if f.valued {
				all = append(all, f.word)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), separator)
}

// single quotes a text for POSIX shells and zsh.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func joinWordsOf(offers []offer) string {
	var all []string
	for _, o := range offers {
		all = append(all, o.word)
	}
	return strings.Join(all, " ")
}

// walk is common to bash and zsh: it leaves in "at" the commands before the cursor.
const walk = `    word=${%s[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in (%s) skip=1; continue;; esac
    case "${at:+$at }$word" in (%s) at="${at:+$at }$word";; esac
`

// bashScript completes with -o default: where nothing is offered, bash offers files.
func bashScript(spots []spot) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Completion of comity for bash, made by: comity completion bash
_comity() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= skip= word i words= flags=
  for ((i = 1; i < COMP_CWORD; i++)); do
`+walk+`  done
  COMPREPLY=()
  case "$at $prev" in
`, "COMP_WORDS", valued(spots, "|"), paths(spots, "|"))
	for _, s := range spots {
		for _, f := range s.flags {
			if len(f.values) > 0 {
				fmt.Fprintf(&b, "    (%s) COMPREPLY=($(compgen -W %s -- \"$cur\")); return;;\n", single(s.path+" "+f.word), single(strings.Join(f.values, " ")))
			}
		}
	}
	fmt.Fprintf(&b, "  esac\n  case $prev in (%s) return;; esac\n  case $at in\n", valued(spots, "|"))
	for _, s := range spots {
		fmt.Fprintf(&b, "    (%s) words=%s flags=%s;;\n", single(s.path), single(joinWordsOf(s.words)), single(joinWordsOf(s.flags)))
	}
	b.WriteString(`  esac
  [[ $cur == -* ]] && words=$flags
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _comity comity
`)
	return b.String()
}

// zshScript is both a file for fpath and one that can be sourced.
func zshScript(spots []spot) string {
	described := func(offers []offer) string {
		var all []string
		for _, o := range offers {
			text := strings.ReplaceAll(o.word, ":", `\:`)
			if o.help != "" {
				text += ":" + o.help
			}
			all = append(all, single(text))
		}
		return strings.Join(all, " ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, `#compdef comity
# Completion of comity for zsh, made by: comity completion zsh
_comity() {
  local cur=$words[CURRENT] prev=$words[CURRENT-1] at= skip= word i
  local -a offers flags
  for ((i = 2; i < CURRENT; i++)); do
`+walk+`  done
  case "$at $prev" in
`, "words", valued(spots, "|"), paths(spots, "|"))
	for _, s := range spots {
		for _, f := range s.flags {
			if len(f.values) > 0 {
				fmt.Fprintf(&b, "    (%s) offers=(%s); _describe value offers; return;;\n", single(s.path+" "+f.word), strings.Join(f.values, " "))
			}
		}
	}
	fmt.Fprintf(&b, "  esac\n  case $prev in (%s) _files; return;; esac\n  case $at in\n", valued(spots, "|"))
	for _, s := range spots {
		fmt.Fprintf(&b, "    (%s) offers=(%s) flags=(%s);;\n", single(s.path), described(s.words), described(s.flags))
	}
	b.WriteString(`  esac
  if [[ $cur == -* ]]; then
    _describe option flags
  elif (( $#offers )); then
    _describe command offers
  else
    _files
  fi
}
if [[ $funcstack[1] == _comity ]]; then _comity "$@"; else compdef _comity comity; fi
`)
	return b.String()
}

// fishScript has one line for each word, under the condition of its place.
func fishScript(spots []spot) string {
	quote := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Completion of comity for fish, made by: comity completion fish
function __comity_at
    set -l at
    set -l skip
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip
            continue
        end
        contains -- $word %s; and set skip 1; and continue
        contains -- (string join ' ' $at $word) %s; and set -a at $word
    end
    test "$at" = "$argv"
end
complete -c comity -f
`, valued(spots, " "), paths(spots, " "))
	for _, s := range spots {
		here := "complete -c comity -n " + quote(strings.TrimSpace("__comity_at "+s.path))
		for _, o := range s.words {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", here, quote(o.word), quote(o.help))
		}
		for _, f := range s.flags {
			takes := ""
			switch {
			case len(f.values) > 0:
				takes = " -x -a " + quote(strings.Join(f.values, " "))
			case f.valued:
				takes = " -r -F"
			}
			fmt.Fprintf(&b, "%s -l %s -d %s%s\n", here, strings.TrimPrefix(f.word, "--"), quote(f.help), takes)
		}
		if s.files {
			fmt.Fprintf(&b, "%s -F\n", here)
		}
	}
	return b.String()
}
