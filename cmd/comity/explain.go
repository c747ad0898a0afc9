package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"comity/allocator/explore"
	"comity/canon"
	"comity/console"
	"comity/party"
	"comity/quantity"
)

type explainCommand struct {
	caseFlags

	Party string `required:"" placeholder:"ID" help:"Whose amount."`
	By    int64  `placeholder:"N" help:"Find the smallest changes that bring so many units more, below 0 fewer. Default: a tenth of what it gets."`
	Quick bool   `help:"Leave out what takes many solves: smallest changes, inert clauses, the price of fairness."`
}

// told is something that package explore found, and the sentence that says it.
type told[T any] struct {
	Found T      `json:"-"`
	Says  string `json:"says"`
}

// MarshalJSON writes the keys of what was found, and says.
func (t told[T]) MarshalJSON() ([]byte, error) {
	return joined(t.Found, struct {
		Says string `json:"says"`
	}{t.Says})
}

// explainData is the JSON form of an explanation.
type explainData struct {
	Party           party.ID                       `json:"party"`
	Period          string                         `json:"period"`
	Amount          quantity.Amount                `json:"amount"`
	Unit            string                         `json:"unit"`
	Need            quantity.Amount                `json:"need"`
	Reasons         []console.Reason               `json:"reasons"`
	Prices          []explore.Rule                 `json:"prices"`
	Counterfactuals []told[explore.Counterfactual] `json:"counterfactuals"`
	Smallest        []told[explore.Smallest]       `json:"smallest"`
	Since           *explore.Since                 `json:"since,omitempty"`
	Outside         told[explore.Outside]          `json:"outside"`
	Inert           []string                       `json:"inert"`
	Clauses         []told[explore.Effect]         `json:"clauses"`
	Fairness        *told[explore.Fairness]        `json:"fairness,omitempty"`
	UnusedInputs    []string                       `json:"unused_inputs"`
	Value           string                         `json:"value"`
	Gap             string                         `json:"gap"`
	Certificate     canon.Digest                   `json:"certificate"`
	Solves          int                            `json:"solves"`
	Seconds         string                         `json:"seconds"`

	lead, plural           string
	sinceSays, changesSays []string
}

// Run explains one party's amount.
func (c *explainCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	a, err := c.open(ctx, t)
	if err != nil {
		return err
	}
	defer a.close()
	d, err := c.explain(ctx, t, a)
	if err != nil {
		return err
	}
	d.Solves = a.engine.Solves()
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return t.result("explain", d, d.text())
}

func (c *explainCommand) explain(ctx context.Context, t *terminal, a *inquiry) (*explainData, error) {
	id := party.ID(c.Party)
	account, err := a.now.Account(id)
	if err != nil {
		return nil, err
	}
	d := &explainData{
		Party: id, Period: a.now.Problem.Period, Amount: account.Amount, Unit: a.now.Problem.Unit, Need: account.Need,
		Reasons: a.teller.Why(account), Prices: slices.Concat(account.Own, account.Shared), Smallest: []told[explore.Smallest]{},
		Inert: []string{}, Clauses: []told[explore.Effect]{}, UnusedInputs: append([]string{}, explore.Unused(a.now.Inputs.Charter)...),
		Value: a.now.Value().String(), Gap: a.now.Gap().String(),
	}
	outcome, err := a.now.Outcome()
	if err != nil {
		return nil, err
	}
	d.Certificate, d.lead, d.plural = outcome.Certificate, a.teller.Outcome(outcome), a.teller.Resource()
	if err := c.history(ctx, a, d); err != nil {
		return nil, err
	}
	t.draw("dividing again with other numbers")
	changes, err := a.engine.Counterfactuals(ctx, a.now, id)
	if err != nil {
		return nil, err
	}
	for _, x := range changes {
		d.Counterfactuals = append(d.Counterfactuals, told[explore.Counterfactual]{x, a.teller.Counterfactual(x)})
	}
	d.changesSays = a.teller.Counterfactuals(changes)
	if c.Quick {
		return d, nil
	}
	return d, c.deep(ctx, t, a, d)
}

// history adds what a party would get alone, and how its amount came from the last one.
func (c *explainCommand) history(ctx context.Context, a *inquiry, d *explainData) error {
	outside, err := a.engine.Outside(ctx, a.now, d.Party)
	if err != nil {
		return err
	}
	d.Outside = told[explore.Outside]{outside, a.teller.Outside(outside)}
	if a.before == nil {
		return nil
	}
	since, err := a.engine.Since(ctx, *a.before, a.now)
	if err != nil {
		return err
	}
	d.Since, d.sinceSays = &since, a.teller.Since(since, d.Party)
	return nil
}

// deep adds what takes many solves.
func (c *explainCommand) deep(ctx context.Context, t *terminal, a *inquiry, d *explainData) error {
	target := quantity.Amount(c.By)
	if target == 0 {
		target = max(1, d.Amount/10)
	}
	t.draw("looking for the smallest changes")
	smallest, err := a.engine.SmallestAll(ctx, a.now, d.Party, target)
	if err != nil {
		return err
	}
	for _, x := range smallest {
		d.Smallest = append(d.Smallest, told[explore.Smallest]{x, a.teller.Smallest(x)})
	}
	t.draw("trying the rules one by one")
	effects, err := a.engine.Effects(ctx, a.now)
	if err != nil {
		return err
	}
	for _, x := range effects {
		if x.Inert {
			d.Inert = append(d.Inert, x.ID)
		}
		d.Clauses = append(d.Clauses, told[explore.Effect]{x, a.teller.Effect(x)})
	}
	fairness, err := a.engine.Fairness(ctx, a.now)
	if err != nil {
		return err
	}
	d.Fairness = &told[explore.Fairness]{fairness, a.teller.Fairness(fairness)}
	return nil
}

func (d *explainData) text() string {
	var b strings.Builder
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for i, line := range lines {
			fmt.Fprintf(&b, "%s\n", hang(fmt.Sprintf("%2d. ", i+1), line))
		}
	}
	fmt.Fprintf(&b, "%s gets %s %s for %s.\nThe whole plan: %s\n", d.Party, console.Number(d.Amount), d.plural, d.Period, d.lead)
	var why, smallest, rules []string
	for _, r := range d.Reasons {
		why = append(why, r.Says)
	}
	section("Why", append(why, d.sinceSays...))
	section("What would change it (each divided again, with a certificate of its own)", d.changesSays)
	for _, s := range d.Smallest {
		smallest = append(smallest, s.Says)
	}
	section("The smallest change of one number", smallest)
	for _, e := range d.Clauses {
		rules = append(rules, e.Says)
	}
	if d.Fairness != nil {
		rules = append(rules, d.Fairness.Says)
	}
	section("What each rule does here", rules)
	section("Outside", []string{d.Outside.Says})
	fmt.Fprintf(&b, "\nNot used: %s\nCertificate %s, %s in %s s\n", strings.Join(d.UnusedInputs, ", "), d.Certificate, count(d.Solves, "solve"), d.Seconds)
	return b.String()
}
