package console

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"comity/allocator/explore"
	"comity/allocator/solve"
	"comity/console/account"
	"comity/exact"
	"comity/party"
)

const (
	// lessSupply and mostSupply bound the slider, in per cent: from a tenth of what was
	// declared to three times as much. stepSupply is what its buttons change.
	lessSupply, mostSupply, stepSupply = 10, 300, 5
	// whatifTime bounds one answer: ten times what 50 parties take.
	whatifTime = 10 * time.Second
	// maxAnswers bounds what one engine remembers before it is replaced: every position
	// of the slider.
	maxAnswers = mostSupply - lessSupply + 2
)

// whatIf divides again for whoever moves the slider, one at a time: anybody on the
// machine may open the page, and a solve takes a processor.
type whatIf struct {
	solver solve.Solver
	turn   chan struct{} // Holds one token while nobody divides; who has it may use the rest.
	period string
	engine *explore.Engine
}

func newWhatIf(s solve.Solver) *whatIf {
	w := &whatIf{solver: s, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// supply returns the decision, the division with so many per cent of all that was declared
// for all, and one against the other.
func (w *whatIf) supply(ctx context.Context, c explore.Case, percent int) (now, then explore.Answer, d explore.Comparison, err error) {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	case <-ctx.Done():
		return now, then, d, ctx.Err()
	}
	var changes []explore.Change
	for _, name := range explore.SupplyNames(c.Inputs) {
		changes = append(changes, explore.Percent(name, int64(percent-100)))
	}
	if period := c.Inputs.Picture.Period; w.engine == nil || w.period != period || w.engine.Solves() >= maxAnswers {
		w.period, w.engine = period, explore.New(w.solver, 2*maxAnswers)
	}
	if now, err = w.engine.Solve(ctx, c); err != nil {
		return now, then, d, err
	}
	if then, err = w.engine.WhatIf(ctx, c, changes); err != nil {
		return now, then, d, err
	}
	d, err = explore.Compare(now, then)
	return now, then, d, err
}

// whatIfPanel is the slider and, once it was moved, its answer.
type whatIfPanel struct {
	Percent    int
	Least      int
	Most       int
	Step       int
	Less, More string // Links for who cannot drag.
	Fields     []field
	Command    string // For an earlier week, instead of the slider.
	Supply     []string
	Says       []string
	Trouble    string
	Rows       []whatIfRow
}

// field is a parameter that the form keeps.
type field struct{ Name, Value string }

// whatIfRow is one party before and after.
type whatIfRow struct {
	Name, Before, After, Change string
	Current                     bool
}

// whatIfPanel answers the slider; nil without a solver.
func (q *request) whatIfPanel(ctx context.Context, a account.Allocation) *whatIfPanel {
	if q.whatIf == nil {
		return nil
	}
	p := &whatIfPanel{Percent: q.supply(), Least: lessSupply, Most: mostSupply, Step: stepSupply}
	c, err := account.Case(q.cfg.Look, a.Period)
	if err != nil {
		p.Command = "comity allocate what-if --week " + a.Period + " --set supply." + q.supplied() + "=+10% --home HOME"
		return p
	}
	p.Less = q.link("supply", strconv.Itoa(max(lessSupply, p.Percent-stepSupply))) + "#whatif"
	p.More = q.link("supply", strconv.Itoa(min(mostSupply, p.Percent+stepSupply))) + "#whatif"
	for _, name := range []string{"lang", "week", "party", "sort"} {
		if v := q.query.Get(name); v != "" {
			p.Fields = append(p.Fields, field{name, v})
		}
	}
	if q.query.Has("supply") {
		q.answer(ctx, p, c)
	}
	return p
}

// supply reads the slider; what is not on it stands at 100.
func (q *request) supply() int {
	n, err := strconv.Atoi(q.query.Get("supply"))
	if err != nil {
		return 100
	}
	return min(max(n, lessSupply), mostSupply)
}

// supplied names the first value that is declared for all.
func (q *request) supplied() string {
	for _, d := range q.book.Charter.Data {
		if d.As == "supply" && len(d.Values) > 0 {
			return d.Values[0]
		}
	}
	return "NAME"
}

// answer divides again with the slider's share of all that was declared for all.
func (q *request) answer(ctx context.Context, p *whatIfPanel, c explore.Case) {
	ctx, cancel := context.WithTimeout(ctx, whatifTime)
	defer cancel()
	now, then, comparison, err := q.whatIf.supply(ctx, c, p.Percent)
	conflict, conflicts := errors.AsType[*solve.ConflictError](err)
	switch {
	case conflicts:
		p.Trouble = q.words.say("whatif.conflict", q.words.list(conflict.Clauses))
		return
	case ctx.Err() != nil:
		p.Trouble = q.words.say("whatif.slow", int(whatifTime/time.Second))
		return
	case err != nil:
		p.Trouble = q.words.say("whatif.refused", err)
		return
	}
	t := q.teller()
	by := explore.Percent("", int64(p.Percent-100))
	for _, name := range explore.SupplyNames(c.Inputs) {
		from, to := explore.NumberOf(now, name), explore.NumberOf(then, name)
		if from != nil && to != nil {
			p.Says = append(p.Says, q.words.say("whatif.supply", name, t.exactly(*to), t.exactly(*from), t.by(by.Value())))
		}
	}
	p.Says = append(p.Says, t.Comparison(comparison), t.Outcome(comparison.After))
	chosen := party.ID(q.query.Get("party"))
	for _, d := range comparison.Parties {
		p.Rows = append(p.Rows, whatIfRow{q.name(d.Party), Number(d.Before), Number(d.After), Change(d.Change), d.Party == chosen})
	}
}

// whatIfAnswer serves the panel alone, for the script that follows the slider.
func (s *server) whatIfAnswer(w http.ResponseWriter, r *http.Request) {
	q := s.request(r, pages()[1])
	a, err := q.book.Allocation(q.query.Get("week"))
	if q.refused(w, err) {
		return
	}
	panel := q.whatIfPanel(r.Context(), a)
	if panel == nil {
		http.NotFound(w, r)
		return
	}
	var out bytes.Buffer
	if err := q.templates.ExecuteTemplate(&out, "whatif", panel); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, r, "text/html; charset=utf-8", out.Bytes(), nil)
}

// whatIfDocument is the same for programs.
func (s *server) whatIfDocument(w http.ResponseWriter, r *http.Request) {
	q := s.request(r, pages()[1])
	if q.whatIf == nil {
		http.NotFound(w, r)
		return
	}
	c, err := account.Case(s.cfg.Look, q.query.Get("week"))
	if q.refused(w, err) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), whatifTime)
	defer cancel()
	_, _, data, err := q.whatIf.supply(ctx, c, q.supply())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, r, labelled{"comity/console/what-if@1", q.cfg.Label, q.cfg.Source, struct {
		Percent exact.Rat `json:"percent"`
		explore.Comparison
	}{exact.Int(int64(q.supply())), data}})
}
