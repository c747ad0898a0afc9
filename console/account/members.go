package account

import (
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// Members is the account of who takes part and what each gave for one decision.
type Members struct {
	Period  string   `json:"period"` // Empty before the first picture.
	Parties []Member `json:"parties"`
	Counted int      `json:"witnesses"` // Witnesses that count.
	Steps   int      `json:"steps"`     // Sums of the training behind the decision.
}

// Member is one party. Whether it is connected and what it reported is not in the log;
// the console adds it.
type Member struct {
	Party      party.ID `json:"party"`
	Kind       string   `json:"kind"`
	Operator   bool     `json:"operator"`
	Witness    bool     `json:"witness"`    // Its witness counts.
	Statements int      `json:"statements"` // That it ever signed into the log.
	Shared     []Shared `json:"shared"`     // For the decision.
	Masked     int64    `json:"masked_bytes"`
	Vectors    int      `json:"masked_vectors"`
	Numbers    int      `json:"declared_numbers"`
	Place      *Place   `json:"forecast,omitempty"` // Of those that forecast, or should have.
	Checked    string   `json:"checked"`            // "same", "other" or empty.
}

// Shared counts statements of one kind.
type Shared struct {
	Kind  comity.Kind `json:"kind"`
	Count int         `json:"count"`
}

// Members returns the account of a period; "" means the newest with a picture.
func (b Book) Members(period string) (Members, error) {
	out := Members{}
	var places []Place
	if len(b.Periods()) > 0 || period != "" {
		picture, err := b.Picture(period)
		if err != nil {
			return out, err
		}
		out.Period, places = picture.Period, picture.Places
	}
	transcript, err := b.transcript(out.Period)
	if err != nil {
		return out, err
	}
	out.Steps = len(transcript.Steps)
	policy := ledger.PolicyOf(b.Charter)
	out.Counted = len(policy.Witnesses)
	for _, p := range b.Charter.Parties {
		_, witness := policy.WitnessOf(p.ID)
		m := Member{
			Party: p.ID, Kind: p.Kind, Operator: p.ID == b.Charter.Transparency.Log.Operator,
			Witness: witness, Statements: b.View.Counters[p.ID],
		}
		m.Vectors, m.Masked = uploaded(transcript, p.ID)
		if i := slices.IndexFunc(places, func(x Place) bool { return x.Party == p.ID }); i >= 0 {
			m.Place = &places[i]
		}
		b.shared(&m, out.Period)
		out.Parties = append(out.Parties, m)
	}
	return out, nil
}

// transcript reads the public record of the training behind a period.
func (b Book) transcript(period string) (secagg.Transcript, error) {
	r, ok := b.View.Rounds[b.View.Decisions[period].Round]
	if !ok || r.Model == nil {
		return secagg.Transcript{}, nil
	}
	data, err := b.Blobs.Read(r.Model.Transcript)
	if err != nil {
		return secagg.Transcript{}, err
	}
	return secagg.ParseTranscript(data)
}

// uploaded counts the masked vectors of a member in the finished steps, and their bytes.
func uploaded(t secagg.Transcript, id party.ID) (vectors int, bytes int64) {
	for _, step := range t.Steps {
		for _, c := range t.Cohorts {
			if c.Number == step.Cohort && slices.Contains(c.Members, id) {
				vectors++
				bytes += int64(step.Lanes) * int64(step.Bits) / 8
			}
		}
	}
	return vectors, bytes
}

// shared counts a party's statements for a period, by kind.
func (b Book) shared(m *Member, period string) {
	d, ok := b.View.Decisions[period]
	if !ok {
		return
	}
	r := b.View.Rounds[d.Round]
	add := func(kind comity.Kind, count int) {
		if count > 0 {
			m.Shared = append(m.Shared, Shared{kind, count})
		}
	}
	epoch := b.View.Epochs[r.Plan.Epoch]
	add(comity.KindKeys, one(epoch.Keys, m.Party))
	add(comity.KindBoxes, one(epoch.Boxes, m.Party))
	add(comity.KindHead, one(r.Heads, m.Party))
	add(comity.KindFingerprint, one(r.Fingerprints, m.Party))
	if m.Place != nil && m.Place.Leading >= 0 {
		add(comity.KindForecast, 1)
	}
	declared := 0
	for _, c := range b.Charter.Data {
		for _, s := range append(slices.Clone(b.View.Declared[c.ID].Earlier[m.Party]), b.View.Declared[c.ID].Latest[m.Party]) {
			if s.Period == period {
				declared++
				m.Numbers += len(s.Values)
			}
		}
	}
	add(comity.KindDeclaration, declared)
	switch {
	case slices.Contains(d.Checks, m.Party):
		m.Checked = "same"
	case slices.Contains(d.Dissents, m.Party):
		m.Checked = "other"
	}
	if m.Checked != "" {
		add(comity.KindCheck, 1)
	}
}

func one[V any](table map[party.ID]V, id party.ID) int {
	if _, ok := table[id]; ok {
		return 1
	}
	return 0
}

// Title returns the charter's title in a language, and its digest.
func (b Book) Title(language string) (string, canon.Digest) {
	return Say(b.Charter.Title, language), b.View.Charter
}

// Why returns the reason that the charter gives for a rule, in a language.
func (b Book) Why(clause, language string) string {
	for _, c := range b.Charter.Constraints {
		if c.ID == clause {
			return Say(c.Why, language)
		}
	}
	if c, ok := charter.Clause(b.Charter, clause); ok {
		return Say(c.What, language)
	}
	return ""
}
