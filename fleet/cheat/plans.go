package cheat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"comity"
	"comity/allocator/certificate"
	"comity/body"
	"comity/canon"
	"comity/node"
	"comity/party"
	"comity/quantity"
)

func solverLies() Cheat {
	return Cheat{
		Name: "solver-lies", Title: "The solver lies", Who: "hub",
		Tries: "The hub publishes a plan that is good for a friend, says that it is worth as much as the best one, and logs it against its own rules.",
		run: func(ctx context.Context, s *stage) error {
			p := &planner{stage: s, lie: worse}
			wanted := breaks(body.RuleCertificate)
			if err := p.play(ctx, wanted); err != nil {
				return err
			}
			s.out.Tried = fmt.Sprintf("The hub gave %s %s %s instead of %s, claimed the best plan's worth for it, and logged it.", p.friendName(), grouped(share(p.lied, p.friend)), s.rules.Scope.Resource, grouped(share(p.honest, p.friend)))
			return nil
		},
	}
}

func allocationFavoursFriend() Cheat {
	return Cheat{
		Name: "allocation-favours-friend", Title: "The allocation favours a friend", Who: "hub",
		Tries: "Of the plans that the certificate lets pass, the hub publishes the one that gives a friend most, not the one that the rules name.",
		run: func(ctx context.Context, s *stage) error {
			p := &planner{stage: s, lie: favour, admitted: true}
			if err := p.play(ctx, is(node.ErrDissent)); err != nil {
				return err
			}
			kind := "exactly as good as the best"
			if p.gap != "0" {
				kind = "within the gap that the charter allows, " + s.rules.Decisions.MaxGap.String() + " of the best,"
			}
			s.out.Tried = fmt.Sprintf("The hub published a plan %s that gives %s %s %s instead of %s. Its certificate is valid: the log took it.",
				kind, p.friendName(), grouped(share(p.lied, p.friend)), s.rules.Scope.Resource, grouped(share(p.honest, p.friend)))
			return nil
		},
	}
}

// planner publishes another plan than the one that was found.
type planner struct {
	stage    *stage
	lie      func(context.Context, *planner, comity.Problem, comity.Allocation) (comity.Allocation, error)
	admitted bool // The plan is admissible, so that nothing has to be forced.

	mu     sync.Mutex
	honest []comity.Share
	lied   []comity.Share
	friend party.ID
	gap    string
}

func (p *planner) friendName() string { return p.stage.name(p.friend) }

// play rehearses until every member refused the plan.
func (p *planner) play(ctx context.Context, wanted func(error) bool) error {
	s := p.stage
	s.cheat.Hub = &node.HubRehearsal{Say: func(st *comity.Statement) (bool, error) {
		if st.Kind != comity.KindAllocation {
			return false, nil
		}
		return !p.admitted, p.replace(ctx, st)
	}}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.until(ctx, s.decide, wanted, s.everybody()); err != nil {
		return err
	}
	s.caught(wanted)
	s.out.WouldHave = upper(s.moved(p.honest, p.lied)) + "."
	return nil
}

// replace puts the lie in the place of the honest allocation.
func (p *planner) replace(ctx context.Context, st *comity.Statement) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var a comity.Allocation
	if err := canon.Unmarshal(st.Record, &a); err != nil {
		return err
	}
	var problem comity.Problem
	var err error
	p.stage.view(func(s *body.State) { problem, err = s.Problem(a.Period) })
	if err != nil {
		return err
	}
	p.honest = a.Parties
	if a, err = p.lie(ctx, p, problem, a); err != nil {
		return err
	}
	p.lied = a.Parties
	st.Record, err = canon.Marshal(a)
	return err
}

// worse is a permitted plan in which the friend comes first, with the certificate of the
// best one.
func worse(ctx context.Context, p *planner, problem comity.Problem, a comity.Allocation) (comity.Allocation, error) {
	best := quantity.Amount(-1)
	out := a
	for _, n := range problem.Needs {
		units, err := p.biased(ctx, problem, n.Party, 1, maxBias)
		if err != nil {
			return a, err
		}
		shares, err := certificate.Shares(problem, units)
		if err != nil {
			return a, err
		}
		if gain := share(shares, n.Party) - share(a.Parties, n.Party); gain > best {
			best, p.friend = gain, n.Party
			out.Units, out.Parties = units, shares
		}
	}
	if best <= 0 {
		return a, errors.New("nobody can get more than the best plan gives: there is nothing to lie about")
	}
	return out, nil
}

const (
	// maxBias outweighs every worth of a charter: the friend gets what bounds allow.
	maxBias = 1 << 20
	// fine divides worths so finely that a bias of one unit only decides between equals.
	fine = 1 << 12
)

// favour is the plan that gives some friend most among those whose certificate is valid
// under the charter: first among the equally good, then among those within its gap.
func favour(ctx context.Context, p *planner, problem comity.Problem, a comity.Allocation) (comity.Allocation, error) {
	for _, try := range [][2]canon.Int{{fine, 1}, {64, 1}, {16, 1}, {8, 1}, {4, 1}, {2, 1}, {1, 1}} {
		best := quantity.Amount(0)
		out := a
		for _, n := range problem.Needs {
			units, err := p.biased(ctx, problem, n.Party, try[0], try[1])
			if err != nil {
				return a, err
			}
			cert, err := certificate.State(problem, units, a.Certificate.Duals)
			if err != nil {
				return a, err
			}
			shares, err := certificate.Shares(problem, units)
			if err != nil {
				return a, err
			}
			gain := share(shares, n.Party) - share(a.Parties, n.Party)
			if gain > best && certificate.Check(problem, units, cert, p.stage.rules.Decisions.MaxGap) == nil {
				best, p.friend, p.gap = gain, n.Party, cert.Gap.String()
				out.Units, out.Parties, out.Certificate = units, shares, cert
			}
		}
		if best > 0 {
			return out, nil
		}
	}
	return a, fmt.Errorf("no other plan has a valid certificate under max_gap %s", p.stage.rules.Decisions.MaxGap)
}

// biased solves the problem as if all worths were multiplied and those of the friend a
// little higher then.
func (p *planner) biased(ctx context.Context, problem comity.Problem, friend party.ID, multiply, add canon.Int) ([]quantity.Amount, error) {
	problem.Columns = slices.Clone(problem.Columns)
	for i := range problem.Columns {
		c := &problem.Columns[i]
		c.Cost *= multiply
		if c.Party == friend {
			c.Cost += add
		}
	}
	result, err := p.stage.solve(ctx, problem)
	return result.Units, err
}

// upper makes the first letter a capital.
func upper(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return string(text[0]-'a'+'A') + text[1:]
}
