// Package pack says what a domain declares: its parties with sourced facts, the
// variables it forecasts, where their rows come from, what parties declare, what
// there is to share, and the charter they propose. A pack declares; engines compute.
package pack

import (
	"errors"
	"fmt"
	"slices"

	"comity/canon"
	"comity/party"
	"comity/quantity"
	"comity/schema"
)

// Synthetic labels a scenario whose rows were made by a seeded generator. Every screen
// and file that shows such rows shows the label too.
const Synthetic = "SYNTHETIC"

var (
	// ErrUnknown says that a pack does not know a scenario, a party or a fact by that name.
	ErrUnknown = errors.New("unknown to the pack")
	// ErrPeriod says that a date is not an origin date of the scenario.
	ErrPeriod = errors.New("not a period")
	// ErrReceived says that a party cannot have received that many units.
	ErrReceived = errors.New("not a possible amount received")
)

// Scenario is one consortium that a pack proposes, ready to be founded.
type Scenario struct {
	Name  string // "respiratory".
	Title string
	// Label is Synthetic, or empty where the rows were observed.
	Label   string
	Members []Party // Ascending by id.
	// Away names members, ascending, whose rows lie on machines of their own: they make
	// their own keys there and join by invitation.
	Away     []party.ID
	Operator Party // Runs the log and declares the supply; it holds no rows.
	Targets  []Target
	Start    string // Origin date of the first week, YYYY-MM-DD.
	// Source says where the rows come from, in one sentence.
	Source  string
	Rows    Rows
	Needs   Needs
	Charter string // Template over Founding; see Draft.
	Recipe  string // Name of the training recipe: "forecast/quick@1".
	Tables  []Table
}

// Table is a member's rows that a clause may be asked about.
type Table struct {
	Clause string
	Name   string // Of the file: "visits".
	Schema schema.Schema
	// Rows returns the lines of one member, the header first; nil if it has none.
	Rows func(id party.ID) [][]string
}

// Party is one organisation as the pack knows it.
type Party struct {
	ID     party.ID
	Kind   string // state, agency, hospital, operator, firm, observer.
	Name   string // In English.
	Weight string // A ratio; "0" has no vote.
	Groups []string
	Facts  []Fact
}

// Fact is one whole number about a party and where it comes from.
type Fact struct {
	Name   string // "population".
	Value  int64
	Unit   string // "people".
	Year   int    // 0 where time does not matter.
	Source string // A citation, or "scenario assumption: " and its rule.
}

// Target is one variable that is forecast for every party that reports it.
type Target struct {
	Name string // "ILI incidence".
	Unit string // "per 100,000 per week".
}

// Needs says what parties declare in one period. It is a pure function of its
// arguments, so that a replay gives the same numbers.
type Needs interface {
	// Declare returns the numbers by name that id declares in week (0 is the first),
	// after it was allocated received units in all earlier weeks together.
	Declare(id party.ID, week int, received quantity.Amount) (map[string]canon.Int, error)
	// Supply returns the numbers by name that the operator declares in week.
	Supply(week int) (map[string]canon.Int, error)
}

// Fact returns the fact of that name, or ErrUnknown.
func (p Party) Fact(name string) (Fact, error) {
	i := slices.IndexFunc(p.Facts, func(f Fact) bool { return f.Name == name })
	if i < 0 {
		return Fact{}, fmt.Errorf("fact %q of %s: %w; it has %d facts", name, p.ID, ErrUnknown, len(p.Facts))
	}
	return p.Facts[i], nil
}

// Member returns the member of that id, or ErrUnknown.
func (s Scenario) Member(id party.ID) (Party, error) {
	i := slices.IndexFunc(s.Members, func(p Party) bool { return p.ID == id })
	if i < 0 {
		return Party{}, fmt.Errorf("member %q of scenario %s: %w", id, s.Name, ErrUnknown)
	}
	return s.Members[i], nil
}
