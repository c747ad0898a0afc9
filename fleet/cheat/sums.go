package cheat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"comity"
	"comity/modeler/forecast"
	"comity/node"
	"comity/party"
	"comity/verifier/secagg"
)

// Steps of the recipe in its first attempt, and how their sums lie
// (docs/format/forecast.md).
const (
	stepEdges     = "edges/attempt/0"
	stepTrust     = "trust/attempt/0"
	stepResiduals = "residuals/attempt/0"
	leads         = 5    // Weeks ahead of the newest row.
	trustSums     = 9    // By lead: errors when no, one, ... eight eighths of a change are believed.
	residualCells = 1024 // By lead: errors in 64ths of their expected size, from -8 to 8.
)

// shift is by how many cells the hub moves every error: eight expected sizes.
const shift = 512

// deflate moves all residuals down, which keeps every count possible: the model then
// takes outbreaks for nearly over, most where they are least certain.
func deflate(sum []int64) {
	for lead := range leads {
		cells := sum[lead*residualCells : (lead+1)*residualCells]
		before := slices.Clone(cells)
		clear(cells)
		for i, n := range before {
			cells[max(i-shift, 0)] += n
		}
	}
}

func hubAltersSum() Cheat {
	return Cheat{
		Name: "hub-alters-sum", Title: "The hub alters a sum", Who: "hub",
		Tries: "The hub changes one of the summed vectors, the same for all, and logs the model that follows although its own check fails.",
		run: func(ctx context.Context, s *stage) error {
			s.cheat.Hub = &node.HubRehearsal{Credulous: true, Sum: func(_ int, step string, blob []byte) []byte {
				if step != stepResiduals {
					return blob
				}
				return rewrite(blob, deflate)
			}}
			if err := s.open(ctx); err != nil {
				return err
			}
			wanted := is(secagg.ErrFingerprint)
			if err := s.until(ctx, s.decide, wanted, s.everybody()); err != nil {
				return err
			}
			s.caught(wanted)
			s.out.Tried = fmt.Sprintf("The hub moved the counts of past forecast errors in sum %d of %d, so that every outbreak looks nearly over, showed this sum to all %d members, and logged the model.",
				s.tape.at(stepResiduals)+1, s.tape.at(stepResiduals)+1, s.everybody())
			return s.wouldHave(ctx, func(step string, sum []int64) {
				if step == stepResiduals {
					deflate(sum)
				}
			})
		},
	}
}

// wouldHave computes what altered sums would have come to.
func (s *stage) wouldHave(ctx context.Context, alter func(string, []int64)) error {
	honest, err := s.played(ctx, nil)
	if err != nil {
		return err
	}
	lied, err := s.played(ctx, alter)
	if err != nil {
		return err
	}
	return s.compare(ctx, honest, lied)
}

// compare says what other forecasts would have done to forecasts and shares.
func (s *stage) compare(ctx context.Context, honest, lied []comity.Series) error {
	a, err := s.allocate(ctx, s.rules, s.Scenario.Needs, honest)
	if err != nil {
		return err
	}
	b, err := s.allocate(ctx, s.rules, s.Scenario.Needs, lied)
	if err != nil {
		return err
	}
	place, most := s.middle(), int64(-1)
	for _, id := range s.members() {
		x, y := outlook(honest, id), outlook(lied, id)
		if change := max(x-y, y-x); change > most {
			place, most = id, change
		}
	}
	s.out.WouldHave = fmt.Sprintf("The forecast for %s in two weeks reads %d %% of its own high level instead of %d %%; %s.",
		s.name(place), outlook(lied, place), outlook(honest, place), s.moved(a.result.Parties, b.result.Parties))
	return nil
}

func hubTwoStories() Cheat {
	return Cheat{
		Name: "hub-two-stories", Title: "The hub tells two stories", Who: "hub",
		Tries: "The hub shows one member another sum than the others, to make it forecast otherwise.",
		run:   twoStories,
	}
}

// distrust makes the errors smallest when nothing of an expected change is believed.
func distrust(sum []int64) {
	for lead := range leads {
		sum[lead*trustSums] = 0
	}
}

func twoStories(ctx context.Context, s *stage) error {
	var victim party.ID
	var mu sync.Mutex
	var misfit error
	s.cheat.Hub = &node.HubRehearsal{
		Show: func(to party.ID, kind string, data []byte) []byte {
			if to != victim || kind != "sum" {
				return data
			}
			b, err := secagg.ParseBroadcast(data)
			if err != nil || b.Number != s.tape.at(stepTrust) {
				return data
			}
			b.Sum = rewrite(b.Sum, distrust)
			return b.Bytes()
		},
		Refused: func(from party.ID, err error) {
			mu.Lock()
			defer mu.Unlock()
			if from == victim && misfit == nil && is(secagg.ErrTranscript)(err) {
				misfit = err
			}
		},
	}
	victim = s.largest()
	if err := s.open(ctx); err != nil {
		return err
	}
	wanted := is(secagg.ErrHead)
	if err := s.until(ctx, s.decide, wanted, 1); err != nil {
		return err
	}
	mu.Lock()
	if misfit != nil {
		s.refuse(misfit)
	}
	mu.Unlock()
	s.caught(wanted)
	s.out.By += ", whose masks fit no sum of the others"
	s.out.Tried = fmt.Sprintf("In sum %d the hub told %s alone that past seasons bore out nothing of the expected changes, and when its next vector did not fit, left it out as if it had not answered.",
		s.tape.at(stepTrust)+1, s.name(victim))
	honest, lied, err := s.twoViews(ctx, victim)
	if err != nil {
		return err
	}
	return s.compare(ctx, honest, lied)
}

// twoViews trains as if masks were bound to no story: the victim sees its own version of
// one sum and goes on adding its vectors to the others'.
func (s *stage) twoViews(ctx context.Context, victim party.ID) (honest, lied []comity.Series, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if honest, err = s.pooled(ctx, s.Scenario.Rows); err != nil {
		return nil, nil, err
	}
	table := newSeats(2, func(at int, step string, sum []int64) {
		if at == 1 && step == stepTrust {
			distrust(sum)
		}
	})
	var running sync.WaitGroup
	var results [2]*forecast.Result
	var failures [2]error
	for at, of := range [][]party.ID{others(s.members(), victim), {victim}} {
		running.Go(func() {
			in := s.input()
			if in.Archive, failures[at] = s.archive(s.Scenario.Rows, of); failures[at] == nil {
				results[at], failures[at] = forecast.Run(ctx, in, seat{table, at})
			}
			if failures[at] != nil {
				stop()
			}
		})
	}
	running.Wait()
	for _, err := range failures {
		if err != nil && !strings.Contains(err.Error(), context.Canceled.Error()) {
			return nil, nil, err
		}
	}
	if results[0] == nil || results[1] == nil {
		return nil, nil, ctx.Err()
	}
	return honest, slices.Concat(results[0].Series, results[1].Series), nil
}
