package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity/body"
	"comity/exact"
	"comity/fleet"
	"comity/node"
	"comity/replay"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

type queryCommand struct {
	Ask  queryAskCommand  `cmd:"" help:"Ask the members of a consortium one question about rows that stay with them."`
	List queryListCommand `cmd:"" help:"List what was asked, and what each member's budget has left."`
}

// queryAskCommand runs a question in a home in which nobody runs.
type queryAskCommand struct {
	File string `arg:"" help:"The question (docs/guide/query.md); - reads standard input."`
	Home string `required:"" placeholder:"DIR" help:"Of a consortium that comity up or init founded."`
}

// answerData is the JSON form of an answer.
type answerData struct {
	Round     string            `json:"round"`
	Members   []string          `json:"members"` // Whose rows are in it.
	Refused   map[string]string `json:"refused"` // Who took no part, and why.
	Variance  string            `json:"noise_variance"`
	Answer    analytics.Answer  `json:"answer"`
	LogSize   int               `json:"log_size"`
	Seconds   float64           `json:"seconds"`
	Disclosed string            `json:"disclosure"`
}

// Run starts everybody, asks, and prints the answer.
func (c *queryAskCommand) Run(ctx context.Context, t *terminal) error {
	a, err := readQuestion(c.File)
	if err != nil {
		return err
	}
	s, err := findSchema(a.schema)
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	home := node.Home(folder)
	if err := founded(home); err != nil {
		return err
	}
	up := &upCommand{Scenario: defaultScenario, Home: folder, Weeks: 1}
	if err := up.recall(); err != nil {
		return err
	}
	scenario, err := up.scenario()
	if err != nil {
		return err
	}
	if err := up.sameRules(home, scenario); err != nil {
		return err
	}
	view := newView(t)
	open, err := elsewhere(home)
	if err != nil {
		return err
	}
	f, err := fleet.Start(ctx, fleet.Config{
		Home: home, Scenario: scenario, Open: open, Cache: cacheFolder(), Clock: time.Now, Progress: view.progress, Below: scenarioBelow,
	})
	if err != nil {
		return err
	}
	defer f.Close(context.WithoutCancel(ctx)) //nolint:errcheck // What was answered is in the log.
	if err := f.Found(ctx); err != nil {
		return err
	}
	q, err := a.complete(f, s)
	if err != nil {
		return err
	}
	began := time.Now()
	b, answer, err := f.Ask(ctx, q, s)
	if err != nil {
		return err
	}
	view.finish()
	d := answerData{
		Round: q.Round, Refused: map[string]string{}, Answer: answer, Variance: answer.Variance.String(),
		Seconds: time.Since(began).Seconds(), Disclosed: q.Disclosure,
	}
	for _, id := range b.Survivors.Members {
		d.Members = append(d.Members, string(id))
	}
	for id, consent := range b.Consents {
		if !consent.Approves {
			d.Refused[string(id)] = consent.Reason
		}
	}
	f.Hub().Look(func(s *body.State) { d.LogSize = s.View().Size })
	return t.result("query-ask", d, d.text(folder))
}

// elsewhere tells whether members of a consortium have their homes on machines of their own.
// They connect while the question is asked, or bundles are carried to them.
func elsewhere(home node.Home) (bool, error) {
	seats, _, err := fleet.Seats(home)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // Founded by an earlier version.
	}
	return slices.ContainsFunc(seats, func(s fleet.Seat) bool { return !s.Here }), err
}

// text prints an answer as a table.
func (d answerData) text(home string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s answered", d.Round, count(len(d.Members), "member"))
	for _, id := range slices.Sorted(maps.Keys(d.Refused)) {
		fmt.Fprintf(&out, "; %s refused: %s", id, d.Refused[id])
	}
	out.WriteString("\n")
	out.WriteString(decodedText(d.Answer))
	fmt.Fprintf(&out, "\nAnybody can check it: %s\n", command("learn", "verify", d.Round, "--home", home))
	return out.String()
}

// queryListCommand lists the questions of a log.
type queryListCommand struct {
	Home string `required:"" placeholder:"DIR" help:"Of a consortium, or its log folder or address."`
}

// listData is the JSON form of what was asked.
type listData struct {
	Questions []listedQuestion `json:"questions"`
	Spent     []spentBudget    `json:"spent"`
}

type listedQuestion struct {
	Round     string `json:"round"`
	Clause    string `json:"clause"`
	Kind      string `json:"kind"`
	Column    string `json:"column"`
	Phase     string `json:"phase"`
	By        string `json:"by"`
	Approvals int    `json:"approvals"`
	Refusals  int    `json:"refusals"`
	Members   int    `json:"members"` // In the sum.
}

type spentBudget struct {
	Party    string `json:"party"`
	Schema   string `json:"schema"`
	Year     string `json:"year"`
	Unit     string `json:"unit"`
	Rho      string `json:"rho"`
	Left     string `json:"rho_left"`
	Releases int    `json:"releases"`
}

// Run folds the log and lists.
func (c *queryListCommand) Run(ctx context.Context, t *terminal) error {
	source, err := replay.Open(ctx, c.Home)
	if err != nil {
		return err
	}
	state, err := source.State(ctx)
	if err != nil {
		return err
	}
	d := listData{Questions: []listedQuestion{}, Spent: []spentBudget{}}
	for _, round := range slices.Sorted(maps.Keys(state.View().Questions)) {
		b, _ := state.Board(round)
		d.Questions = append(d.Questions, listing(b))
	}
	ledger, err := state.Ledger()
	if err != nil {
		return err
	}
	if ledger != nil {
		for _, balance := range ledger.Balances() {
			left, err := ledger.Left(balance.Account)
			if err != nil {
				return err
			}
			d.Spent = append(d.Spent, spentBudget{
				string(balance.Account.Party), balance.Account.Schema.Hex(), balance.Account.Year, balance.Account.Unit, balance.Rho.String(), left.String(), balance.Releases,
			})
		}
	}
	return t.result("query-list", d, d.text())
}

func listing(b federation.Board) listedQuestion {
	q := listedQuestion{
		Round: b.Question.Round, Clause: b.Question.Clause, Kind: b.Question.Query.Kind, Column: b.Question.Query.Column,
		Phase: string(b.Phase()), By: string(b.By), Approvals: b.Approvals(),
	}
	q.Refusals = len(b.Consents) - q.Approvals
	if b.Survivors != nil {
		q.Members = len(b.Survivors.Members)
	}
	return q
}

func (d listData) text() string {
	if len(d.Questions) == 0 {
		return "nothing was asked\n"
	}
	var out strings.Builder
	for _, q := range d.Questions {
		fmt.Fprintf(&out, "%s  %s of %s %s: %s; %d approved, %d refused, %d in the sum\n", q.Round, q.Kind, q.Clause, q.Column, q.Phase, q.Approvals, q.Refusals, q.Members)
	}
	for at := 0; at < len(d.Spent); {
		s, n := d.Spent[at], 1 // Most members stand the same.
		for at+n < len(d.Spent) && d.Spent[at+n].same(s) {
			n++
		}
		who := s.Party
		if n > 1 {
			who += fmt.Sprintf(" and %d more", n-1)
		}
		out.WriteString(hang("", fmt.Sprintf("%s: budget of a %s in %s: %s spent %s, %s left", who, s.Unit, s.Year, count(s.Releases, "answer"), decimal(s.Rho), decimal(s.Left))) + "\n")
		at += n
	}
	if len(d.Spent) > 0 {
		out.WriteString("Spent and left are rho of zero-concentrated differential privacy (docs/format/privacy.md).\n")
	}
	return out.String()
}

// same tells whether two accounts stand the same.
func (s spentBudget) same(o spentBudget) bool {
	return s.Schema == o.Schema && s.Year == o.Year && s.Unit == o.Unit && s.Rho == o.Rho && s.Left == o.Left && s.Releases == o.Releases
}

// decimal shortens an exact ratio for people.
func decimal(ratio string) string {
	x, err := exact.Parse(ratio)
	if err != nil {
		return ratio
	}
	f, _ := x.Big().Float64()
	return fmt.Sprintf("%.4g", f)
}
