package console

import (
	"context"
	"slices"
	"strings"

	"comity/console/account"
)

// auditPage is what the template of the audit draws.
type auditPage struct {
	account.Audit
	Lead      string
	Second    string
	Age       string
	Signed    []witnessEntry
	Missing   []witnessEntry
	Files     []receiptEntry
	Picked    string // The receipt that is chosen in the form.
	Made      []decisionEntry
	Lives     []modelEntry // Of models, newest first.
	Commands  []string
	LogTime   string
	Operators string
}

type witnessEntry struct{ Name, Moment string }

type receiptEntry struct{ File, Says, Size string }

type decisionEntry struct {
	account.Decision
	Date, Total, Checks, Link, Says string
}

type modelEntry struct{ Words, Digest, State, Trained, Retires, Score, Trial string }

func drawAudit(_ context.Context, q *request) (any, error) {
	a, err := q.book.Audit(q.cfg.Log, q.cfg.Receipts)
	if err != nil {
		return nil, err
	}
	page := &auditPage{Audit: a, Commands: q.now.Commands, Operators: q.name(a.Operator), Picked: q.query.Get("receipt")}
	if a.Time > 0 {
		page.LogTime = q.words.moment(int64(a.Time))
	}
	c := a.Checkpoint
	page.Age = q.statusLine().Age
	switch {
	case c.Trouble != "":
		page.Lead = q.words.say("audit.trouble", c.Trouble)
	case c.Size == 0:
		page.Lead = q.words.say("audit.none")
	default:
		page.Lead = q.words.say("audit.lead", c.Cosigned, len(c.Witnesses), grouped(c.Size), page.Age)
		page.Second = q.words.say("audit.second", a.Threshold)
	}
	for _, w := range c.Witnesses {
		if w.At > 0 {
			page.Signed = append(page.Signed, witnessEntry{q.name(w.Party), q.words.moment(w.At)})
		} else {
			page.Missing = append(page.Missing, witnessEntry{Name: q.name(w.Party)})
		}
	}
	for _, f := range a.Receipts {
		page.Files = append(page.Files, receiptEntry{f.File, q.receiptSays(f.File), q.words.bytesText(f.Size)})
	}
	if page.Picked == "" && len(a.Decisions) > 0 {
		page.Picked = a.Decisions[0].Period + "-allocation.proof"
	}
	for _, m := range slices.Backward(a.Models.Models) {
		page.Lives = append(page.Lives, q.model(m))
	}
	for _, d := range a.Decisions {
		key := "decision.waits"
		if d.Effect {
			key = "decision.effect"
		}
		page.Made = append(page.Made, decisionEntry{
			d, q.words.date(d.Period), grouped(int64(d.Total)), q.words.say("decision.checks", d.Checks, d.Dissents),
			q.to("allocation", "week", d.Period), q.words.say(key),
		})
	}
	return page, nil
}

// model words one model: how it stands and how its published forecasts did.
func (q *request) model(m account.Model) modelEntry {
	e := modelEntry{
		Words: m.Words, Digest: m.Digest.String(), State: q.words.say("model." + string(m.Status)),
		Trained: q.words.date(m.Trained), Retires: q.words.date(m.RetireBy), Score: q.words.say("models.unscored"),
	}
	if m.Served.Ratio != "" {
		e.Score = q.words.say("models.score", m.Served.Ratio, grouped(int64(m.Served.Forecasts)))
	}
	if m.Tried.Ratio != "" {
		e.Trial = q.words.say("models.trial", m.Tried.Ratio, grouped(int64(m.Tried.Forecasts)))
	}
	return e
}

// receiptSays tells from a file's name what it proves.
func (q *request) receiptSays(file string) string {
	name := strings.TrimSuffix(file, ".proof")
	if name == "charter" {
		return q.words.say("receipt.charter")
	}
	const day = len("2006-01-02")
	if len(name) <= day+1 {
		return name
	}
	if text := q.words.say("receipt."+name[day+1:], q.words.date(name[:day])); !strings.HasPrefix(text, "receipt.") {
		return text
	}
	return name
}

func auditData(q *request) (any, error) { return q.book.Audit(q.cfg.Log, q.cfg.Receipts) }
