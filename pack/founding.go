package pack

import (
	"bytes"
	"fmt"
	"strconv"
	"text/template"
)

// Founding is what a charter template is filled with: the identities and keys that exist
// only once a consortium is founded. All else in a charter is the template's own text.
type Founding struct {
	ID               string // Names the body.
	Effective        string // RFC 3339 in UTC.
	Expires          string // RFC 3339 in UTC.
	Parties          []FoundingParty
	Origin           string // Of the log.
	LogKey           string // C2SP verifier key of the log.
	Operator         string // Party that runs the log.
	Witnesses        []string
	WitnessThreshold int
	MinMembers       int
	StepSeconds      int
	Recipe           []Parameter // Ascending by name.
}

// FoundingParty is one signatory with its keys.
type FoundingParty struct {
	ID        string
	Kind      string
	Name      string // In English.
	Weight    string // A ratio.
	Groups    []string
	Keys      []string // C2SP verifier keys of its officers.
	Threshold int      // How many of Keys must seal.
	NodeKey   string   // C2SP verifier key of its node.
	Transport string   // NATS user NKey of its node.
}

// Founding returns p as a signatory that has no keys yet.
func (p Party) Founding() FoundingParty {
	return FoundingParty{ID: string(p.ID), Kind: p.Kind, Name: p.Name, Weight: p.Weight, Groups: p.Groups}
}

// Parameter is one named whole number of a training recipe.
type Parameter struct {
	Name  string
	Value int64
}

// Draft fills a charter template. The template has the function quote, which writes any
// text as a double-quoted scalar, so that no name can add a line of its own: all escapes
// of a Go string are escapes of YAML 1.2 too (section 5.7), and it prints no line break.
func Draft(charter string, f Founding) ([]byte, error) {
	t, err := template.New("charter").Option("missingkey=error").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(charter)
	if err != nil {
		return nil, fmt.Errorf("charter template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, f); err != nil {
		return nil, fmt.Errorf("charter template of %s: %w", f.ID, err)
	}
	return out.Bytes(), nil
}
