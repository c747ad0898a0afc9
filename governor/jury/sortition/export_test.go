package sortition

import (
	"context"

	"comity/governor/jury"
)

// Directly draws over panels themselves, without the best expected numbers of the rows:
// what Draw falls back on.
func Directly(ctx context.Context, pool jury.Pool, a jury.Algorithm, open Engine) (jury.Result, error) {
	s := newSpace(pool.Form())
	d := &draw{pool: pool, space: s, open: open, deck: newDeck(s, open)}
	defer d.deck.close(ctx)
	goal, err := d.aim(ctx, a)
	if err != nil {
		return jury.Result{}, err
	}
	return d.without(ctx, a, goal)
}
