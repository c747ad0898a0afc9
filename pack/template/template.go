// Package template holds charters to begin a negotiation with, and numbers to try them
// out. They use every kind of constraint and stage between them, lint clean and can be
// solved; what they lack is the parties' own keys.
package template

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

// files are the charters, what they share, and their numbers.
//
//go:embed *.yaml *.csv
var files embed.FS

// ErrUnknown says that there is no template of that name.
var ErrUnknown = errors.New("no such template")

// Names returns the templates that there are.
func Names() []string { return []string{"vaccines", "grid", "emissions", "stockpile"} }

// Charter returns the document of a template: YAML that lints clean, the same bytes in
// every run. It fails with ErrUnknown.
func Charter(name string) ([]byte, error) {
	source, shared, err := read(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(shared)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	if t, err = t.Parse(source); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, found(name)); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

// Inputs returns invented numbers for a template, for adapter/csv.ReadInputs: columns
// party, name and value. It fails with ErrUnknown.
func Inputs(name string) ([]byte, error) {
	if _, _, err := read(name); err != nil {
		return nil, err
	}
	return files.ReadFile(name + ".csv")
}

// read returns the source of a template and that of what all share.
func read(name string) (source, shared string, err error) {
	if !slices.Contains(Names(), name) {
		return "", "", fmt.Errorf("%w: %.40q; there are %s", ErrUnknown, name, strings.Join(Names(), ", "))
	}
	own, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return "", "", err
	}
	parts, err := files.ReadFile("parts.yaml")
	return string(own), string(parts), err
}

// founding is what a template is filled with.
type founding struct {
	pack.Founding
	Members []string // All parties but the operator.
	Lines   []line   // Of the grid.
}

// line is one direction of a line between two zones.
type line struct{ Name, From, To, Capacity string }

// found fills in a template: its parties, with keys that nobody holds.
func found(name string) founding {
	members, operator := parties(name)
	f := founding{Founding: pack.Founding{
		ID: name + "-draft", Effective: "2027-01-01T00:00:00Z", Expires: "2028-01-01T00:00:00Z",
		Origin: "comity.example/" + name, Operator: operator.ID, StepSeconds: 10,
		MinMembers: charter.LeastWitnesses(len(members)), WitnessThreshold: charter.LeastWitnesses(len(members)),
	}}
	recipe := forecast.Quick()
	for _, parameter := range slices.Sorted(maps.Keys(recipe)) {
		f.Recipe = append(f.Recipe, pack.Parameter{Name: parameter, Value: int64(recipe[parameter])})
	}
	for _, p := range append(members, operator) {
		key := strings.ToLower(p.ID)
		p.Keys, p.Threshold = []string{signing(key + ".officer-1"), signing(key + ".officer-2")}, 2
		p.NodeKey, p.Transport = signing(key+".node"), transport(key)
		f.Parties = append(f.Parties, p)
		if p.ID != operator.ID {
			f.Members = append(f.Members, p.ID)
			f.Witnesses = append(f.Witnesses, witness(party.WitnessName(party.ID(p.ID))))
		}
	}
	slices.Sort(f.Members)
	slices.SortFunc(f.Parties, func(a, b pack.FoundingParty) int { return cmp.Compare(a.ID, b.ID) })
	f.LogKey = signing(f.Origin)
	f.Lines = lines()
	return f
}
