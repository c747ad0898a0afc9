// Package network finds the cheapest flow of a good through a network of nodes and arcs,
// with a proof that none is cheaper.
//
// Without losses the constraints are totally unimodular: whole supplies and capacities
// give whole flows (Hoffman and Kruskal, "Integral boundary points of convex polyhedra"
// (1956)).
package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/exact"
	"comity/quantity"
)

var (
	// ErrUnbalanced says that supply does not cover demand, or exceeds it though nothing
	// is lost on the way.
	ErrUnbalanced = errors.New("supply and demand differ")
	// ErrUnknownNode says that an arc starts or ends at a node that is not listed.
	ErrUnknownNode = errors.New("unknown node")
	// ErrDuplicate says that two nodes or two arcs have one id.
	ErrDuplicate = errors.New("id appears twice")
	// ErrRange says that a capacity or loss is outside its range.
	ErrRange = errors.New("number out of range")
	// ErrBlocked says that no flow within the capacities meets all demands.
	ErrBlocked = errors.New("no feasible flow")
	// ErrEndless says that costs below zero on a circle without capacity have no end.
	ErrEndless = errors.New("cheapest flow has no end")
)

// Node is a place where the good comes from, goes to, or passes through.
type Node struct {
	ID     string
	Supply quantity.Amount // Units that it gives; below zero, units that it needs.
}

// Arc carries the good one way.
type Arc struct {
	ID       string
	From, To string
	Capacity *quantity.Amount // Units that may enter it, not below zero; nil is no limit.
	Cost     exact.Rat        // Of each unit that enters it.
	Loss     exact.Rat        // Share of what enters that does not arrive, from 0 to below 1.
}

// Network is a problem. The order of nodes and arcs means nothing.
type Network struct {
	Name  string
	Nodes []Node
	Arcs  []Arc
}

// Flow is what enters one arc: a whole number where no arc has a loss.
type Flow struct {
	Arc   string
	Units exact.Rat
}

// Price is what the total cost rises by for each further unit that a node needs. Where
// that is not unique it is one of the prices that prove the result.
type Price struct {
	Node string
	Cost exact.Rat
}

// Result is the cheapest flow, by ascending ids, with its proof: linear.Check accepts the
// certificate for the network's Programme.
type Result struct {
	Flows       []Flow
	Prices      []Price
	Cost        exact.Rat
	Certificate linear.Certificate
}

// Programme returns the linear programme: a column for each arc and a row for each node,
// both by ascending id,
//
//	Σ leaving - Σ (1 - loss)·entering = supply
//
// where supply may be left over (<=) if any arc has a loss. Errors: ErrUnbalanced,
// ErrUnknownNode, ErrDuplicate, ErrRange, quantity.ErrOverflow.
func (n Network) Programme() (linear.Programme, error) {
	nodes, arcs, err := n.sorted()
	if err != nil {
		return linear.Programme{}, err
	}
	lossy := slices.ContainsFunc(arcs, func(a Arc) bool { return a.Loss.Sign() != 0 })
	if err := n.balanced(lossy); err != nil {
		return linear.Programme{}, err
	}
	p := linear.Programme{Name: n.Name, Columns: make([]linear.Column, len(arcs)), Rows: make([]linear.Row, len(nodes))}
	for i, from := range nodes {
		supply := exact.Int(int64(from.Supply))
		p.Rows[i] = linear.Row{Name: from.ID, Upper: &supply, Terms: []linear.Term{}}
		if !lossy || supply.Sign() <= 0 {
			p.Rows[i].Lower = &supply
		}
	}
	one := exact.Int(1)
	for j, a := range arcs {
		p.Columns[j] = linear.Column{Name: a.ID, Cost: a.Cost, Lower: new(exact.Rat)}
		if a.Capacity != nil {
			capacity := exact.Int(int64(*a.Capacity))
			p.Columns[j].Upper = &capacity
		}
		if a.From == a.To && a.Loss.Sign() == 0 {
			continue // What leaves also arrives.
		}
		from, _ := find(nodes, a.From)
		to, _ := find(nodes, a.To)
		if from == to {
			p.Rows[from].Terms = append(p.Rows[from].Terms, linear.Term{Column: j, Coeff: a.Loss})
			continue
		}
		p.Rows[from].Terms = append(p.Rows[from].Terms, linear.Term{Column: j, Coeff: one})
		p.Rows[to].Terms = append(p.Rows[to].Terms, linear.Term{Column: j, Coeff: a.Loss.Sub(one)})
	}
	return p, nil
}

// Cheapest returns the cheapest flow. The engine proposes and is not trusted. Errors:
// those of Programme, ErrBlocked, ErrEndless, and those of basis.Solve.
func (n Network) Cheapest(ctx context.Context, engine basis.Engine) (Result, error) {
	p, err := n.Programme()
	if err != nil {
		return Result{}, err
	}
	found, err := settle(ctx, p, engine)
	if err != nil {
		return Result{}, fmt.Errorf("network %.40q: %w", n.Name, err)
	}
	r := Result{Certificate: found, Flows: make([]Flow, len(p.Columns)), Prices: make([]Price, len(p.Rows))}
	r.Cost = exact.FromBig(found.Objective.Big())
	for j, c := range p.Columns {
		r.Flows[j] = Flow{c.Name, exact.FromBig(found.Point.At(j))}
	}
	for i, row := range p.Rows {
		// The bound is -U(y), and one more unit needed lowers the row's bound by one.
		r.Prices[i] = Price{row.Name, exact.FromBig(found.Prices.At(i))}
	}
	return r, nil
}

func settle(ctx context.Context, p linear.Programme, engine basis.Engine) (linear.Certificate, error) {
	if len(p.Columns) == 0 { // Nothing flows: supplies are all zero, or nothing can help.
		return nothing(p)
	}
	found, err := basis.Solve(ctx, p, engine)
	switch {
	case err != nil:
		return linear.Certificate{}, err
	case found.Status == linear.Infeasible:
		return linear.Certificate{}, fmt.Errorf("%w: capacities do not let supplies meet %s; raise one on the way", ErrBlocked, priced(p, found))
	case found.Status == linear.Unbounded:
		return linear.Certificate{}, fmt.Errorf("%w: give arcs with a cost below zero a capacity", ErrEndless)
	}
	return found, nil
}

// nothing settles a network without arcs.
func nothing(p linear.Programme) (linear.Certificate, error) {
	none := linear.NewVector([]*big.Int{}, big.NewInt(1))
	zero := make([]*big.Int, len(p.Rows))
	for i, r := range p.Rows {
		if zero[i] = new(big.Int); r.Upper.Sign() < 0 || r.Lower != nil && r.Lower.Sign() > 0 {
			return linear.Certificate{}, fmt.Errorf("%w: node %s has supply %s and no arc", ErrBlocked, r.Name, r.Upper)
		}
	}
	return linear.StateOptimal(p, none, linear.NewVector(zero, big.NewInt(1)))
}

// priced names the nodes that a proof of infeasibility needs, the first few of many.
func priced(p linear.Programme, found linear.Certificate) string {
	const most = 5
	names, all := "", 0
	for i, y := range found.Prices.Numerators {
		if y.Big().Sign() == 0 || p.Rows[i].Upper.Sign() >= 0 {
			continue
		}
		if all++; all > most {
			continue
		}
		if names != "" {
			names += ", "
		}
		names += p.Rows[i].Name
	}
	if all > most {
		names += fmt.Sprintf(" and %d others", all-most)
	}
	return "the needs of " + names
}

// sorted checks ids and ranges and returns nodes and arcs by ascending id.
func (n Network) sorted() ([]Node, []Arc, error) {
	nodes, arcs := slices.Clone(n.Nodes), slices.Clone(n.Arcs)
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(arcs, func(a, b Arc) int { return cmp.Compare(a.ID, b.ID) })
	for k := range len(nodes) - 1 {
		if nodes[k].ID == nodes[k+1].ID {
			return nil, nil, fmt.Errorf("%w: node %.40q; name each node once", ErrDuplicate, nodes[k].ID)
		}
	}
	for k, a := range arcs {
		if k > 0 && arcs[k-1].ID == a.ID {
			return nil, nil, fmt.Errorf("%w: arc %.40q; name each arc once", ErrDuplicate, a.ID)
		}
		for _, end := range []string{a.From, a.To} {
			if _, found := find(nodes, end); !found {
				return nil, nil, fmt.Errorf("%w: arc %.40q touches %.40q; list the node or correct the arc", ErrUnknownNode, a.ID, end)
			}
		}
		if a.Capacity != nil && *a.Capacity < 0 {
			return nil, nil, fmt.Errorf("%w: arc %.40q has capacity %s; 0 and more are allowed", ErrRange, a.ID, a.Capacity)
		}
		if a.Loss.Sign() < 0 || a.Loss.Cmp(exact.Int(1)) >= 0 {
			return nil, nil, fmt.Errorf("%w: arc %.40q loses %s; 0 to below 1 is allowed", ErrRange, a.ID, a.Loss)
		}
	}
	return nodes, arcs, nil
}

// balanced compares the totals: a surplus is only for losses.
func (n Network) balanced(lossy bool) error {
	supplies := make([]quantity.Amount, len(n.Nodes))
	for k, node := range n.Nodes {
		supplies[k] = node.Supply
	}
	surplus, err := quantity.Sum(supplies)
	if err != nil {
		return fmt.Errorf("supplies: %w", err)
	}
	if surplus < 0 || surplus > 0 && !lossy {
		return fmt.Errorf("%w: supplies less needs are %s units and must be 0, or above where arcs have losses; add a node that takes or gives the difference", ErrUnbalanced, surplus)
	}
	return nil
}

func find(nodes []Node, id string) (int, bool) {
	return slices.BinarySearchFunc(nodes, id, func(n Node, id string) int { return cmp.Compare(n.ID, id) })
}
