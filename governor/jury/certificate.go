package jury

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/exact"
)

// ErrCertificate says that a certificate does not prove what it claims.
var ErrCertificate = errors.New("certificate of a lottery is not valid")

// Bounds of a certificate. With them every sum below stays under 2^63: at most 10^5
// people, each counted by at most 1,000 quotas and 1,000 cuts.
const (
	MaxPrice  = 1 << 26
	MaxWeight = 1 << 9 // Of a group in a cut.
	maxCuts   = 1_000
)

// Price is a whole multiplier of one row or group.
type Price struct {
	At    int   `json:"at"` // Index of the row or group; rows after those of the form are cuts.
	Value int64 `json:"value"`
}

// Level is one step of leximin: the chances of the groups of earlier levels being what
// they are, no lottery gives every other group a chance above Bound.
//
// Proof: multiply row r by its price y_r, the upper bound of the row for y_r > 0 and the
// lower for y_r < 0, and add; add for every group the cap u_g >= 0 times "at most all
// members are drawn". With n_g members of group g, D_g = sum of y_r over its rows and
// x_g its expected number on the panel, this is
//
//	sum_g (D_g + u_g) x_g <= sum_r y_r b_r + sum_g u_g n_g
//
// where D_g + u_g >= 0 for the groups that are left. If each of those has x_g >= n_g z,
//
//	z <= (sum_r y_r b_r + sum_g u_g n_g - sum_settled (D_g + u_g) x_g) / sum_left (D_g + u_g) n_g.
//
// Groups with D_g + u_g > 0 cannot have more than z when z meets its bound: they are
// settled at this level.
type Level struct {
	Chance exact.Rat `json:"chance"` // The least of the groups that were left.
	Bound  exact.Rat `json:"bound"`
	Groups []int     `json:"groups"` // Settled here, ascending.
	Prices []Price   `json:"prices"` // Of rows, ascending.
	Caps   []Price   `json:"caps,omitempty"`
}

// Mean bounds the geometric mean of the chances: no lottery has one above Ratio times
// that of this lottery.
//
// Proof: with p_i the chances here and q_i those of any lottery, prices y_r / Scale and
// D_g as for Level, and caps u_g = max(0, 1/p_g - D_g),
//
//	sum_i q_i/p_i <= sum_r y_r b_r + sum_g u_g n_g = n Ratio
//
// and the geometric mean of q_i/p_i is at most their mean over the n people.
type Mean struct {
	Ratio  exact.Rat `json:"ratio"`
	Scale  int64     `json:"scale"`
	Prices []Price   `json:"prices"`
}

// Certificate says how good a lottery is, and why.
type Certificate struct {
	Levels []Level   `json:"levels"`
	Mean   *Mean     `json:"mean,omitempty"` // For nash.
	Cuts   []Cut     `json:"cuts,omitempty"`
	Gap    exact.Rat `json:"gap"` // The largest of Bound - Chance and of Ratio - 1; 0 is a full proof.
}

// Algorithm says what a lottery is to be best at.
type Algorithm string

// The algorithms. Groups that no panel can hold have chance 0 in each; the others
// follow.
const (
	Leximin Algorithm = "leximin" // Greatest least chance, then the next, and so on.
	Maximin Algorithm = "maximin" // Greatest least chance.
	Nash    Algorithm = "nash"    // Greatest product of the chances.
)

// Result is a lottery with its proof.
type Result struct {
	Algorithm   Algorithm
	Lottery     Lottery
	Chances     []exact.Rat // Of each person.
	Certificate Certificate
}

// Check recomputes everything that a result claims, in exact numbers: the panels, the
// weights, the chances, equal chances within groups, and every bound. It fails with
// ErrCertificate at the first claim that does not hold.
func Check(p Pool, r Result) error {
	if err := p.Check(); err != nil {
		return err
	}
	chances, err := p.Chances(r.Lottery)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(chances, r.Chances, func(a, b exact.Rat) bool { return a.Cmp(b) == 0 }) {
		return fmt.Errorf("%w: the chances are not those of the lottery", ErrCertificate)
	}
	form := p.Form()
	if len(r.Certificate.Cuts) > maxCuts {
		return fmt.Errorf("%w: %d cuts, at most %d are checked", ErrCertificate, len(r.Certificate.Cuts), maxCuts)
	}
	for k, cut := range r.Certificate.Cuts {
		if err := form.CheckCut(cut); err != nil {
			return fmt.Errorf("cut %d: %w", k, err)
		}
	}
	c, err := newChecker(form, chances, r.Certificate.Cuts)
	if err != nil {
		return err
	}
	gap, err := c.all(r.Algorithm, r.Certificate)
	if err != nil {
		return err
	}
	if gap.Cmp(r.Certificate.Gap) != 0 {
		return fmt.Errorf("%w: the gap is %s, stated is %s", ErrCertificate, gap, r.Certificate.Gap)
	}
	return nil
}

// Certify fills in what the prices of a certificate prove about chances: Chance and
// Bound of each level, Ratio, Gap. It fails with ErrCertificate if they prove nothing,
// and leaves the proof of the cuts to Check.
func Certify(p Pool, chances []exact.Rat, a Algorithm, cert *Certificate) error {
	if err := p.Check(); err != nil {
		return err
	}
	c, err := newChecker(p.Form(), chances, cert.Cuts)
	if err != nil {
		return err
	}
	for k := range cert.Levels {
		l := &cert.Levels[k]
		if l.Chance, err = c.least(); err != nil {
			return err
		}
		if l.Bound, _, err = c.bound(*l); err != nil {
			return err
		}
		for _, g := range l.Groups {
			c.settled[g] = true
		}
	}
	if cert.Mean != nil && slices.Contains(c.settled, false) {
		if cert.Mean.Ratio, err = c.ratio(*cert.Mean); err != nil {
			return err
		}
	}
	clear(c.settled)
	cert.Gap, err = c.all(a, *cert)
	return err
}

// checker holds what all bounds of one result share.
type checker struct {
	form    Form
	cuts    []Cut
	chance  []exact.Rat // Of each group.
	settled []bool
	chances []exact.Rat // The different ones: sums over groups take whole numbers first.
	at      []int       // Of each group among them.
}

func newChecker(f Form, chances []exact.Rat, cuts []Cut) (*checker, error) {
	c := &checker{form: f, cuts: cuts, settled: make([]bool, len(f.Groups))}
	for g, group := range f.Groups {
		for _, i := range group.People {
			if chances[i].Cmp(chances[group.People[0]]) != 0 {
				return nil, fmt.Errorf("%w: persons %d and %d have the same features and chances %s and %s",
					ErrCertificate, group.People[0], i, chances[group.People[0]], chances[i])
			}
		}
		c.chance = append(c.chance, chances[f.Groups[g].People[0]])
	}
	different := map[string]int{}
	for _, chance := range c.chance {
		text := chance.String()
		if _, ok := different[text]; !ok {
			different[text] = len(c.chances)
			c.chances = append(c.chances, chance)
		}
		c.at = append(c.at, different[text])
	}
	return c, nil
}

// all checks every bound and returns the largest gap.
func (c *checker) all(a Algorithm, cert Certificate) (gap exact.Rat, err error) {
	for k, level := range cert.Levels {
		if err := c.level(level); err != nil {
			return gap, fmt.Errorf("level %d: %w", k, err)
		}
		gap = greater(gap, level.Bound.Sub(level.Chance))
	}
	open := slices.Index(c.settled, false)
	positive := func(l Level) bool { return l.Chance.Sign() > 0 }
	switch {
	case a == Leximin && open >= 0:
		return gap, fmt.Errorf("%w: no level settles group %d", ErrCertificate, open)
	case a == Maximin && open >= 0 && !slices.ContainsFunc(cert.Levels, positive):
		return gap, fmt.Errorf("%w: no level bounds the least chance", ErrCertificate)
	case a == Nash && open >= 0:
		if slices.ContainsFunc(cert.Levels, positive) || cert.Mean == nil {
			return gap, fmt.Errorf("%w: nash wants the bound of the mean, and levels for chances of 0 only", ErrCertificate)
		}
		ratio, err := c.mean(*cert.Mean)
		if err != nil {
			return gap, err
		}
		gap = greater(gap, ratio.Sub(exact.Int(1)))
	case a != Leximin && a != Maximin && a != Nash:
		return gap, fmt.Errorf("%w: algorithm %q", ErrCertificate, a)
	}
	return gap, nil
}

func greater(a, b exact.Rat) exact.Rat {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

// level checks one level and settles its groups.
func (c *checker) level(l Level) error {
	least, err := c.least()
	if err != nil {
		return err
	}
	if least.Cmp(l.Chance) != 0 {
		return fmt.Errorf("%w: the least chance left is %s, stated is %s", ErrCertificate, least, l.Chance)
	}
	bound, price, err := c.bound(l)
	if err != nil {
		return err
	}
	if bound.Cmp(l.Bound) != 0 || bound.Cmp(l.Chance) < 0 {
		return fmt.Errorf("%w: the prices prove %s, stated are bound %s and chance %s", ErrCertificate, bound, l.Bound, l.Chance)
	}
	return c.settle(l, price)
}

// least returns the least chance of the groups that are left.
func (c *checker) least() (exact.Rat, error) {
	at := -1
	for g, chance := range c.chance {
		if !c.settled[g] && (at < 0 || chance.Cmp(c.chance[at]) < 0) {
			at = g
		}
	}
	if at < 0 {
		return exact.Rat{}, fmt.Errorf("%w: a level after all groups are settled", ErrCertificate)
	}
	return c.chance[at], nil
}

// bound returns the bound that the prices of a level prove, and the price of each group.
func (c *checker) bound(l Level) (bound exact.Rat, price []int64, err error) {
	price, rest, err := c.priced(l.Prices)
	if err != nil {
		return bound, nil, err
	}
	if err := ordered(l.Caps, len(price), 0, MaxPrice); err != nil {
		return bound, nil, fmt.Errorf("caps: %w", err)
	}
	for _, u := range l.Caps {
		price[u.At] += u.Value
		rest += u.Value * int64(len(c.form.Groups[u.At].People))
	}
	var weight int64
	settled := make([]int64, len(c.chances))
	for g, d := range price {
		heads := int64(len(c.form.Groups[g].People))
		switch {
		case c.settled[g]:
			settled[c.at[g]] += d * heads
		case d < 0:
			return bound, nil, fmt.Errorf("%w: group %d has price %d, want 0 or more", ErrCertificate, g, d)
		default:
			weight += d * heads
		}
	}
	bound = exact.Int(rest)
	for k, d := range settled {
		if d != 0 {
			bound = bound.Sub(exact.Int(d).Mul(c.chances[k]))
		}
	}
	if bound, err = bound.Quo(exact.Int(weight)); err != nil {
		return bound, nil, fmt.Errorf("%w: no group that is left has a price: %w", ErrCertificate, err)
	}
	return bound, price, nil
}

// settle takes the groups of a level out of the later ones.
func (c *checker) settle(l Level, price []int64) error {
	if len(l.Groups) == 0 {
		return fmt.Errorf("%w: no group is settled", ErrCertificate)
	}
	for k, g := range l.Groups {
		if g < 0 || g >= len(c.settled) || c.settled[g] || k > 0 && l.Groups[k-1] >= g {
			return fmt.Errorf("%w: group %d is settled already, unknown or out of order", ErrCertificate, g)
		}
		if price[g] == 0 || l.Bound.Cmp(l.Chance) == 0 && c.chance[g].Cmp(l.Chance) != 0 {
			return fmt.Errorf("%w: group %d of price %d and chance %s is settled at %s", ErrCertificate, g, price[g], c.chance[g], l.Chance)
		}
		c.settled[g] = true
	}
	return nil
}

// priced returns the price of each group, sum of the prices of its rows, and what the
// prices make of the bounds of the rows.
func (c *checker) priced(prices []Price) (price []int64, rest int64, err error) {
	if err := ordered(prices, len(c.form.Rows)+len(c.cuts), -MaxPrice, MaxPrice); err != nil {
		return nil, 0, fmt.Errorf("prices: %w", err)
	}
	row := make([]int64, len(c.form.Rows))
	price = make([]int64, len(c.form.Groups))
	for _, y := range prices {
		if y.At < len(row) {
			row[y.At] = y.Value
			if y.Value > 0 {
				rest += y.Value * int64(c.form.Rows[y.At].Max)
			} else {
				rest += y.Value * int64(c.form.Rows[y.At].Min)
			}
			continue
		}
		cut := c.cuts[y.At-len(row)]
		if y.Value < 0 {
			return nil, 0, fmt.Errorf("%w: cut with price %d, want 0 or more", ErrCertificate, y.Value)
		}
		rest += y.Value * cut.Bound
		for _, w := range cut.Weights {
			price[w.At] += y.Value * w.Value
		}
	}
	for g, group := range c.form.Groups {
		for _, r := range group.Rows {
			price[g] += row[r]
		}
	}
	return price, rest, nil
}

// mean checks the bound of the geometric mean and returns its ratio.
func (c *checker) mean(m Mean) (exact.Rat, error) {
	ratio, err := c.ratio(m)
	if err == nil && ratio.Cmp(m.Ratio) != 0 {
		err = fmt.Errorf("%w: the prices prove a ratio of %s, stated is %s", ErrCertificate, ratio, m.Ratio)
	}
	return ratio, err
}

// ratio returns what the prices prove about the geometric mean. Groups that are settled,
// at 0, have no member in any lottery and do not count.
func (c *checker) ratio(m Mean) (ratio exact.Rat, err error) {
	price, rest, err := c.priced(m.Prices)
	if err != nil {
		return ratio, err
	}
	if m.Scale < 1 {
		return ratio, fmt.Errorf("%w: prices of scale %d", ErrCertificate, m.Scale)
	}
	scale := exact.Int(m.Scale)
	short, people := exact.Rat{}, int64(0)
	wants := make([]exact.Rat, len(c.chances))
	for k, chance := range c.chances {
		if chance.Sign() > 0 {
			wants[k], _ = scale.Quo(chance) // Not 0.
		}
	}
	for g, group := range c.form.Groups {
		if c.settled[g] {
			continue
		}
		heads := int64(len(group.People))
		people += heads
		want := wants[c.at[g]]
		if want.Sign() == 0 {
			return ratio, fmt.Errorf("%w: group %d has chance 0, and no level says that it must", ErrCertificate, g)
		}
		if floor := want.Floor(); floor.Cmp(big.NewInt(price[g])) >= 0 {
			short = short.Add(want.Sub(exact.Int(price[g])).Mul(exact.Int(heads)))
		}
	}
	return short.Add(exact.Int(rest)).Quo(scale.Mul(exact.Int(people)))
}

// ordered refuses lists whose places are unknown or out of order, or whose values lie
// outside the bounds or are 0.
func ordered(list []Price, count int, low, high int64) error {
	for k, p := range list {
		if p.At < 0 || p.At >= count || k > 0 && list[k-1].At >= p.At || p.Value < low || p.Value > high || p.Value == 0 {
			return fmt.Errorf("%w: value %d at %d of %d, or out of order", ErrCertificate, p.Value, p.At, count)
		}
	}
	return nil
}
