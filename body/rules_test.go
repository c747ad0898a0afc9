package body_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// lie is one statement that must be refused, where an honest one was said: Kind and
// Author name the honest one, tell turns it into the lie and gives the entry.
type lie struct {
	kind   comity.Kind
	author party.ID // Anybody, if empty.
	tell   func(w *world, st comity.Statement) []byte
}

// record changes the record and leaves the author as it is.
func record[R any](kind comity.Kind, change func(w *world, r *R)) lie {
	return by(kind, "", "", change)
}

// by lets another party say a changed record. Without a party to say it, the author
// of the honest statement does.
func by[R any](kind comity.Kind, honest, liar party.ID, change func(w *world, r *R)) lie {
	return lie{kind, honest, func(w *world, st comity.Statement) []byte {
		w.t.Helper()
		var r R
		must(w.t, canon.Unmarshal(st.Record, &r))
		if change != nil {
			change(w, &r)
		}
		author := st.Author
		if liar != "" {
			author = liar
		}
		return w.sign(w.statement(author, kind, r))
	}}
}

// twice says a statement again after it was logged.
func twice(kind comity.Kind) lie {
	return lie{kind, "", func(w *world, st comity.Statement) []byte {
		w.t.Helper()
		w.say(st.Author, st.Kind, st.Record)
		return w.sign(w.statement(st.Author, st.Kind, st.Record))
	}}
}

// after says something else, at a point where the honest statement was due.
func after(kind comity.Kind, what func(w *world) []byte) lie {
	return lie{kind, "", func(w *world, _ comity.Statement) []byte { return what(w) }}
}

// statement changes the statement around the record.
func statement(kind comity.Kind, change func(st *comity.Statement)) lie {
	return lie{kind, "", func(w *world, st comity.Statement) []byte {
		signer := nodeKey(w.t, st.Author)
		change(&st)
		entry, err := ledger.Sign(st, signer)
		must(w.t, err)
		return entry
	}}
}

// otherwise founds a body under a changed charter and returns what the operator says
// when the honest statement of a kind is due.
func otherwise(kind comity.Kind, adapt func(*comity.Charter)) lie {
	return lie{kind, "", func(w *world, st comity.Statement) []byte {
		w.t.Helper()
		other := found(w.t, adapt)
		other.founding()
		other.repeat(w.entries[min(len(w.entries), len(other.entries)):], nil)
		*w = *other
		return w.sign(w.statement(st.Author, st.Kind, st.Record))
	}}
}

// lies breaks every rule, alone.
func lies() map[string]map[string]lie {
	return map[string]map[string]lie{
		body.RuleForm: {
			"no entry":       after(comity.KindPlan, func(*world) []byte { return []byte("{}") }),
			"unknown kind":   after(comity.KindPlan, func(w *world) []byte { return w.sign(w.statement(operator, "coup", canon.Raw("{}"))) }),
			"another record": after(comity.KindPlan, func(w *world) []byte { return w.sign(w.statement(operator, comity.KindPlan, comity.Cohort{})) }),
			"charter": after(comity.KindCharter, func(w *world) []byte {
				return w.sign(w.statement(operator, comity.KindCharter, canon.Raw(`{"id":"pool-5"}`)))
			}),
			"epoch no name":          record(comity.KindKeys, func(_ *world, k *comity.EpochKeys) { k.Epoch = "" }),
			"epoch long name":        record(comity.KindKeys, func(_ *world, k *comity.EpochKeys) { k.Epoch = strings.Repeat("e", 257) }),
			"key short":              record(comity.KindKeys, func(_ *world, k *comity.EpochKeys) { k.Key = k.Key[1:] }),
			"key no lattice":         record(comity.KindKeys, func(_ *world, k *comity.EpochKeys) { k.Key = bytes.Repeat([]byte{255}, len(k.Key)) }),
			"key low order":          record(comity.KindKeys, func(_ *world, k *comity.EpochKeys) { clear(k.Key[len(k.Key)-32:]) }),
			"plan period":            record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Period = "2026-11-31" }),
			"cohort reason":          record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Reason = "line\nbreak" }),
			"long reason":            record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Reason = strings.Repeat("r", 201) }),
			"head no steps":          record(comity.KindHead, func(_ *world, h *comity.Head) { h.Steps = 0 }),
			"head many steps":        record(comity.KindHead, func(_ *world, h *comity.Head) { h.Steps = secagg.MaxSteps + 1 }),
			"head before its cohort": by(comity.KindHead, "FJ", "", func(_ *world, h *comity.Head) { h.Steps = 2 }),
			"one point":              record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Points = f.Points[:1] }),
			"point too large":        record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Points[0] = 1<<61 - 1 }),
			"point below 0":          record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Points[1] = -1 }),
			"declared period":        record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Period = "today" }),
			"declared below 0":       record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Values["doses"] = -1 }),
			"declared too much":      record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Values["doses"] = 1<<40 + 1 }),
			"forecast period":        record(comity.KindForecast, func(_ *world, f *comity.Forecast) { f.Period = "" }),
			"another's place":        record(comity.KindForecast, func(_ *world, f *comity.Forecast) { f.Series[0].Place = "FJ" }),
		},
		body.RuleCharterFirst: {
			"ratify first": after(comity.KindCharter, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindRatify, w.ratification("BR")))
			}),
			"version 2": after(comity.KindCharter, func(w *world) []byte {
				*w = *found(w.t, func(c *comity.Charter) {
					before := canon.Sum([]byte("version 1"))
					c.Version, c.Supersedes = 2, &before
				})
				return w.sign(w.statement(operator, comity.KindCharter, canon.Raw(w.sealed)))
			}),
		},
		body.RuleCharterOnce: {
			"again": twice(comity.KindCharter),
			"later": after(comity.KindCheck, func(w *world) []byte { return w.sign(w.statement(operator, comity.KindCharter, canon.Raw(w.sealed))) }),
		},
		body.RuleBody: {
			"charter of another": statement(comity.KindCharter, func(st *comity.Statement) { st.Body = "pool-6" }),
			"charter unnamed":    statement(comity.KindCharter, func(st *comity.Statement) { st.Charter = canon.Digest{} }),
			"another body":       statement(comity.KindKeys, func(st *comity.Statement) { st.Body = "pool-6" }),
			"another charter":    statement(comity.KindKeys, func(st *comity.Statement) { st.Charter[0] ^= 1 }),
		},
		body.RuleAuthor: {
			"stranger": statement(comity.KindKeys, func(st *comity.Statement) { st.Author = "XX" }),
		},
		body.RuleSignature: {
			"for another": statement(comity.KindKeys, func(st *comity.Statement) { st.Author = "TZ" }),
			"charter by another key": after(comity.KindCharter, func(w *world) []byte {
				entry, err := ledger.Sign(w.statement(operator, comity.KindCharter, canon.Raw(w.sealed)), nodeKey(w.t, "BR"))
				must(w.t, err)
				return entry
			}),
		},
		body.RuleCounter: {
			"repeated":          statement(comity.KindKeys, func(st *comity.Statement) { st.Counter-- }),
			"left out":          statement(comity.KindKeys, func(st *comity.Statement) { st.Counter++ }),
			"charter not first": statement(comity.KindCharter, func(st *comity.Statement) { st.Counter = 2 }),
		},
		body.RuleOperator: {
			"charter":    by[canon.Raw](comity.KindCharter, "", "BR", nil),
			"tick":       by[comity.Tick](comity.KindTick, "", "BR", nil),
			"plan":       by[comity.Plan](comity.KindPlan, "", "BR", nil),
			"cohort":     by[comity.Cohort](comity.KindCohort, "", "BR", nil),
			"model":      by[comity.Model](comity.KindModel, "", "BR", nil),
			"picture":    by[comity.Frozen](comity.KindPicture, "", "BR", nil),
			"allocation": by[comity.Allocation](comity.KindAllocation, "", "BR", nil),
		},
		body.RuleInForce: {
			"not ratified by all": after(comity.KindRatify, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindKeys, w.epochKey(epoch, "BR").Record(epoch, "BR")))
			}),
			"before its day": otherwise(comity.KindPlan, func(c *comity.Charter) { c.Effective = "2026-11-18T12:00:01Z" }),
			"on its last moment": otherwise(comity.KindPlan, func(c *comity.Charter) {
				c.Effective, c.Sunset.Expires = "2026-11-01T00:00:00Z", "2026-11-18T12:00:00Z"
			}),
			"decided too late": otherwise(comity.KindAllocation, func(c *comity.Charter) { c.Sunset.Expires = "2026-11-18T12:00:30Z" }),
			"time of before the forecasts": {comity.KindPicture, "", func(w *world, _ comity.Statement) []byte {
				w.say("TZ", comity.KindForecast, forecastOf(period, "TZ", 4))
				w.say(operator, comity.KindPicture, w.frozen(period))
				return w.sign(w.statement(operator, comity.KindAllocation, w.allocation(period)))
			}},
			"no time yet": after(comity.KindTick, func(w *world) []byte { return w.sign(w.statement(operator, comity.KindPlan, w.plan(period))) }),
		},
		body.RuleSeals: {
			"too few":        record(comity.KindRatify, func(_ *world, r *comity.Ratification) { r.Seals = r.Seals[:1] }),
			"one bad":        record(comity.KindRatify, func(_ *world, r *comity.Ratification) { r.Seals[1].Signature[0] ^= 1 }),
			"twice the same": record(comity.KindRatify, func(_ *world, r *comity.Ratification) { r.Seals[1] = r.Seals[0] }),
			"another's":      by[comity.Ratification](comity.KindRatify, "BR", "FJ", nil),
			"other charter":  record(comity.KindRatify, func(_ *world, r *comity.Ratification) { r.Charter[0] ^= 1 }),
		},
		body.RuleOnce: {
			"ratify":      twice(comity.KindRatify),
			"keys":        twice(comity.KindKeys),
			"boxes":       twice(comity.KindBoxes),
			"plan":        twice(comity.KindPlan),
			"head":        twice(comity.KindHead),
			"fingerprint": twice(comity.KindFingerprint),
			"forecast":    twice(comity.KindForecast),
			"declaration": twice(comity.KindDeclaration),
			"picture":     twice(comity.KindPicture),
			"allocation":  twice(comity.KindAllocation),
			"check":       twice(comity.KindCheck),
			"declared for an earlier week": after(comity.KindPicture, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindDeclaration, capacity("2026-11-17", 1)))
			}),
			"forecast after the picture": after(comity.KindAllocation, func(w *world) []byte {
				return w.sign(w.statement("TZ", comity.KindForecast, forecastOf(period, "TZ", 4)))
			}),
		},
		body.RuleTime: {
			"other time":    record(comity.KindTick, func(_ *world, t *comity.Tick) { t.UnixTime++ }),
			"other root":    record(comity.KindTick, func(w *world, t *comity.Tick) { t.Checkpoint = string(w.checkpoint(3, canon.Sum(nil), noon)) }),
			"of the future": record(comity.KindTick, func(w *world, t *comity.Tick) { t.Checkpoint = string(w.checkpoint(1<<32+1, [32]byte{}, noon)) }),
			"of nothing":    record(comity.KindTick, func(w *world, t *comity.Tick) { t.Checkpoint = string(w.checkpoint(0, [32]byte{}, noon)) }),
			"one witness less": record(comity.KindTick, func(_ *world, t *comity.Tick) {
				lines := strings.SplitAfter(t.Checkpoint, "\n")
				t.Checkpoint = strings.Join(lines[:len(lines)-2], "")
			}),
			"older checkpoint": after(comity.KindPicture, func(w *world) []byte {
				root, _ := w.state.Root(9)
				return w.sign(w.statement(operator, comity.KindTick, comity.Tick{Checkpoint: string(w.checkpoint(9, root, noon+60)), UnixTime: noon + 60}))
			}),
			"backwards": after(comity.KindPlan, func(w *world) []byte { return w.sign(w.statement(operator, comity.KindTick, w.tick(noon-1))) }),
		},
		body.RuleEpoch: {
			"boxes before keys": record(comity.KindBoxes, func(_ *world, b *comity.Boxes) { b.Epoch = "another" }),
			"other nonce":       record(comity.KindBoxes, func(_ *world, b *comity.Boxes) { b.Nonce[0] ^= 1 }),
			"box to itself":     record(comity.KindBoxes, func(_ *world, b *comity.Boxes) { b.Boxes[0].To = "BR" }),
			"box to a stranger": record(comity.KindBoxes, func(_ *world, b *comity.Boxes) { b.Boxes[3].To = "XX" }),
			"boxes repeated":    record(comity.KindBoxes, func(_ *world, b *comity.Boxes) { b.Boxes[1] = b.Boxes[0] }),
		},
		body.RulePlan: {
			"round":                  record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Round += "s" }),
			"epoch":                  record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Epoch = "another" }),
			"task":                   record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Task = "forecast/slow@1" }),
			"clause":                 record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Clause = "d.forecast" }),
			"disclosure":             record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Disclosure = "dp" }),
			"schema":                 record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Schema[0] ^= 1 }),
			"recipe":                 record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Recipe["rounds"]++ }),
			"min members":            record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.MinMembers-- }),
			"step seconds":           record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.StepSeconds++ }),
			"update without a model": record(comity.KindPlan, func(_ *world, p *comity.Plan) { p.Task, p.Round = body.TaskUpdate, period+"/update" }),
			"update when training is due": after(comity.KindDeclaration, func(w *world) []byte {
				w.keys("2026-12-02")
				p := w.plan("2026-12-02")
				p.Task, p.Round = body.TaskUpdate, "2026-12-02/update"
				return w.sign(w.statement(operator, comity.KindPlan, p))
			}),
			"before the model in force": after(comity.KindDeclaration, func(w *world) []byte {
				return w.sign(w.statement(operator, comity.KindPlan, w.plan("2026-11-11")))
			}),
		},
		body.RuleConsent: {
			"to another plan": record(comity.KindConsent, func(_ *world, c *comity.Consent) { c.Plan[0] ^= 1 }),
		},
		body.RuleQuestion: {
			"round":        record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Round = "2026-11-18/" }),
			"code":         record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Code = "query@2" }),
			"clause":       record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Clause = "d.series" }),
			"kind":         record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Query.Kind = comity.QuerySum }),
			"epoch":        record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Epoch = epoch }),
			"min members":  record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.MinMembers = 2 }),
			"minimum cell": record(comity.KindQuestion, func(w *world, q *comity.Question) { *q = w.question("cases"); q.Query.MinimumCell = 10 }),
			"seconds":      record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Seconds = 0 }),
			"disclosure":   record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Disclosure = "rounded" }),
		},
		body.RulePrivacy: {
			"without noise": record(comity.KindQuestion, func(_ *world, q *comity.Question) { q.Clause, q.Query.MinimumCell = "d.cases", 11 }),
			"too little noise": record(comity.KindQuestion, func(w *world, q *comity.Question) {
				*q = w.question("cases")
				q.Variance = exact.Int(2)
			}),
			"too large numbers": record(comity.KindQuestion, func(w *world, q *comity.Question) {
				*q = w.question("cases")
				q.Bound = 1 << 40
			}),
		},
		body.RuleSum: {
			"other terms":       record(comity.KindOpen, func(_ *world, o *comity.Open) { o.Bound++ }),
			"later deadlines":   record(comity.KindOpen, func(_ *world, o *comity.Open) { o.UnmaskBy++ }),
			"join of a refuser": by[comity.Join](comity.KindJoin, "BR", "TZ", nil),
			"nonce of another":  by[comity.Nonce](comity.KindNonce, "BR", "FJ", nil),
			"nonce too early": lie{comity.KindJoin, "PE", func(w *world, _ comity.Statement) []byte {
				return w.sign(w.statement("BR", comity.KindNonce, comity.Nonce{Round: period + "/weeks", Nonce: make([]byte, 32)}))
			}},
			"other dealers": record(comity.KindCommit, func(_ *world, c *comity.Commit) { c.Dealers[0] ^= 1 }),
			"complaint too late": after(comity.KindCommit, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindComplaint, comity.Complaint{Round: period + "/weeks", Dealer: "FJ"}))
			}),
			"complaint about nobody": after(comity.KindSettled, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindComplaint, comity.Complaint{Round: period + "/weeks", Dealer: "TZ"}))
			}),
			"more survivors":   record(comity.KindSurvivors, func(_ *world, s *comity.Survivors) { s.Members = append(s.Members, "PE") }),
			"too few":          record(comity.KindSurvivors, func(_ *world, s *comity.Survivors) { s.Members = s.Members[:2] }),
			"other places":     record(comity.KindUnmask, func(_ *world, u *comity.Unmask) { u.Size-- }),
			"other survivors":  record(comity.KindUnmask, func(_ *world, u *comity.Unmask) { u.Survivors[0] ^= 1 }),
			"result of others": record(comity.KindResult, func(_ *world, r *comity.Result) { r.Survivors[0] ^= 1 }),
		},
		body.RuleCohort: {
			"first not first":     record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Number = 2 }),
			"first from step 1":   record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.FromStep = 1 }),
			"first at attempt 1":  record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Attempt = 1 }),
			"first leaves out":    record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Members = c.Members[1:] }),
			"first disordered":    record(comity.KindCohort, func(_ *world, c *comity.Cohort) { slices.Reverse(c.Members) }),
			"below the minimum":   record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Members = c.Members[:2] }),
			"successor number":    next(func(c *comity.Cohort) { c.Number = 3 }),
			"successor back":      next(func(c *comity.Cohort) { c.FromStep = -1 }),
			"successor far":       next(func(c *comity.Cohort) { c.FromStep = secagg.MaxSteps + 1 }),
			"attempt kept":        next(func(c *comity.Cohort) { c.Attempt = 0 }),
			"attempt jumps":       next(func(c *comity.Cohort) { c.Attempt = 2 }),
			"nothing new":         next(func(c *comity.Cohort) { c.Attempt, c.FromStep, c.Members = 0, 0, states }),
			"stranger comes":      next(func(c *comity.Cohort) { c.Members[3] = "XX" }),
			"one twice":           next(func(c *comity.Cohort) { c.Members[3] = c.Members[2] }),
			"successor too small": next(func(c *comity.Cohort) { c.Members = c.Members[:2] }),
		},
		body.RuleRound: {
			"cohort of no round":      record(comity.KindCohort, func(_ *world, c *comity.Cohort) { c.Round = "x" }),
			"head of no round":        record(comity.KindHead, func(_ *world, h *comity.Head) { h.Round = "x" }),
			"head by an outsider":     by[comity.Head](comity.KindHead, "FJ", "TZ", nil),
			"fingerprint of no round": record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Round = "x" }),
			"model of no round":       record(comity.KindModel, func(_ *world, m *comity.Model) { m.Round = "x" }),
			"second model":            twice(comity.KindModel),
			"cohort after fingerprints": after(comity.KindModel, func(w *world) []byte {
				return w.sign(w.statement(operator, comity.KindCohort, comity.Cohort{Round: round, Number: 3, FromStep: 9, Attempt: 2, Members: states[:3]}))
			}),
			"cohort after the model": after(comity.KindDeclaration, func(w *world) []byte {
				return w.sign(w.statement(operator, comity.KindCohort, comity.Cohort{Round: round, Number: 3, FromStep: 9, Attempt: 2, Members: states[:3]}))
			}),
		},
		body.RuleAgreement: {
			"fingerprint before heads": lie{comity.KindHead, "PE", func(w *world, _ comity.Statement) []byte {
				return w.sign(w.statement("BR", comity.KindFingerprint, comity.Fingerprint{Round: round, Size: w.state.View().Size, Points: []canon.Int{1, 2}}))
			}},
			"heads differ": lie{comity.KindHead, "PE", func(w *world, _ comity.Statement) []byte {
				w.say("PE", comity.KindHead, comity.Head{Round: round, Steps: 9, Chain: canon.Sum([]byte("another"))})
				return w.sign(w.statement("BR", comity.KindFingerprint, comity.Fingerprint{Round: round, Size: w.state.View().Size, Points: []canon.Int{1, 2}}))
			}},
			"places before heads": record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Size-- }),
			"places chosen":       record(comity.KindFingerprint, func(_ *world, f *comity.Fingerprint) { f.Size++ }),
			"model too early": lie{comity.KindFingerprint, "PE", func(w *world, _ comity.Statement) []byte {
				return w.sign(w.statement(operator, comity.KindModel, comity.Model{Round: round}))
			}},
			"model before heads": lie{comity.KindHead, "PE", func(w *world, _ comity.Statement) []byte {
				return w.sign(w.statement(operator, comity.KindModel, comity.Model{Round: round}))
			}},
		},
		body.RuleScore: {
			"without adoption": after(comity.KindForecast, func(w *world) []byte {
				return w.sign(w.statement(operator, comity.KindScore, comity.Score{Round: round}))
			}),
		},
		body.RuleModel: {
			"other model":  record(comity.KindForecast, func(_ *world, f *comity.Forecast) { f.Model[0] ^= 1 }),
			"hindsight":    record(comity.KindForecast, func(_ *world, f *comity.Forecast) { *f = forecastOf("2026-11-17", "BR", 0) }),
			"out of weeks": record(comity.KindForecast, func(_ *world, f *comity.Forecast) { *f = forecastOf("2026-12-02", "BR", 0) }),
			"update to another": after(comity.KindDeclaration, func(w *world) []byte {
				w.update("2026-11-25")
				return w.sign(w.statement(operator, comity.KindModel, comity.Model{Round: "2026-11-25/update", Model: canon.Sum(nil)}))
			}),
			"update overtaken": after(comity.KindDeclaration, func(w *world) []byte {
				w.update("2026-11-25")
				w.training("2026-11-20")
				return w.sign(w.statement(operator, comity.KindModel, comity.Model{Round: "2026-11-25/update", Model: modelOf("2026-11-20/forecast")}))
			}),
			"before a model": after(comity.KindPlan, func(w *world) []byte {
				return w.sign(w.statement("BR", comity.KindForecast, forecastOf(period, "BR", 0)))
			}),
		},
		body.RuleClause: {
			"consent of an observer":  by[comity.Consent](comity.KindConsent, "", observer, nil),
			"keys of an observer":     by[comity.EpochKeys](comity.KindKeys, "", observer, nil),
			"supply by another":       by[comity.Declaration](comity.KindDeclaration, operator, "BR", nil),
			"clause without values":   record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Clause = "d.forecast" }),
			"no such clause":          record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Clause = "d.x" }),
			"a value more":            record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { d.Values["x"] = 1 }),
			"a value less":            record(comity.KindDeclaration, func(_ *world, d *comity.Declaration) { clear(d.Values) }),
			"forecast of an observer": by(comity.KindForecast, "", observer, func(_ *world, f *comity.Forecast) { f.Series[0].Place = observer }),
			"invented target":         record(comity.KindForecast, func(_ *world, f *comity.Forecast) { f.Series[0].Target = "ILI incidence, doubled" }),
			"other unit":              record(comity.KindForecast, func(_ *world, f *comity.Forecast) { f.Series[0].Unit = "per person" }),
			"too far ahead": after(comity.KindCheck, func(w *world) []byte {
				for i := range 64 {
					w.say("BR", comity.KindDeclaration, capacity("20"+strconv.Itoa(30+i)+"-01-01", 1))
				}
				return w.sign(w.statement("BR", comity.KindDeclaration, capacity("9999-12-31", 1)))
			}),
		},
		body.RulePicture: {
			"other digest": record(comity.KindPicture, func(_ *world, f *comity.Frozen) { f.Picture[0] ^= 1 }),
			"other model":  record(comity.KindPicture, func(_ *world, f *comity.Frozen) { f.Model[0] ^= 1 }),
			"other period": record(comity.KindPicture, func(_ *world, f *comity.Frozen) { f.Period = "2026-11-25" }),
			"too few": lie{comity.KindForecast, "KE", func(w *world, _ comity.Statement) []byte {
				return w.sign(w.statement(operator, comity.KindPicture, w.frozen(period)))
			}},
			"allocation on another": record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Picture[0] ^= 1 }),
			"allocation on none":    record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Period = "2026-11-25" }),
		},
		body.RuleProblem: {
			"other problem": record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Problem[0] ^= 1 }),
			"changed inputs": lie{comity.KindAllocation, "", func(w *world, st comity.Statement) []byte {
				w.say("BR", comity.KindDeclaration, capacity("2026-11-19", 1)) // Of a later period: no change.
				must(w.t, w.state.Admissible(w.sign(w.statement(operator, st.Kind, st.Record))))
				old := w.before(w.find(comity.KindDeclaration, ""))
				old.repeat(w.entries[len(old.entries):], func(said *comity.Statement) {
					if said.Author == "PE" && said.Kind == comity.KindDeclaration {
						said.Record = marshal(w.t, capacity(period, 1))
					}
				})
				*w = *old
				return w.sign(w.statement(operator, st.Kind, st.Record))
			}},
			"supply of last week": lie{comity.KindDeclaration, operator, func(w *world, _ comity.Statement) []byte {
				w.say(operator, comity.KindDeclaration, comity.Declaration{Period: "2026-11-11", Clause: "d.supply", Values: map[string]canon.Int{"doses": 9}})
				for i, id := range states[:4] {
					w.say(id, comity.KindDeclaration, capacity(period, 10))
					w.say(id, comity.KindForecast, forecastOf(period, id, i))
				}
				w.say("TZ", comity.KindDeclaration, capacity(period, 10))
				w.say(operator, comity.KindTick, w.tick(noon))
				w.say(operator, comity.KindPicture, w.frozen(period))
				return w.sign(w.statement(operator, comity.KindAllocation, comity.Allocation{Period: period}))
			}},
		},
		body.RuleCertificate: {
			"a unit more":    record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Units[0]++ }),
			"a unit moved":   record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Units[0]++; a.Units[4]-- }),
			"other sums":     record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Parties[0].Amount++ }),
			"other price":    record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Certificate.Stages[0].Proof.Prices[0]++ }),
			"gap left out":   record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Certificate.Stages[0].Gap = exact.Int(-1) }),
			"units left out": record(comity.KindAllocation, func(_ *world, a *comity.Allocation) { a.Units = nil }),
		},
		body.RuleCheck: {
			"no such allocation": record(comity.KindCheck, func(_ *world, c *comity.Check) { c.About[0] ^= 1 }),
			"by the operator":    by[comity.Check](comity.KindCheck, "", operator, nil),
		},
	}
}

// next changes the second cohort of the history.
func next(change func(c *comity.Cohort)) lie {
	return lie{comity.KindHead, "FJ", func(w *world, _ comity.Statement) []byte {
		at := slices.IndexFunc(w.entries, func(e []byte) bool {
			st := parse(w.t, e)
			return st.Kind == comity.KindCohort && bytes.Contains(st.Record, []byte(`"number":2`))
		})
		var c comity.Cohort
		must(w.t, canon.Unmarshal(parse(w.t, w.entries[at]).Record, &c))
		change(&c)
		*w = *w.before(at)
		return w.sign(w.statement(operator, comity.KindCohort, c))
	}}
}

// Every rule refuses what breaks it, says so by its name, and leaves the state as it
// was. What the history says instead is admitted (TestHistory).
func TestEveryRuleRefuses(t *testing.T) {
	all, said := lies(), whole(t)
	for _, rule := range constants(t, "rules.go", "Rule") {
		if len(all[rule]) == 0 {
			t.Errorf("no case breaks rule %q", rule)
		}
	}
	for rule, cases := range all {
		for name, l := range cases {
			t.Run(rule+"/"+name, func(t *testing.T) {
				at := said.find(l.kind, l.author)
				w := said.before(at)
				w.t = t
				entry := l.tell(w, parse(t, said.entries[at]))
				w.refuses(entry, rule)
			})
		}
	}
}

// refuses requires that an entry breaks this rule and moves nothing.
func (w *world) refuses(entry []byte, rule string) {
	w.t.Helper()
	before := w.digest()
	for name, err := range map[string]error{"Admissible": w.state.Admissible(entry), "Fold": second(w.state.Fold(entry))} {
		var r *body.Refusal
		if !errors.As(err, &r) || !errors.Is(err, body.ErrRefused) {
			w.t.Fatalf("%s: %v, want a refusal", name, err)
		}
		if r.Rule != rule {
			w.t.Errorf("%s: refused by %q, want %q: %v", name, r.Rule, rule, err)
		}
	}
	if after := w.digest(); after != before {
		w.t.Errorf("the refusal moved the state from %s to %s", before, after)
	}
}

func second[A, B any](_ A, b B) B { return b }

// constants returns the values of the string constants of a file that begin with a word.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	source, err := os.ReadFile(file)
	must(t, err)
	f, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
	must(t, err)
	var values []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, prefix) && len(v.Values) == 1 {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				value, err := strconv.Unquote(lit.Value)
				must(t, err)
				values = append(values, value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s", file, prefix)
	}
	return values
}

// unsaid are the kinds that the history has none of: complaints, which nobody honest has
// of anybody honest, and scores, which belong to charters with adoption.
var unsaid = []string{string(comity.KindComplaint), string(comity.KindScore)}

// kinds lists all other kinds of statement.
func kinds(t *testing.T) []string {
	t.Helper()
	all := slices.Concat(constants(t, "../comity.go", "Kind"), constants(t, "../question.go", "Kind"), constants(t, "../oneshot.go", "Kind"))
	return slices.DeleteFunc(all, func(k string) bool { return slices.Contains(unsaid, k) })
}

// The page on statements explains every rule and every kind, and no rule that is gone.
func TestPageNamesAllRules(t *testing.T) {
	page, err := os.ReadFile("../docs/format/statements.md")
	must(t, err)
	rules := constants(t, "rules.go", "Rule")
	for _, id := range rules {
		if !bytes.Contains(page, []byte("\n| `"+id+"` |")) {
			t.Errorf("the page does not explain rule %s", id)
		}
	}
	for _, kind := range append(kinds(t), unsaid...) {
		if !bytes.Contains(page, []byte("\n| `"+kind+"` |")) {
			t.Errorf("the page does not explain kind %s", kind)
		}
	}
	unknown := map[string]bool{}
	_, table, _ := bytes.Cut(page, []byte("## Rules"))
	for line := range bytes.Lines(table) {
		if cells := strings.Split(string(line), "`"); strings.HasPrefix(string(line), "| `") && !slices.Contains(rules, cells[1]) {
			unknown[cells[1]] = true
		}
	}
	if len(unknown) > 0 {
		t.Errorf("the page explains rules that do not exist: %v", slices.Sorted(maps.Keys(unknown)))
	}
}
