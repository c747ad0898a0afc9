package privacy

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/privacy/enclosure"
)

// What a plan and a charge may say.
const (
	// Exact sums leave as they are: only rows that are about no person.
	Exact = "exact"
	// Noisy sums carry noise from every member.
	Noisy = "dp"
	// UnitPerson protects all rows of one person at one party.
	UnitPerson = "person"
	// UnitMember protects all rows of one member.
	UnitMember = "member"
)

// maxRound bounds a round's name in bytes, as secure aggregation does.
const maxRound = 256

// Charge is the statement of what one release cost the persons behind one party's rows,
// or the party itself. It names no person and no number of persons.
type Charge struct {
	Party      party.ID     `json:"party"`
	Schema     canon.Digest `json:"schema"`     // Of the rows that entered.
	Unit       string       `json:"unit"`       // UnitPerson or UnitMember: who is protected.
	Period     string       `json:"period"`     // The plan's origin date, YYYY-MM-DD; its year is charged.
	Round      string       `json:"round"`      // Unique for each release: a repeated attempt is another round.
	Rho        exact.Rat    `json:"rho"`        // Above 0 if noisy, 0 if exact.
	Delta      exact.Rat    `json:"delta"`      // Probability of noise that Rho does not hold for; 0 if exact.
	Disclosure string       `json:"disclosure"` // Exact or Noisy.
}

// Check refuses a charge that is not well formed, with ErrCharge.
func (c Charge) Check() error {
	if err := c.Party.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrCharge, err)
	}
	day, err := time.Parse(time.DateOnly, c.Period)
	switch {
	case err != nil || day.Year() < 1:
		return fmt.Errorf("%w: period %.20q; want a date such as 2026-11-20", ErrCharge, c.Period)
	case c.Round == "" || len(c.Round) > maxRound:
		return fmt.Errorf("%w: round's name of %d bytes; want 1 to %d", ErrCharge, len(c.Round), maxRound)
	case c.Unit != UnitPerson && c.Unit != UnitMember:
		return fmt.Errorf("%w: unit %.20q; want %s or %s", ErrCharge, c.Unit, UnitPerson, UnitMember)
	case c.Disclosure != Exact && c.Disclosure != Noisy:
		return fmt.Errorf("%w: disclosure %.20q; want %s or %s", ErrCharge, c.Disclosure, Exact, Noisy)
	case c.Disclosure == Exact && (c.Rho.Sign() != 0 || c.Delta.Sign() != 0):
		return fmt.Errorf("%w: ρ = %s and δ = %s without noise; want 0", ErrCharge, clip(c.Rho), clip(c.Delta))
	case c.Disclosure == Noisy && (c.Rho.Sign() <= 0 || c.Rho.Cmp(exact.Int(maxRho)) > 0):
		return fmt.Errorf("%w: ρ = %s; want above 0 and at most %d", ErrCharge, clip(c.Rho), int64(maxRho))
	case c.Delta.Sign() < 0 || c.Delta.Cmp(exact.Int(1)) > 0:
		return fmt.Errorf("%w: δ = %s; want 0 to 1", ErrCharge, clip(c.Delta))
	}
	for _, x := range []exact.Rat{c.Rho, c.Delta} {
		if _, err := x.MarshalText(); err != nil {
			return fmt.Errorf("%w: %w", ErrCharge, err)
		}
	}
	return nil
}

// Account is one balance of a ledger.
type Account struct {
	Party  party.ID     `json:"party"`
	Schema canon.Digest `json:"schema"`
	Unit   string       `json:"unit"`
	Year   string       `json:"year"` // Four digits.
}

// Account returns the balance that a charge belongs to.
func (c Charge) Account() Account { return Account{c.Party, c.Schema, c.Unit, c.Period[:4]} }

// Balance is what one account has spent.
type Balance struct {
	Account  Account   `json:"account"`
	Rho      exact.Rat `json:"rho"`
	Delta    exact.Rat `json:"delta"`
	Releases int       `json:"releases"` // Noisy ones.
}

// Rules are what a ledger goes by; they come from the charter and its schemas.
type Rules struct {
	Budget Budget
	// NonPersonal lists the schemas whose rows are about no person: published totals,
	// hours of sensors. Theirs alone may be released exactly.
	NonPersonal []canon.Digest
}

// Ledger adds up charges. Folding the same charges in the same order gives the same
// ledger everywhere: it has no clock and no files, and refusing changes nothing.
type Ledger struct {
	rules    Rules
	balances map[Account]Balance
	seen     map[release]Charge
}

// release is what may be charged once.
type release struct {
	party  party.ID
	schema canon.Digest
	unit   string
	round  string
}

// NewLedger returns an empty ledger, or ErrParameter for a budget that cannot be kept.
func NewLedger(rules Rules) (*Ledger, error) {
	if err := rules.Budget.Check(); err != nil {
		return nil, err
	}
	rules.NonPersonal = slices.Clone(rules.NonPersonal)
	return &Ledger{rules, map[Account]Balance{}, map[release]Charge{}}, nil
}

// Fold adds a charge of the log. The same charge again changes nothing. It refuses what
// is not well formed (ErrCharge), another charge for the same release (ErrConflict),
// exact release of personal rows (ErrPersonal), and what passes the budget
// (ErrExhausted).
func (l *Ledger) Fold(c Charge) error {
	return l.FoldAll([]Charge{c})
}

// FoldAll adds the charges of one release, or none of them.
func (l *Ledger) FoldAll(charges []Charge) error {
	fresh, next, err := l.weigh(charges)
	if err != nil {
		return err
	}
	for _, c := range fresh {
		l.seen[c.release()] = c
	}
	for _, a := range slices.SortedFunc(maps.Keys(next), compareAccounts) {
		l.balances[a] = next[a]
	}
	return nil
}

// May says whether a release may go on: nil, or what FoldAll would refuse it with.
func (l *Ledger) May(charges []Charge) error {
	_, _, err := l.weigh(charges)
	return err
}

func (c Charge) release() release { return release{c.Party, c.Schema, c.Unit, c.Round} }

// weigh returns the charges that are new and the balances that they lead to.
func (l *Ledger) weigh(charges []Charge) ([]Charge, map[Account]Balance, error) {
	var fresh []Charge
	batch, next := map[release]Charge{}, map[Account]Balance{}
	gate := gate{budget: l.rules.Budget}
	for _, c := range charges {
		if err := c.Check(); err != nil {
			return nil, nil, err
		}
		old, found := l.seen[c.release()]
		if !found {
			old, found = batch[c.release()]
		}
		if found {
			if !c.equal(old) {
				return nil, nil, fmt.Errorf("%w: %s in %s was charged ρ = %s for %s, and now ρ = %s for %s",
					ErrConflict, c.Party, c.Round, clip(old.Rho), old.Period, clip(c.Rho), c.Period)
			}
			continue
		}
		if c.Disclosure == Exact && !slices.Contains(l.rules.NonPersonal, c.Schema) {
			return nil, nil, fmt.Errorf("%w: round %s, schema %s: use %s disclosure, or have the charter list the schema as non-personal",
				ErrPersonal, c.Round, c.Schema, Noisy)
		}
		batch[c.release()] = c
		fresh = append(fresh, c)
		a := c.Account()
		b, begun := next[a]
		if !begun {
			b = l.Spent(a)
		}
		b = b.add(c)
		if err := gate.admit(b, c); err != nil {
			return nil, nil, fmt.Errorf("%s in %s, schema %s, unit %s: %w", c.Party, c.Round, c.Schema, c.Unit, err)
		}
		next[a] = b
	}
	return fresh, next, nil
}

func (c Charge) equal(d Charge) bool {
	same := c.Rho.Cmp(d.Rho) == 0 && c.Delta.Cmp(d.Delta) == 0
	return same && c.Period == d.Period && c.Disclosure == d.Disclosure
}

// add returns the balance after a charge.
func (b Balance) add(c Charge) Balance {
	if c.Disclosure == Exact {
		return b
	}
	b.Rho = short(b.Rho.Add(c.Rho))
	b.Delta = short(b.Delta.Add(c.Delta))
	b.Releases++
	return b
}

// maxDenominator bounds the denominators of a balance in bits, so that parties who state
// awkward fractions cannot make sums ever slower. Beyond it a balance is rounded up to
// multiples of 2^-maxDenominator.
const maxDenominator = 512

func short(x exact.Rat) exact.Rat {
	if x.Big().Denom().BitLen() <= maxDenominator {
		return x
	}
	return enclosure.Ceil(x, new(big.Int).Lsh(big.NewInt(1), maxDenominator))
}

// gate compares costs with a budget. Members of a cohort mostly stand the same, so it
// keeps the last that were admitted: each comparison takes milliseconds.
type gate struct {
	budget        Budget
	release, year *Cost
}

func (g *gate) admit(b Balance, c Charge) error {
	if c.Disclosure == Exact {
		return nil
	}
	one, all := Cost{c.Rho, c.Delta}, Cost{b.Rho, b.Delta}
	if g.release == nil || !g.release.equal(one) {
		if err := g.budget.Release.Admit(one); err != nil {
			return fmt.Errorf("budget of one release: %w; add noise, or clip to less", err)
		}
		g.release = &one
	}
	if g.year == nil || !g.year.equal(all) {
		if err := g.budget.Year.Admit(all); err != nil {
			return fmt.Errorf("budget of %s with %d releases: %w; wait for the next year, or amend the charter", b.Account.Year, b.Releases, err)
		}
		g.year = &all
	}
	return nil
}

func (c Cost) equal(d Cost) bool { return c.Rho.Cmp(d.Rho) == 0 && c.Delta.Cmp(d.Delta) == 0 }

// Spent returns what an account has spent; nothing for one that was never charged.
func (l *Ledger) Spent(a Account) Balance {
	if b, ok := l.balances[a]; ok {
		return b
	}
	return Balance{Account: a}
}

// Left returns a ρ that the account can still spend this year; see Limit.Room.
func (l *Ledger) Left(a Account) (exact.Rat, error) {
	b := l.Spent(a)
	return l.rules.Budget.Year.Room(Cost{b.Rho, b.Delta})
}

// Balances returns all accounts that were charged, by party, schema, unit and year.
func (l *Ledger) Balances() []Balance {
	var all []Balance
	for _, a := range slices.SortedFunc(maps.Keys(l.balances), compareAccounts) {
		all = append(all, l.balances[a])
	}
	return all
}

func compareAccounts(a, b Account) int {
	return cmp.Or(cmp.Compare(a.Party, b.Party), slices.Compare(a.Schema[:], b.Schema[:]), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Year, b.Year))
}
