package replay

import (
	"context"
	"errors"
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/verifier/secagg"
)

// A round whose sums do not end with the scores has none to state.
func TestARoundEndsWithItsScores(t *testing.T) {
	none := func(context.Context, canon.Digest) ([]byte, error) { return nil, ErrIncomplete }
	for name, steps := range map[string][]secagg.StepRecord{
		"no sums":     nil,
		"another sum": {{Name: "scores/attempt/0"}, {Name: "region/attempt/0"}},
		"like it":     {{Name: "scores"}},
	} {
		if _, err := Scored(t.Context(), body.New(), secagg.Transcript{Round: "r", Steps: steps}, none); !errors.Is(err, ErrDiffers) {
			t.Errorf("%s: %v, want ErrDiffers", name, err)
		}
	}
	last := []secagg.StepRecord{{Name: "scores/attempt/0"}}
	if _, err := Scored(t.Context(), body.New(), secagg.Transcript{Round: "r", Steps: last}, none); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a sum that is not shown: %v, want ErrIncomplete", err)
	}
}

// Whatever field of a statement is changed, it is another one.
func TestSameScoreComparesEveryField(t *testing.T) {
	model := canon.Sum([]byte("model"))
	say := func() comity.Score {
		cells := func() []comity.ScoreCell {
			return []comity.ScoreCell{{Target: "t", Weeks: 1, Forecasts: 5, WIS: 40, Reference: 50, Within50: 2, Within90: 4}}
		}
		return comity.Score{Round: "r", Served: comity.ScoreSum{Members: 3, Cells: cells()}, Tried: comity.ScoreSum{Members: 2, Cells: cells()}}
	}
	if err := SameScore(say(), say()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*comity.Score){
		"round":     func(s *comity.Score) { s.Round = "q" },
		"model":     func(s *comity.Score) { s.Model = &model },
		"canary":    func(s *comity.Score) { s.Canary = &model },
		"void":      func(s *comity.Score) { s.Void = true },
		"members":   func(s *comity.Score) { s.Served.Members++ },
		"tried":     func(s *comity.Score) { s.Tried.Members++ },
		"target":    func(s *comity.Score) { s.Served.Cells[0].Target = "u" },
		"weeks":     func(s *comity.Score) { s.Served.Cells[0].Weeks++ },
		"forecasts": func(s *comity.Score) { s.Tried.Cells[0].Forecasts++ },
		"wis":       func(s *comity.Score) { s.Tried.Cells[0].WIS-- },
		"reference": func(s *comity.Score) { s.Served.Cells[0].Reference++ },
		"within 50": func(s *comity.Score) { s.Served.Cells[0].Within50-- },
		"within 90": func(s *comity.Score) { s.Served.Cells[0].Within90-- },
	} {
		logged := say()
		change(&logged)
		if err := SameScore(logged, say()); !errors.Is(err, ErrDiffers) {
			t.Errorf("%s: %v, want ErrDiffers", name, err)
		}
	}
}
