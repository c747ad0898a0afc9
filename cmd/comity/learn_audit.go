package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity/chance"
	"comity/dataset"
	"comity/modeler/card"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
	"comity/schema"
	"comity/training"
)

type learnAuditCommand struct {
	Model string `arg:"" help:"What comity learn fit wrote: the recipe to audit."`
	File  string `arg:"" help:"Rows like those that the model was fitted to, or the same."`
	assess
}

// auditData is the JSON form: the parts of a card that are about parties and groups.
type auditData struct {
	Neutral       bool                `json:"neutral"` // Nothing below stands apart, and no name matters.
	Findings      []string            `json:"findings"`
	Scores        *card.Scores        `json:"scores"`
	Groups        []card.Group        `json:"groups"`
	Neutrality    *card.Neutrality    `json:"neutrality"`
	Contributions []card.Contribution `json:"contributions"`
}

// Run assesses the recipe with, without and under other names of each party. What it finds is
// a finding, not a failure of the command.
func (c *learnAuditCommand) Run(ctx context.Context, t *terminal) error {
	m, digest, err := readModel(c.Model)
	if err != nil {
		return err
	}
	if c.Party == "" {
		return usageError{errors.New("an audit needs --party: the column that names who holds each row")}
	}
	if err := c.assess.check(c.File); err != nil {
		return err
	}
	doc := card.New(m, digest)
	if err := c.assess.fill(ctx, t, c.File, m, doc); err != nil {
		return err
	}
	renaming, err := c.rename(ctx, t, m)
	if err != nil {
		return err
	}
	doc.Renamed(renaming)
	d := &auditData{Scores: doc.Scores, Groups: doc.Groups, Neutrality: doc.Neutrality, Contributions: doc.Contributions, Findings: doc.Findings()}
	d.Neutral = len(d.Findings) == 0
	return t.result("learn-audit", d, auditText(d, doc))
}

func auditText(d *auditData, doc *card.Card) string {
	var b strings.Builder
	if d.Neutral {
		b.WriteString("nothing stands apart\n\n")
	}
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "finding: %s\n", f)
	}
	b.WriteString(doc.Text())
	return b.String()
}

// rename learns the recipe as a federation under other names of the parties: in the rows, in
// the order of members, and in what the members are.
func (c *learnAuditCommand) rename(ctx context.Context, t *terminal, m *model.Model) (neutrality.Renaming, error) {
	rows, err := readTable(ctx, c.File, table.Want{Target: m.Target.Name})
	if err != nil {
		return neutrality.Renaming{}, err
	}
	parts, err := rows.Split(c.Party)
	if err != nil {
		return neutrality.Renaming{}, err
	}
	parties := make([]string, len(parts))
	for i, p := range parts {
		parties[i] = p.Name
	}
	if len(parties) > training.MaxMembers {
		return neutrality.Renaming{}, fmt.Errorf("--party %s: %w: %d; at most %d", c.Party, training.ErrMembers, len(parties), training.MaxMembers)
	}
	run := 0
	return neutrality.Rename(parties, func(names []string) ([]byte, error) {
		run++
		t.draw(fmt.Sprintf("federation %d, as %s", run, few(names)))
		to := map[string]string{}
		for i, p := range parties {
			to[p] = names[i]
		}
		return c.federate(ctx, m, to)
	})
}

// federate reads the rows again under other names, and learns.
func (c *learnAuditCommand) federate(ctx context.Context, m *model.Model, to map[string]string) ([]byte, error) {
	source, err := dataset.Open(ctx, dataset.Config{Path: c.File})
	if err != nil {
		return nil, err
	}
	defer source.Close() //nolint:errcheck // Read only.
	at := slices.IndexFunc(source.Header(), func(h schema.Heading) bool { return h.Name == c.Party })
	rows, err := table.Read(&renamed{Rows: source, column: at, to: to}, table.Want{Target: m.Target.Name})
	if err != nil {
		return nil, err
	}
	cfg := recipeOf(m)
	var parts []table.Part
	if slices.Contains(cfg.Table.Columns, c.Party) {
		if parts, err = splitKeeping(rows, c.Party); err != nil {
			return nil, err
		}
	} else if parts, err = rows.Split(c.Party); err != nil {
		return nil, err
	}
	cfg.Parties = len(parts)
	models := make([]*model.Model, len(parts))
	err = training.Federate(ctx, len(parts), rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
		keyed, err := parts[member].Table.Keyed(append(slices.Clone(cfg.Table.Columns), m.Target.Name))
		if err != nil {
			return err
		}
		models[member], err = model.Fit(ctx, &cfg, keyed, sum)
		return err
	})
	if err != nil {
		return nil, err
	}
	return models[0].Encode()
}

// splitKeeping gives every party its rows with the column of parties, for a model that reads
// it.
func splitKeeping(rows *table.Table, party string) ([]table.Part, error) {
	parts, err := rows.Split(party)
	if err != nil {
		return nil, err
	}
	for k, p := range parts {
		parts[k].Table = rows.Where(func(i int) bool {
			cell, _ := rows.Cell(i, party)
			return cell == p.Name
		})
	}
	return parts, nil
}

// renamed is a table in which parties are called otherwise.
type renamed struct {
	schema.Rows
	column int
	to     map[string]string
}

// Next returns the next row under other names.
func (r *renamed) Next() ([]schema.Field, error) {
	row, err := r.Rows.Next()
	if err != nil || r.column < 0 {
		return row, err
	}
	row = slices.Clone(row)
	if name, ok := r.to[string(row[r.column].Text)]; ok {
		row[r.column].Text = []byte(name)
	}
	return row, nil
}

// auditSeed is the public coin of audits.
func auditSeed() chance.Seed { return chance.Derive(chance.Seed{}, "card") }
