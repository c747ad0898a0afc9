package cheat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"comity"
	"comity/allocator/certificate"
	"comity/body"
	"comity/canon"
	"comity/exact"
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

// friends is how many parties are tried.
const friends = 4

// candidates lists the parties that have most to gain, those first whose bounds leave most room above their share.
func candidates(problem comity.Problem, a comity.Allocation) []party.ID {
	room := map[party.ID]quantity.Amount{}
	for j, c := range problem.Columns {
		room[c.Party] += c.Upper - a.Units[j]
	}
	ids := slices.SortedFunc(maps.Keys(room), func(x, y party.ID) int {
		return cmp.Or(cmp.Compare(room[y], room[x]), cmp.Compare(x, y))
	})
	return ids[:min(len(ids), friends)]
}

// worse is a permitted plan in which the friend comes first, with the certificate of the
// best one.
func worse(ctx context.Context, p *planner, problem comity.Problem, a comity.Allocation) (comity.Allocation, error) {
	return p.best(ctx, problem, a, nil)
}

// favour is the plan that gives some friend most among those whose certificate is valid
// under the charter: first among the equally good, then among those within its gap.
func favour(ctx context.Context, p *planner, problem comity.Problem, a comity.Allocation) (comity.Allocation, error) {
	first := a.Certificate.Stages[0]
	within := first.Bound.Sub(p.stage.rules.Decisions.MaxGap.Mul(first.Bound))
	for _, least := range []exact.Rat{first.Value, within} {
		worth, ok := rounded(least)
		if !ok {
			continue
		}
		out, err := p.best(ctx, problem, a, &worth)
		if errors.Is(err, errNoGain) {
			continue
		}
		if err != nil {
			return a, err
		}
		if out.Certificate, err = p.stage.certify(ctx, problem, out.Units); err != nil {
			return a, err
		}
		p.gap = out.Certificate.Stages[0].Gap.String()
		return out, errors.Join(err, certificate.Check(problem, out.Units, out.Certificate, p.stage.rules.Decisions.MaxGap))
	}
	return a, fmt.Errorf("%w under max_gap %s", errNoGain, p.stage.rules.Decisions.MaxGap)
}

// errNoGain says that a lie would change nothing.
var errNoGain = errors.New("nobody can get more than the best plan gives: there is nothing to lie about")

// rounded is the next whole number above.
func rounded(x exact.Rat) (quantity.Amount, bool) {
	up := x.Neg().Floor()
	return quantity.Amount(-up.Int64()), up.IsInt64()
}

// best is the plan that gives one of the candidates most, if wanted among those worth so
// much.
func (p *planner) best(ctx context.Context, problem comity.Problem, a comity.Allocation, least *quantity.Amount) (comity.Allocation, error) {
	gain := quantity.Amount(0)
	out := a
	for _, friend := range candidates(problem, a) {
		result, err := p.stage.solve(ctx, only(problem, friend, least))
		if err != nil {
			return a, err
		}
		shares, err := certificate.Shares(problem, result.Units)
		if err != nil {
			return a, err
		}
		if more := share(shares, friend) - share(a.Parties, friend); more > gain {
			gain, p.friend = more, friend
			out.Units, out.Parties = result.Units, shares
		}
	}
	if gain == 0 {
		return a, errNoGain
	}
	return out, nil
}

// weight is how much more a friend counts than all worths together when it comes first.
const weight = 1 << 20

// only is the problem in which a friend comes first and the true worth comes second, or
// must reach least.
func only(problem comity.Problem, friend party.ID, least *quantity.Amount) comity.Problem {
	worth := comity.Row{ID: "~worth", Clause: "worth", Lower: least} // The last in order.
	stage := problem.Stages[0]
	stage.Costs = slices.Clone(stage.Costs)
	problem.Stages = []comity.Stage{stage}
	for j, c := range problem.Columns {
		cost := &stage.Costs[j]
		if *cost != 0 {
			worth.Terms = append(worth.Terms, comity.Term{Column: j, Coeff: *cost})
		}
		switch {
		case c.Party == friend && least != nil:
			*cost = 1
		case c.Party == friend:
			*cost += weight
		case least != nil:
			*cost = 0
		}
	}
	if least != nil {
		problem.Rows = append(slices.Clone(problem.Rows), worth)
	}
	return problem
}

// upper makes the first letter a capital.
func upper(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return string(text[0]-'a'+'A') + text[1:]
}
