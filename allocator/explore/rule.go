package explore

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/allocator/certificate"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// Rule is one row or limit of the problem: how far a clause is used, and what it costs.
type Rule struct {
	Row    string `json:"row"`
	Clause string `json:"clause"`
	Kind   string `json:"kind"` // Of the clause.
	// Party is set where the row is one party's own: a floor, a cap, a need.
	Party party.ID `json:"party,omitempty"`
	// Bound is what the rule allows, or demands. Of a row with coefficients both sides
	// are multiplied by their common denominator.
	Bound quantity.Amount `json:"bound"`
	Floor bool            `json:"floor"` // Bound is a least, not a most.
	Used  quantity.Amount `json:"used"`
	Binds bool            `json:"binds"` // Used equals Bound.
	// Price is the worth that one more unit of Bound adds, by the certificate: negative
	// for what a floor costs. Of a maximin or leximin stage it is in worth over per, of a
	// nash stage in logarithms. Absent where the certificate is a tree, whose leaves
	// differ.
	Price *exact.Rat `json:"price,omitempty"`
	// Slackness is price times what the bound leaves unused: 0 where the price is one of
	// an optimum. Anything else is part of the certified gap.
	Slackness *exact.Rat `json:"slackness,omitempty"`
}

// IsSum tells whether the rule bounds a plain sum of a party's units: what it demands or
// allows is a number of units.
func (r Rule) IsSum() bool {
	return r.Kind == charter.Floor || r.Kind == charter.Cap || r.Kind == charter.Rationality
}

// Rules lists the rows of a problem with what the first proof says of them. The prices
// are those of the first stage.
func Rules(c comity.Charter, p comity.Problem, units []quantity.Amount, cert comity.Certificate) ([]Rule, error) {
	kinds := map[string]string{}
	for _, k := range c.Constraints {
		kinds[k.ID] = k.Kind
	}
	unit, _ := currency(p, units, cert)
	rules := make([]Rule, len(p.Rows))
	for i, row := range p.Rows {
		used, err := usedBy(row, units)
		if err != nil {
			return nil, err
		}
		r := Rule{Row: row.ID, Clause: row.Clause, Kind: kinds[row.Clause], Used: used}
		if id, alone := own(p, row); alone && personal(c, row.Clause) {
			r.Party = id
		}
		var price int64
		if unit != nil {
			price = int64(cert.Stages[0].Proof.Prices[i])
			x := signed(c, exact.FromBig(new(big.Rat).SetFrac(big.NewInt(price), unit)))
			r.Price = &x // Its sign is turned where worths are minimised; slackness is not.
		}
		bound := nearer(row, used, price)
		if bound != nil {
			r.Bound, r.Binds, r.Floor = *bound, *bound == used, bound == row.Lower
		}
		if r.Price != nil {
			left := exact.Int(int64(r.Bound)).Sub(exact.Int(int64(used)))
			x := signed(c, *r.Price).Mul(left)
			r.Slackness = &x
		}
		rules[i] = r
	}
	return rules, nil
}

// nearer returns the bound that a row is told by: the one that its price is towards, or
// that is reached, or that there is.
func nearer(row comity.Row, used quantity.Amount, price int64) *quantity.Amount {
	switch {
	case price > 0:
		return row.Upper
	case price < 0:
		return row.Lower
	case row.Upper == nil, row.Lower != nil && *row.Lower == used && *row.Upper != used:
		return row.Lower
	default:
		return row.Upper
	}
}

func usedBy(row comity.Row, units []quantity.Amount) (quantity.Amount, error) {
	var sum quantity.Amount
	for _, t := range row.Terms {
		n, err := units[t.Column].Mul(quantity.Amount(t.Coeff))
		if err == nil {
			sum, err = sum.Add(n)
		}
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// currency says how the prices of the first proof are written: as whole numbers of
// 2^-bits, which divided by unit are worths. Unit is nil where the proof is a tree. Scales
// are those of docs/format/certificate.md.
func currency(p comity.Problem, units []quantity.Amount, cert comity.Certificate) (unit *big.Int, bits uint) {
	if len(cert.Stages) == 0 || len(p.Stages) == 0 || len(cert.Stages[0].Proof.Prices) < len(p.Rows) {
		return nil, 0
	}
	proof, stage := cert.Stages[0], p.Stages[0]
	unit = new(big.Int).Lsh(big.NewInt(int64(stage.Scale)), certificate.PriceBits)
	switch stage.Kind {
	case certificate.Maximin, certificate.Leximin:
		sum := new(big.Int)
		for k, w := range proof.Weights {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(w)), big.NewInt(int64(stage.Per[k]))))
		}
		unit.Mul(unit, sum)
	case certificate.Nash:
		fraction, err := certificate.NashBits(p, stage, units)
		if err != nil {
			return nil, 0
		}
		return unit.Lsh(big.NewInt(1), fraction), 0
	}
	if unit.Sign() == 0 {
		return nil, 0
	}
	return unit, certificate.PriceBits
}

// shortfalls returns by column its reduced cost times the units that it is short of what
// the prices of the first proof would give it, in worths: 0 everywhere if the units are an
// optimum at these prices. With the slackness of the rules they add up to what the bound
// leaves above the units' value, in a weighted and a nash stage. Nil where the proof has
// no one price for each rule, or uses cuts.
func shortfalls(p comity.Problem, units []quantity.Amount, cert comity.Certificate) []exact.Rat {
	unit, bits := currency(p, units, cert)
	if unit == nil {
		return nil
	}
	proof, stage := cert.Stages[0], p.Stages[0]
	for _, price := range proof.Proof.Prices[len(p.Rows):] {
		if price != 0 {
			return nil
		}
	}
	weight := map[party.ID]int64{}
	for k, w := range proof.Weights {
		weight[p.Needs[k].Party] = int64(w)
	}
	reduced := make([]*big.Int, len(p.Columns))
	t := new(big.Int)
	for j, cost := range stage.Costs {
		reduced[j] = big.NewInt(int64(cost))
		if proof.Weights != nil {
			reduced[j].Mul(reduced[j], t.SetInt64(weight[p.Columns[j].Party]))
		}
		reduced[j].Lsh(reduced[j], bits)
	}
	for i, row := range p.Rows {
		for _, term := range row.Terms {
			t.Mul(t.SetInt64(int64(term.Coeff)), big.NewInt(int64(proof.Proof.Prices[i])))
			reduced[term.Column].Sub(reduced[term.Column], t)
		}
	}
	out := make([]exact.Rat, len(p.Columns))
	for j, c := range p.Columns {
		end := c.Upper
		if reduced[j].Sign() < 0 {
			end = c.Lower
		}
		t.Mul(reduced[j], big.NewInt(int64(end-units[j])))
		out[j] = exact.FromBig(new(big.Rat).SetFrac(t, unit))
	}
	return out
}

// own returns the party to which all columns of a row go that go to any.
func own(p comity.Problem, row comity.Row) (id party.ID, alone bool) {
	for _, t := range row.Terms {
		c := p.Columns[t.Column].Party
		if c != "" && id != "" && c != id {
			return "", false
		}
		id = cmp.Or(c, id)
	}
	return id, id != ""
}

// touches tells whether a row holds a column of a party.
func touches(p comity.Problem, row comity.Row, id party.ID) bool {
	return slices.ContainsFunc(row.Terms, func(t comity.Term) bool { return p.Columns[t.Column].Party == id })
}

// ofParty tells whether a means is of one party: "stock/c.store/KE@03".
func ofParty(column string, id party.ID) bool {
	column, _, _ = strings.Cut(column, "@")
	return strings.HasSuffix(column, "/"+string(id))
}

// personal tells whether rows of a kind are one party's own.
func personal(c comity.Charter, clause string) bool {
	i := slices.IndexFunc(c.Constraints, func(k comity.Constraint) bool { return k.ID == clause })
	if i < 0 {
		return true // A need over the whole plan.
	}
	switch k := c.Constraints[i]; k.Kind {
	case charter.Conservation:
		return true
	case charter.Budget, charter.Affine, charter.FlowLimit, charter.Inequality:
		return false
	default:
		each := charter.Each(k)
		return each == charter.EachParty || each == charter.EachPartyPeriod
	}
}
