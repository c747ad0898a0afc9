package body

import (
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/modeler/tally"
)

// Status is where a model stands. It follows from rounds, scores and the calendar by the
// rules of the charter; nobody decides it.
type Status string

// The statuses of a model.
const (
	Canary     Status = "canary"      // On trial: it forecasts at home and decides nothing.
	InForce    Status = "in_force"    // Forecasts are made with it.
	Previous   Status = "previous"    // In force before the present one, which may fall back to it.
	Retired    Status = "retired"     // Its weeks are over, or two others came after it.
	RolledBack Status = "rolled_back" // It was worse than carried forecasts.
	Rejected   Status = "rejected"    // Its trial did not end in its favour.
)

// Registered is one model with what became of it.
type Registered struct {
	Model     canon.Digest `json:"model"`
	Interface string       `json:"interface"`
	Task      string       `json:"task"` // The code that trained it.
	Round     string       `json:"round"`
	Trained   string       `json:"trained"`   // Period of its training.
	RetireBy  string       `json:"retire_by"` // The first day on which it does not serve.
	Status    Status       `json:"status"`
	Since     string       `json:"since"` // The period from which it has this status.
	Scores    []Scored     `json:"scores"`
}

// Scored is how a model did in one round, as canary or in force.
type Scored struct {
	Period  string          `json:"period"`
	Against *canon.Digest   `json:"against"` // The model in force that a canary is compared with; null: carried forecasts.
	Sum     comity.ScoreSum `json:"sum"`
}

// Registry is all models of a body, in the order of their training. At most one is in
// force, one is the previous one and one is on trial.
type Registry struct {
	Models []Registered

	terms                     comity.Adoption
	inForce, previous, canary int // Indices into Models, none for nobody.
}

// none is the index of nobody.
const none = -1

// Registry returns the models as they stand in a period, by all rounds in the log.
func (s *State) Registry(period string) Registry {
	return RegistryOf(s.view.Rounds, s.charter.Models, period)
}

// RegistryOf folds rounds, oldest first. Under a charter with adoption no round is closed
// after a later one, so their names are in the order of the log.
func RegistryOf(rounds map[string]Round, m comity.ModelClause, period string) Registry {
	return registry(rounds, m, period, func(string) bool { return true })
}

// registry folds the rounds that count.
func registry(rounds map[string]Round, m comity.ModelClause, period string, counts func(round string) bool) Registry {
	g := Registry{terms: comity.Adoption{RetireWeeks: m.RefitWeeks}, inForce: none, previous: none, canary: none}
	if m.Adoption != nil {
		g.terms = *m.Adoption
	}
	for _, name := range slices.Sorted(maps.Keys(rounds)) {
		r := rounds[name]
		if r.Model == nil || !counts(name) {
			continue
		}
		g.expire(r.Plan.Period)
		if r.Score != nil {
			g.judge(r.Plan.Period, *r.Score)
		}
		if r.Plan.Task == m.Task {
			g.train(Registered{
				Model: r.Model.Model, Interface: m.Interface, Task: m.Task, Round: name, Trained: r.Plan.Period,
				RetireBy: addWeeks(r.Plan.Period, g.terms.RetireWeeks), Status: Canary, Since: r.Plan.Period, Scores: []Scored{},
			})
		}
	}
	g.expire(period)
	return g
}

// InForce returns the model that forecasts are made with.
func (g *Registry) InForce() (Registered, bool) { return g.at(g.inForce) }

// Canary returns the model on trial.
func (g *Registry) Canary() (Registered, bool) { return g.at(g.canary) }

func (g *Registry) at(i int) (Registered, bool) {
	if i == none {
		return Registered{}, false
	}
	return g.Models[i], true
}

// expire retires every model whose last week is over.
func (g *Registry) expire(period string) {
	for _, i := range []*int{&g.inForce, &g.previous, &g.canary} {
		if *i != none && period >= g.Models[*i].RetireBy {
			g.leave(i, Retired, g.Models[*i].RetireBy)
		}
	}
}

// leave gives the model in a place a status that it keeps.
func (g *Registry) leave(place *int, status Status, period string) {
	if *place != none {
		g.Models[*place].Status, g.Models[*place].Since = status, period
		*place = none
	}
}

// train enters a new model on trial. Where nothing is in force, or the charter has no
// trial, it is in force at once.
func (g *Registry) train(m Registered) {
	g.leave(&g.canary, Rejected, m.Trained)
	g.Models = append(g.Models, m)
	g.canary = len(g.Models) - 1
	if g.inForce == none || g.terms.CanaryWeeks == 0 {
		g.adopt(m.Trained)
	}
}

// adopt puts the canary in force; the model in force becomes the previous one.
func (g *Registry) adopt(period string) {
	g.leave(&g.previous, Retired, period)
	if g.inForce != none {
		g.previous = g.inForce
		g.stand(g.previous, Previous, period)
	}
	g.inForce, g.canary = g.canary, none
	g.stand(g.inForce, InForce, period)
}

func (g *Registry) stand(i int, status Status, period string) {
	g.Models[i].Status, g.Models[i].Since = status, period
}

// judge takes the scores of a round and draws the charter's consequences: first a trial
// ends, and if none ended in favour of the canary, a model in force that did worse than
// carried forecasts falls back to the one before. Without one it stays: a week without
// any forecast would help nobody.
func (g *Registry) judge(period string, s comity.Score) {
	if g.canary != none && g.inForce != none {
		against := g.Models[g.inForce].Model
		g.note(g.canary, Scored{period, &against, s.Tried})
	}
	if g.inForce == none {
		return
	}
	g.note(g.inForce, Scored{period, nil, s.Served})
	if over, passed := g.trial(period); over && passed {
		g.adopt(period)
		return
	} else if over {
		g.leave(&g.canary, Rejected, period)
	}
	if g.previous != none && g.fails() {
		g.leave(&g.inForce, RolledBack, period)
		g.inForce, g.previous = g.previous, none
		g.stand(g.inForce, InForce, period)
	}
}

func (g *Registry) note(i int, s Scored) {
	m := &g.Models[i]
	m.Scores = append(slices.Clip(m.Scores), s)
}

// trial tells whether the canary's trial is over and how it ended. It lasts until the two
// models have stood side by side for the charter's weeks and one week counts.
func (g *Registry) trial(period string) (over, passed bool) {
	if g.canary == none {
		return false, false
	}
	c, f := g.Models[g.canary], g.Models[g.inForce]
	if period < addWeeks(max(c.Since, f.Since), g.terms.CanaryWeeks) {
		return false, false
	}
	counted := g.counted(c, func(s Scored) bool { return s.Against != nil && *s.Against == f.Model && s.Period > f.Since })
	return len(counted) > 0, atMost(counted, g.terms.AdoptRatio)
}

// fails tells whether the model in force was worse than the charter allows, over the last
// of its weeks in force that count, once there are as many as the charter asks for.
func (g *Registry) fails() bool {
	f := g.Models[g.inForce]
	counted := g.counted(f, func(s Scored) bool { return s.Against == nil && s.Period > f.Since })
	n := len(counted) - g.terms.RollbackWeeks
	return g.terms.RollbackWeeks > 0 && n >= 0 && !atMost(counted[n:], g.terms.RollbackRatio)
}

// counted returns the scores that a comparison is about, but those of too few members.
func (g *Registry) counted(m Registered, about func(Scored) bool) []Scored {
	return slices.DeleteFunc(slices.Clone(m.Scores), func(s Scored) bool {
		return !about(s) || int(s.Sum.Members) < g.terms.MinScored
	})
}

// atMost tells whether summed scores are at most so many times the reference's.
func atMost(scores []Scored, ratio exact.Rat) bool {
	var wis, reference int64
	for _, s := range scores {
		t := tally.Total(s.Sum)
		wis, reference = wis+int64(t.WIS), reference+int64(t.Reference)
	}
	return exact.Int(wis).Cmp(ratio.Mul(exact.Int(reference))) <= 0
}

// InForce returns the model that an update in a period brings up to date.
func (s *State) InForce(period string) (Registered, bool) {
	if s.charter.Models.Adoption == nil {
		name, _, _ := s.LatestModel()
		return s.Serving(name)
	}
	g := s.Registry(period)
	return g.InForce()
}

// Serving returns the model that the forecasts after a round are made with: without
// adoption that of the round itself; with it, the model in force once the round's scores
// are said.
func (s *State) Serving(round string) (Registered, bool) {
	r := s.view.Rounds[round]
	m := s.charter.Models
	known, ok := s.served[round]
	switch {
	case ok:
		return known, true
	case r.Model == nil:
		return Registered{}, false
	case m.Adoption == nil:
		return Registered{
			Model: r.Model.Model, Interface: m.Interface, Task: m.Task, Round: round, Trained: r.Trained,
			RetireBy: addWeeks(r.Trained, m.RefitWeeks), Status: InForce, Since: r.Trained,
		}, true
	case r.Score == nil:
		return Registered{}, false
	}
	g := registry(s.view.Rounds, m, r.Plan.Period, func(name string) bool { return name <= round })
	return g.InForce()
}

// Task returns what a period's round computes. Under a charter with adoption nobody can
// choose it, or a hub could train until some canary is lucky: a model is trained where
// none is in force, and when the newest is as old as the charter says and on trial no
// more.
func (s *State) Task(period string) string {
	m := s.charter.Models
	if _, planned := s.view.Rounds[RoundName(period, m.Task)]; planned {
		return m.Task
	}
	g := s.Registry(period)
	_, serves := g.InForce()
	_, tried := g.Canary()
	newest := len(g.Models) - 1
	if !serves || !tried && period >= addWeeks(g.Models[newest].Trained, m.RefitWeeks) {
		return m.Task
	}
	return TaskUpdate
}

// due holds what adoption asks of a plan: the rounds before are closed with their scores,
// so that no week is left out of them, and the task is the one that is due.
func (s *State) due(p comity.Plan) broken {
	if s.charter.Models.Adoption == nil {
		return broken{}
	}
	if name, _, ok := s.LatestModel(); ok {
		switch last := s.view.Rounds[name]; {
		case last.Score == nil:
			return breaks(RulePlan, "round %q has a model and no scores yet", name)
		case p.Period <= last.Plan.Period:
			return breaks(RulePlan, "round %q of %s has a model, a later one is of a later period than %s", name, last.Plan.Period, p.Period)
		}
	}
	if want := s.Task(p.Period); p.Task != want {
		return breaks(RulePlan, "task %.40q, for %s it is %q", p.Task, p.Period, want)
	}
	return broken{}
}
