// Package health declares the domain of respiratory epidemics: who takes part, what is
// forecast, what parties declare, what there is to share, and the charter they propose.
package health

import (
	_ "embed" // The charter's template.
	"fmt"
	"slices"
	"strings"

	"comity/chance"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

// The two variables of European respiratory surveillance (ERVISS, WHO FluID). Some places
// count per 100,000 consultations; models use logarithms and charters ratios, so that
// this makes no difference to either.
const (
	ILI  = "ILI incidence" // Influenza-like illness.
	ARI  = "ARI incidence" // Acute respiratory infection.
	unit = "per 100,000 per week"
)

// charter is the template of the charter that every scenario proposes.
//
//go:embed charter.yaml
var charter string

// Scenario returns the scenario of that name: "respiratory" is the only one. The seed
// decides everything that is synthetic in it.
func Scenario(name string, seed chance.Seed) (pack.Scenario, error) {
	if name != "respiratory" {
		return pack.Scenario{}, fmt.Errorf("scenario %q: %w; use respiratory", name, pack.ErrUnknown)
	}
	s := propose(respiratory())
	s.Name = name
	s.Title = "Seasonal respiratory viruses, thirty parties"
	s.Label = pack.Synthetic
	s.Start = firstOrigin
	s.Source = "a seeded synthetic epidemic; populations are real, illness and stocks are not"
	s.Rows = newWorld(seed, respiratory())
	s.Tables = []pack.Table{{
		Clause: "d.visits", Name: "visits", Schema: Visits(),
		Rows: func(id party.ID) [][]string { return visits(seed, id) },
	}}
	return s, nil
}

// Observed returns the scenario of rows that were read from files: its members are the
// places in them, its targets are those of ILI and ARI that occur, its first origin date
// is start, a Wednesday. A place without facts is refused with pack.ErrUnknown, and so are
// rows of neither target.
func Observed(rows []forecast.Observation, start string) (pack.Scenario, error) {
	known := places()
	var members []place
	var unknown []string
	for _, id := range pack.Recorded(rows).Places() {
		i := slices.IndexFunc(known, func(p place) bool { return p.id == id })
		if i < 0 {
			unknown = append(unknown, string(id))
			continue
		}
		members = append(members, known[i])
	}
	if len(unknown) > 0 {
		return pack.Scenario{}, fmt.Errorf("no population is known for %d places, among them %s: %w; rename them to ISO 3166 codes that the health pack lists, or remove their rows",
			len(unknown), strings.Join(unknown[:min(len(unknown), 20)], ", "), pack.ErrUnknown)
	}
	s := propose(members)
	s.Targets = slices.DeleteFunc(s.Targets, func(t pack.Target) bool {
		return !slices.ContainsFunc(rows, func(o forecast.Observation) bool { return o.Target == t.Name })
	})
	if len(s.Targets) == 0 {
		return pack.Scenario{}, fmt.Errorf("no row of %q or %q among %d: target %w; name the targets so", ILI, ARI, len(rows), pack.ErrUnknown)
	}
	s.Name = "observed"
	s.Title = "Seasonal respiratory viruses, observed"
	s.Start = start
	s.Source = "the surveillance snapshots in the data folder; stocks and supply are the scenario's assumptions"
	s.Rows = pack.Recorded(rows)
	return s, nil
}

// propose returns what every scenario of these members has in common.
func propose(members []place) pack.Scenario {
	s := pack.Scenario{
		Operator: pack.Party{
			ID: "SECRETARIAT", Kind: "agency", Name: "Secretariat", Weight: "0", Groups: []string{},
		},
		Targets: []pack.Target{{Name: ARI, Unit: unit}, {Name: ILI, Unit: unit}},
		Needs:   needs(members),
		Charter: charter,
		Recipe:  "forecast/quick@1",
	}
	for _, p := range members {
		s.Members = append(s.Members, p.party())
	}
	return s
}

// smallIsland is a note of the table and a group of the charter.
const smallIsland = "small-island"

func (p place) party() pack.Party {
	groups := []string{p.group}
	if p.is(smallIsland) {
		groups = append(groups, smallIsland)
	}
	return pack.Party{
		ID: p.id, Kind: "state", Name: p.name, Weight: "1", Groups: groups, Facts: p.facts(),
	}
}
