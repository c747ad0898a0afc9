package node

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"comity/adapter/nats"
	"comity/party"
)

// TestASlowLineIsWaitedForAndADeadOneIsNot holds both halves.
func TestASlowLineIsWaitedForAndADeadOneIsNot(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	after := began.Add
	const mega = 1_000_000
	w := window{began: began, patience: 10 * time.Second, down: mega, up: 2 * mega} // 50 s down, 100 s up.
	piece := nats.Carries(nats.PieceBytes)
	for name, c := range map[string]struct {
		line line
		want time.Time
	}{
		"away":                     {line{}, after(10 * time.Second)},
		"away after it sent some":  {line{moved: after(9 * time.Second)}, after(10 * time.Second)},
		"silent":                   {line{here: true}, after(60*time.Second + piece)},
		"moved in an earlier step": {line{here: true, moved: after(-time.Second)}, after(60*time.Second + piece)},
		"moves":                    {line{here: true, moved: after(90 * time.Second)}, after(100 * time.Second)},
		"trickles":                 {line{here: true, moved: after(155 * time.Second)}, after(160 * time.Second)},
	} {
		if got := w.due(c.line); !got.Equal(c.want) {
			t.Errorf("%s: due %s after the beginning, want %s", name, got.Sub(began), c.want.Sub(began))
		}
	}
}

// TestWhoNeverCameIsNotWaitedForLong gives a member that was away since the hub started less
// than the long patience before the first step, and all others what they had.
func TestWhoNeverCameIsNotWaitedForLong(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	w := window{began: began, patience: time.Minute, up: 2_000_000} // 100 s up.
	for name, c := range map[string]struct {
		line line
		want time.Duration
	}{
		"never came":    {line{}, returning},
		"came and went": {line{met: true}, time.Minute},
		"came":          {line{met: true, here: true}, time.Minute + nats.Carries(nats.PieceBytes)},
		"slow":          {line{met: true, here: true, moved: began.Add(50 * time.Second)}, 110 * time.Second},
	} {
		if got := w.due(c.line).Sub(began); got != c.want {
			t.Errorf("%s: due %s after the beginning, want %s", name, got, c.want)
		}
	}
	late, next := w.late([]party.ID{"KE", "TZ"}, began, func(id party.ID) line { return line{met: id == "KE", here: id == "KE"} })
	if len(late) != 0 || next != returning {
		t.Errorf("late are %v at once, the hub looks again in %s, want %s", late, next, returning)
	}
}

// TestWindowsEnd holds for all lines that who moves is given no less time than who does
// not, that nobody has more than a slow line needs, and that the hub looks in time.
func TestWindowsEnd(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		w := window{
			began: began, patience: time.Duration(rapid.IntRange(1, 100).Draw(t, "patience")) * time.Second,
			down: rapid.IntRange(0, nats.DefaultMaxPayload).Draw(t, "down"), up: rapid.IntRange(0, nats.DefaultMaxPayload).Draw(t, "up"),
		}
		moved := line{here: true, moved: began.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "moved")) * time.Second)}
		still, gone := w.due(line{here: true}), w.due(line{})
		due := w.due(moved)
		if due.Before(still) || still.Before(gone) || due.After(began.Add(w.patience+nats.Carries(w.down)+nats.Carries(w.up)+time.Microsecond)) {
			t.Fatalf("%+v: gone %s, still %s, moved %s", w, gone.Sub(began), still.Sub(began), due.Sub(began))
		}
		now := began.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "now")) * time.Second)
		late, next := w.late([]party.ID{"KE", "TZ"}, now, func(id party.ID) line {
			if id == "KE" {
				return moved
			}
			return line{}
		})
		if slices.Contains(late, "KE") != !due.After(now) || slices.Contains(late, "TZ") != !gone.After(now) {
			t.Fatalf("late are %v at %s; due %s and %s", late, now.Sub(began), due.Sub(began), gone.Sub(began))
		}
		if len(late) == 0 && (next < soonest || now.Add(next).After(maxTime(gone, now.Add(soonest)))) {
			t.Fatalf("looks again in %s", next)
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
