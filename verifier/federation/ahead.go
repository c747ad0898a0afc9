package federation

import (
	"maps"
	"slices"

	"comity"
	"comity/party"
	"comity/verifier/secagg/oneshot"
)

// Ahead returns what this member will have to say after what Next asks for now, if all
// others do what is due of them and nobody complains, in this order, with the letters that
// belong to it. It is for a member that sees the log rarely: who keeps these statements for
// it passes each on when its phase comes. One that does not fit then is refused like any
// other, and costs the member its part in the round.
//
// A nonce that others may see early adds nothing to the public coin, which holds as long as
// one member opens its own when all have joined. Numbers that are masked early are covered by
// the same masks as later, and by the self mask, which nobody recovers unless they are in the
// sum.
func (p *Participant) Ahead(b Board) ([]Say, []Letter, error) {
	switch b.Phase() {
	case Asked:
		if !slices.Contains(b.Ready, p.cfg.Self) {
			return nil, nil, nil // Without keys and boxes it would not be invited.
		}
		return p.enter(b)
	case Joining:
		if _, said := b.Joins[p.cfg.Self]; !said {
			return nil, nil, nil
		}
		says, letters, err := p.enter(b)
		return says[min(1, len(says)):], letters, err
	case Complaining:
		if b.Settled[p.cfg.Self] {
			b.Settled = maps.Clone(b.Settled)
			for _, who := range slices.Sorted(maps.Keys(b.Deals)) {
				b.Settled[who] = true
			}
			return p.commitAhead(b)
		}
	default:
	}
	return nil, nil, nil
}

// enter is a join and the nonce that opens it.
func (p *Participant) enter(b Board) ([]Say, []Letter, error) {
	b.Invited = []party.ID{p.cfg.Self}
	b.Joins = nil
	say, _, err := p.join(b)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := p.nonce()
	if err != nil {
		return nil, nil, err
	}
	return []Say{*say, {comity.KindNonce, comity.Nonce{Round: b.Question.Round, Nonce: nonce}}}, nil, nil
}

func (p *Participant) commitAhead(b Board) ([]Say, []Letter, error) {
	if b.Phase() != Committing {
		return nil, nil, nil
	}
	say, letters, err := p.upload(b)
	if err != nil || say == nil {
		return nil, nil, err
	}
	return []Say{*say}, letters, nil
}

// ParcelsAhead is what a holder would be handed out if dealing ended now: nil while nobody
// dealt. Each parcel is sealed to its holder by the pair's own key, so that one which comes
// early tells nobody more.
func (c *Conductor) ParcelsAhead(b Board, to party.ID) (*Letter, error) {
	if b.Open == nil {
		return nil, nil
	}
	if err := c.follow(b, b.Phase()); err != nil || c.hub == nil {
		return nil, err
	}
	p, err := c.hub.ParcelsAhead(to)
	if err != nil {
		return nil, err
	}
	return &Letter{Parcels, p.Bytes()}, nil
}

// TakesPart tells whether a party is in the roster, once there is one.
func (b Board) TakesPart(id party.ID) bool {
	if b.Open == nil || b.Phase() == Joining || b.Phase() == Drawing {
		return false
	}
	roster, err := oneshot.Roster(*b.Open, b.Joins, b.Nonces)
	return err == nil && slices.Contains(roster, id)
}

// Missing lists, ascending, who has not said what the phase waits for.
func (b Board) Missing() []party.ID {
	switch b.Phase() {
	case Asked:
		return without(b.From, b.Consents)
	case Joining:
		return without(b.Invited, b.Joins)
	case Drawing:
		return without(slices.Sorted(maps.Keys(b.Joins)), b.Nonces)
	case Dealing:
		if g, err := b.Group(); err == nil {
			return without(g.Members(), b.Deals)
		}
	case Complaining:
		return without(slices.Sorted(maps.Keys(b.Deals)), b.Settled)
	case Committing:
		if c, err := b.Cast(); err == nil {
			return without(c.Members(), b.Commits)
		}
	case Unmasking:
		return without(b.Survivors.Members, b.Unmasks)
	default:
	}
	return nil
}

// without returns those who are not in said.
func without[V any](who []party.ID, said map[party.ID]V) []party.ID {
	return slices.DeleteFunc(slices.Clone(who), func(id party.ID) bool {
		_, there := said[id]
		return there
	})
}
