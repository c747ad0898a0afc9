package additive

import (
	"context"
	"fmt"
)

// stage is a run of rounds in which some blocks take steps.
type stage struct {
	name   string
	blocks []block
	counts [][]int64 // By model and cell: the rows that steps count on.
	limits [][]int64 // By model and cell: the most rows that a round may have.
	rounds int

	models []values // What came of it.
	taken  int      // Rounds whose steps are in it.
	// Losses outside the folds before the first step and of models, as sums over weights.
	before, after ratio
}

// path is where one model stands: at its last good place and one step further.
type path struct {
	here, next values
	step       values // The whole step that next took a part of.
	halvings   int    // Next is here plus step over 2^halvings.
	loss       ratio  // Of the rows it learns from, at here.
	fresh      bool   // No loss is known yet.
}

// maxHalvings bounds how small a step becomes before it counts as none.
const maxHalvings = 8

// take takes the rounds of a stage.
func (t *trainer) take(ctx context.Context, s *stage, begin []values) error {
	paths := make([]path, len(begin))
	for k := range paths {
		paths[k] = path{here: begin[k], next: begin[k], fresh: true}
	}
	known := false // Whether a best loss is known under the attempt in force.
	since := 0     // Rounds since then.
	for round := range s.rounds {
		models := make([]values, len(paths))
		for k := range paths {
			models[k] = paths[k].next
		}
		all, renewed, err := t.round(ctx, s, round, models)
		if err != nil {
			return fmt.Errorf("%s %d: %w", s.name, round, err)
		}
		if renewed { // Other rows than before: their losses do not compare.
			known = false
			for k := range paths {
				paths[k].fresh = true
			}
		}
		harmed := false
		for k := range paths {
			harmed = harmed || t.harmed(&paths[k], &all[k])
		}
		if now := outsideOf(all); t.cfg.Patience > 0 && !harmed {
			if round == 0 {
				s.before = now
			}
			if !known || now.below(s.after) {
				s.after, s.models, s.taken, known, since = now, models, round, true, 0
			} else if since++; since >= t.cfg.Patience {
				return nil
			}
		}
		for k := range paths {
			t.advance(&paths[k], s, &all[k], s.counts[k])
		}
	}
	if t.cfg.Patience == 0 {
		s.models, s.taken = make([]values, len(paths)), s.rounds
		for k := range paths {
			s.models[k] = paths[k].next
		}
	}
	return nil
}

// outsideOf returns the loss of all rows under the model that does not know them.
func outsideOf(all []sums) (r ratio) {
	for i := range all {
		r = r.plus(all[i].outside.loss, all[i].outside.weight)
	}
	return r
}

// harmed says whether the last step of a model made its own rows worse.
//
// All blocks step at once, each as if it were alone. With a rate of at most one over
// their number that never does harm, because the loss is convex; beyond that it might,
// where many features say the same.
func (t *trainer) harmed(p *path, now *sums) bool {
	return !t.cfg.Noise.Private() && !p.fresh && p.halvings < maxHalvings && p.loss.below(now.inside)
}

// advance moves a model on by one step, or back halfway where its last step did harm. It
// goes on with steps of that size.
func (t *trainer) advance(p *path, s *stage, now *sums, counts []int64) {
	if t.harmed(p, now) {
		p.halvings++
		p.next = p.here.plus(p.step.over(1 << p.halvings))
		return
	}
	p.here, p.loss, p.fresh = p.next, now.inside, false
	if t.cfg.Noise.Private() {
		p.step = t.cfg.noisyStep(s.blocks, now, t.facts)
	} else {
		p.step = t.cfg.step(s.blocks, now, counts)
	}
	p.next = p.here.plus(p.step.over(1 << p.halvings))
}
