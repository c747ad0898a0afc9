package solve

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"comity"
	"comity/canon"
	"comity/quantity"
)

// graph is a problem without names: columns, rows and parties are nodes, coefficients
// and membership are edges. Two nodes that no number tells apart look the same.
type graph struct {
	edges  [][]edge
	colour []int // By node: nodes of one colour form one cell, numbered by its first place.
	cell   [][]int
	place  []int // By node: its place among those that are compared.
}

type edge struct {
	to    int
	label int // Rank of the coefficient among all, from 1; 0 for membership of a party.
}

// order is a way to list columns, rows and parties that depends on the numbers of the
// problem and, among nodes that these do not tell apart, on the lot. It does not
// depend on names or on the order of the input.
type order struct {
	columns, rows, parties []int // Places in the problem.
	limits                 []int
}

// limitOrder lists limits by kind, bound and the numbers in them, whosever these are.
// Those that differ by less stay in the order of names.
func limitOrder(limits []comity.Limit) []int {
	order, sizes := make([]int, len(limits)), make([][]quantity.Amount, len(limits))
	for l := range order {
		order[l], sizes[l] = l, slices.Sorted(slices.Values(limits[l].Per))
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(limits[a].Kind, limits[b].Kind), limits[a].Bound.Cmp(limits[b].Bound), slices.Compare(sizes[a], sizes[b]))
	})
	return order
}

// canonicalOrder refines colours until every node has the same number of neighbours
// of each colour as the others of its own (colour refinement; Berkholz, Bonsma and
// Grohe, "Tight lower and upper bounds for the complexity of canonical colour
// refinement", 2017). While parties share a colour, the lot singles one of them out
// and refinement goes on; then columns, then rows.
func canonicalOrder(p comity.Problem, lot canon.Digest) order {
	columns, rows, parties := len(p.Columns), len(p.Rows), len(p.Needs)
	g := newGraph(p)
	ticket := func(node int) [sha256.Size]byte {
		var name string
		switch {
		case node < columns:
			name = "column/" + p.Columns[node].ID
		case node < columns+rows:
			name = "row/" + p.Rows[node-columns].ID
		default:
			name = "party/" + string(p.Needs[node-columns-rows].Party)
		}
		return sha256.Sum256(append(lot[:], name...))
	}
	// Colours of columns come first, then those of rows, then those of parties.
	for _, kind := range [][2]int{{columns + rows, columns + rows + parties}, {0, columns}, {columns, columns + rows}} {
		for c := kind[0]; c < kind[1]; c++ {
			for len(g.cell[c]) > 1 {
				g.draw(c, ticket)
			}
		}
	}
	places := make([]int, len(g.edges))
	for node, c := range g.colour {
		places[c] = node
	}
	o := order{limits: limitOrder(p.Limits)}
	for _, node := range places {
		switch {
		case node < columns:
			o.columns = append(o.columns, node)
		case node < columns+rows:
			o.rows = append(o.rows, node-columns)
		default:
			o.parties = append(o.parties, node-columns-rows)
		}
	}
	return o
}

func newGraph(p comity.Problem) *graph {
	g := &graph{edges: edgesOf(p)}
	content := contentOf(p)
	all := make([]int, len(g.edges))
	for node := range all {
		all[node] = node
	}
	g.colour = make([]int, len(all))
	g.cell = make([][]int, len(all))
	g.place = make([]int, len(all))
	g.split(all, func(a, b int) int { return slices.Compare(content[a], content[b]) })
	g.refine(all)
	return g
}

// edgesOf lists the edges of each node. They lie one after the other in one array, because
// a large problem has a million of them.
func edgesOf(p comity.Problem) [][]edge {
	columns, rows := len(p.Columns), len(p.Rows)
	degrees, owners := make([]int, columns+rows+len(p.Needs)), make([]int, columns)
	var coefficients []canon.Int
	for i, r := range p.Rows {
		degrees[columns+i] = len(r.Terms)
		for _, t := range r.Terms {
			degrees[t.Column]++
			coefficients = append(coefficients, t.Coeff)
		}
	}
	slices.Sort(coefficients)
	coefficients = slices.Compact(coefficients)
	for j, c := range p.Columns {
		owners[j] = -1
		if k, ok := findNeed(p.Needs, c.Party); ok {
			owners[j] = columns + rows + k
			degrees[j]++
			degrees[owners[j]]++
		}
	}
	edges := carved[edge](degrees)
	join := func(a, b, label int) {
		edges[a] = append(edges[a], edge{b, label})
		edges[b] = append(edges[b], edge{a, label})
	}
	for i, r := range p.Rows {
		for _, t := range r.Terms {
			rank, _ := slices.BinarySearch(coefficients, t.Coeff)
			join(columns+i, t.Column, rank+1)
		}
	}
	for j, owner := range owners {
		if owner >= 0 {
			join(j, owner, 0)
		}
	}
	return edges
}

// carved returns empty lists with room for so many each, out of one array.
func carved[T any](sizes []int) [][]T {
	all := 0
	for _, n := range sizes {
		all += n
	}
	room, lists := make([]T, all), make([][]T, len(sizes))
	for k, n := range sizes {
		lists[k], room = room[:0:n], room[n:]
	}
	return lists
}

// contentOf lists the numbers of each node itself, kinds first.
func contentOf(p comity.Problem) [][]int64 {
	columns, rows := len(p.Columns), len(p.Rows)
	content := make([][]int64, columns+rows+len(p.Needs))
	for i, r := range p.Rows {
		content[columns+i] = rowContent(r)
	}
	limits := limitOrder(p.Limits)
	for k := range p.Needs {
		content[columns+rows+k] = needContent(p, limits, k)
	}
	numbers := carved[int64](slices.Repeat([]int{3 + len(p.Stages)}, columns))
	for j, c := range p.Columns {
		content[j] = numbers[j]
		content[j] = append(content[j], 0, int64(c.Lower), int64(c.Upper))
		for _, s := range p.Stages {
			content[j] = append(content[j], int64(s.Costs[j]))
		}
	}
	return content
}

func rowContent(r comity.Row) []int64 {
	content := []int64{1, 0, 0, 0, 0}
	if r.Lower != nil {
		content[1], content[2] = 1, int64(*r.Lower)
	}
	if r.Upper != nil {
		content[3], content[4] = 1, int64(*r.Upper)
	}
	return content
}

// needContent lists every number that stages and limits have for one party.
func needContent(p comity.Problem, limits []int, k int) []int64 {
	content := []int64{2, int64(p.Needs[k].Amount)}
	for _, s := range p.Stages {
		if len(s.Per) > k {
			content = append(content, int64(s.Per[k]))
		}
		if len(s.Outside) > k {
			content = append(content, int64(s.Outside[k]), int64(s.Power[k]))
		}
	}
	for _, l := range limits {
		content = append(content, int64(p.Limits[l].Per[k]))
	}
	return content
}

// draw puts the member of a cell with the lowest ticket before the others and refines.
// Members with the very same neighbours are put in the order of their tickets at once:
// singling one of them out tells nothing about anybody else. So a million copies of a row
// take no longer to list than a million rows.
func (g *graph) draw(colour int, ticket func(int) [sha256.Size]byte) {
	members := g.cell[colour]
	tickets := make(map[int][sha256.Size]byte, len(members))
	for _, node := range members {
		tickets[node] = ticket(node)
	}
	byTicket := func(a, b int) int {
		x, y := tickets[a], tickets[b]
		return bytes.Compare(x[:], y[:])
	}
	if g.copies(members) {
		g.split(members, byTicket)
		return
	}
	first := slices.MinFunc(members, byTicket)
	g.refine(g.split(members, func(a, b int) int {
		switch first {
		case a:
			return -1
		case b:
			return 1
		default:
			return 0
		}
	}))
}

// copies tells whether nodes have the same neighbours, with the same labels.
func (g *graph) copies(members []int) bool {
	sorted := func(node int) []edge {
		return slices.SortedFunc(slices.Values(g.edges[node]), func(a, b edge) int {
			return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.label, b.label))
		})
	}
	want := sorted(members[0])
	return !slices.ContainsFunc(members[1:], func(node int) bool { return !slices.Equal(sorted(node), want) })
}

// refine splits cells until neighbours cannot tell their members apart. All cells
// next to a change are split by the colours of one and the same moment, so that the
// outcome does not depend on the order in which cells are visited.
func (g *graph) refine(changed []int) {
	for len(changed) > 0 {
		var near []int
		for _, node := range changed {
			for _, e := range g.edges[node] {
				if c := g.colour[e.to]; len(g.cell[c]) > 1 {
					near = append(near, c)
				}
			}
		}
		slices.Sort(near)
		near = slices.Compact(near)
		views := g.views(near)
		changed = nil
		for _, c := range near {
			changed = append(changed, g.split(g.cell[c], func(a, b int) int {
				return slices.CompareFunc(views[g.place[a]], views[g.place[b]], compareSeen)
			})...)
		}
	}
}

// views lists what each node of some cells sees: labels and colours, ascending. It notes
// the place of each node in the list.
func (g *graph) views(cells []int) [][][2]int {
	var nodes, degrees []int
	for _, c := range cells {
		for _, node := range g.cell[c] {
			g.place[node] = len(nodes)
			nodes, degrees = append(nodes, node), append(degrees, len(g.edges[node]))
		}
	}
	seen := carved[[2]int](degrees)
	for k, node := range nodes {
		for _, e := range g.edges[node] {
			seen[k] = append(seen[k], [2]int{e.label, g.colour[e.to]})
		}
		slices.SortFunc(seen[k], compareSeen)
	}
	return seen
}

func compareSeen(a, b [2]int) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
}

// split sorts the members of one cell and gives each class of equals its own colour,
// starting at the cell's. It returns the members whose colour changed, and one class
// that kept its colour although others left it counts as unchanged.
func (g *graph) split(members []int, compare func(a, b int) int) []int {
	if len(members) == 0 {
		return nil
	}
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, compare)
	start := g.colour[sorted[0]]
	var changed []int
	for from := 0; from < len(sorted); {
		end := from + 1
		for end < len(sorted) && compare(sorted[from], sorted[end]) == 0 {
			end++
		}
		class := sorted[from:end:end]
		for _, node := range class {
			if g.colour[node] != start+from {
				changed = append(changed, node)
			}
			g.colour[node] = start + from
		}
		g.cell[start+from] = class
		from = end
	}
	return changed
}
