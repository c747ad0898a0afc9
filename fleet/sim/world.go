package sim

import (
	"encoding/binary"
	"errors"
	"slices"

	"comity"
	"comity/body"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
)

// world is a consortium, its log, and the links between its parties.
type world struct {
	*consortium
	seed  chance.Seed
	net   network
	log   [][]byte    // Witnessed: everybody sees the same one.
	state *body.State // The hub's fold of it.
	liar  liar
}

func newWorld(c *consortium, seed chance.Seed, f Faults, l liar) (world, error) {
	net := network{lots: chance.NewStream(chance.Derive(seed, "net")), faults: f}
	w := world{consortium: c, seed: seed, net: net, log: slices.Clip(c.entries), liar: l}
	var err error
	w.state, err = replay(w.log)
	return w, err
}

// calm tells whether nobody lies and nothing fails.
func (w *world) calm() bool { return !w.liar.lies && w.net.faults == (Faults{}) }

// say logs a statement at once.
func (w *world) say(author party.ID, kind comity.Kind, record any) error {
	entry, err := w.sign(w.state, author, kind, record)
	if err != nil {
		return err
	}
	return w.admit(entry)
}

// admit logs an entry that the rules admit.
func (w *world) admit(entry []byte) error {
	if _, err := w.state.Fold(entry); err != nil {
		return err
	}
	w.log = append(w.log, entry)
	return nil
}

// exchange publishes keys and boxes for an epoch, deals and opens the pair secrets of
// everybody, and ratchets them for a round.
func (w *world) exchange(epoch, name string) (map[party.ID]*secagg.Pairs, error) {
	keys := map[party.ID]*secagg.EpochKey{}
	var peers []secagg.Peer
	for _, id := range w.members {
		k, public, err := secagg.NewEpoch(secretOf(w.seed, "epoch", string(id)))
		if err != nil {
			return nil, err
		}
		keys[id] = k
		peers = append(peers, secagg.Peer{Party: id, Key: public})
		if err := w.say(id, comity.KindKeys, k.Record(epoch, id)); err != nil {
			return nil, err
		}
	}
	pairs, records, boxes := map[party.ID]*secagg.Pairs{}, map[party.ID]comity.Boxes{}, map[party.ID][]secagg.Box{}
	for _, id := range w.members {
		var err error
		records[id], boxes[id], pairs[id], err = keys[id].Deal(w.charter.ID, epoch, id, peers, secretOf(w.seed, "deal", string(id)))
		if err != nil {
			return nil, err
		}
		if err := w.say(id, comity.KindBoxes, records[id]); err != nil {
			return nil, err
		}
	}
	for _, id := range w.members {
		for i, b := range boxes[id] {
			at := secagg.BoxContext{Body: w.charter.ID, Epoch: epoch, From: id, To: b.To}
			key, err := keys[b.To].Open(at, records[id].Boxes[i].Digest, b.Sealed)
			if err != nil {
				return nil, err
			}
			pairs[b.To].Set(id, key)
		}
	}
	for _, id := range w.members {
		pairs[id] = pairs[id].Ratchet(name)
	}
	return pairs, nil
}

// entriesFrom writes the log from one index on for a member; readEntries reads it.
func (w *world) entriesFrom(request []byte) []byte {
	if len(request) != 4 {
		return nil
	}
	from := int(binary.BigEndian.Uint32(request))
	if from >= len(w.log) {
		return nil
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(from)) //nolint:gosec // A few hundred entries.
	for _, e := range w.log[from:] {
		out = binary.BigEndian.AppendUint32(out, uint32(len(e))) //nolint:gosec // At most 64 KiB.
		out = append(out, e...)
	}
	return out
}

var errShort = errors.New("entries cut short")

func readEntries(data []byte) (from int, entries [][]byte, err error) {
	if len(data) < 4 {
		return 0, nil, errShort
	}
	from, data = int(binary.BigEndian.Uint32(data)), data[4:]
	for len(data) > 0 {
		if len(data) < 4 {
			return 0, nil, errShort
		}
		n := int(binary.BigEndian.Uint32(data))
		if data = data[4:]; n > len(data) {
			return 0, nil, errShort
		}
		entries, data = append(entries, data[:n]), data[n:]
	}
	return from, entries, nil
}

// catchUp folds entries that the hub sent, up to the first that was damaged on its way.
func catchUp(s *body.State, data []byte) {
	from, entries, err := readEntries(data)
	if err != nil {
		return
	}
	for i, e := range entries {
		if from+i != s.View().Size {
			continue
		}
		if _, err := s.Fold(e); err != nil {
			return
		}
	}
}
