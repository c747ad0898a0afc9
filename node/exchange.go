package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
)

// epochFile is where a member keeps the secrets of one key epoch.
func (m *Member) epochFile(epoch, what string) string {
	return m.cfg.Home.path("epochs", canon.Sum([]byte(epoch)).Hex()[:16], what)
}

// publishKeys logs this member's key for sealed exchanges and commits to its share of
// the public coin, unless its own policy refuses the round. The key is on disk before it
// is in the log.
func (m *Member) publishKeys(ctx context.Context, round, epoch string) error {
	if _, said := m.state.View().Epochs[epoch].Keys[m.cfg.Self]; said {
		return nil
	}
	if consents, err := m.consents(ctx, round); err != nil || !consents {
		return err
	}
	key, err := m.epochKey(epoch)
	if err != nil {
		return err
	}
	return m.submit(ctx, m.next(), comity.KindKeys, key.Record(epoch, m.cfg.Self))
}

// epochKey loads the key of an epoch, or draws it.
func (m *Member) epochKey(epoch string) (*secagg.EpochKey, error) {
	name := m.epochFile(epoch, "key")
	data, err := os.ReadFile(name)
	if err == nil {
		return secagg.ParseEpoch(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, _, err := secagg.NewEpoch(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key, writeFile(name, key.Bytes())
}

// sealBoxes seals a fresh secret to every later member and logs the digests. Peers' keys
// come from the witnessed log, so that the hub cannot hand out its own.
func (m *Member) sealBoxes(ctx context.Context, epoch string) error {
	e := m.state.View().Epochs[epoch]
	if _, said := e.Boxes[m.cfg.Self]; said {
		return nil
	}
	key, err := m.epochKey(epoch)
	if err != nil {
		return err
	}
	var peers []secagg.Peer
	for _, id := range slices.Sorted(maps.Keys(e.Keys)) {
		if id != m.cfg.Self {
			peers = append(peers, secagg.Peer{Party: id, Key: e.Keys[id].Key})
		}
	}
	record, boxes, pairs, err := key.Deal(m.charter.ID, epoch, m.cfg.Self, peers, rand.Reader)
	if err != nil {
		return err
	}
	if err := writeFile(m.epochFile(epoch, "dealt"), pairs.Bytes()); err != nil {
		return err
	}
	var dealt []sealedBox
	for _, b := range boxes {
		dealt = append(dealt, sealedBox{Epoch: epoch, To: string(b.To), Box: b.Sealed})
	}
	message, err := json.Marshal(dealt)
	if err != nil {
		return err
	}
	if _, err := m.link.Request(ctx, msgSealed, message); err != nil {
		return err
	}
	return m.submit(ctx, m.next(), comity.KindBoxes, record)
}

// roundPairs returns the secrets of a round: once, from the epoch's, which are then
// erased, so that who takes the disk later cannot open the round; after a crash, as they
// were kept until the round has been checked.
func (m *Member) roundPairs(ctx context.Context, plan comity.Plan) (*secagg.Pairs, error) {
	kept := m.roundFolder(plan.Round) + "/pairs"
	data, err := os.ReadFile(kept)
	if err == nil {
		return secagg.ParsePairs(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pairs, err := m.epochPairs(ctx, plan.Epoch)
	if err != nil {
		return nil, err
	}
	defer pairs.Erase()
	round := pairs.Ratchet(plan.Round)
	if err := writeFile(kept, round.Bytes()); err != nil {
		return nil, err
	}
	return round, os.RemoveAll(m.epochFile(plan.Epoch, ""))
}

// epochPairs returns the epoch's secrets: the ones that this member dealt and those that
// it opened, each box checked against the log.
func (m *Member) epochPairs(ctx context.Context, epoch string) (*secagg.Pairs, error) {
	data, err := os.ReadFile(m.epochFile(epoch, "dealt"))
	if err != nil {
		return nil, err
	}
	pairs, err := secagg.ParsePairs(data)
	if err != nil {
		return nil, err
	}
	key, err := m.epochKey(epoch)
	if err != nil {
		return nil, err
	}
	boxes, err := m.fetchBoxes(ctx, epoch)
	if err != nil {
		return nil, err
	}
	for _, from := range slices.Sorted(maps.Keys(m.state.View().Epochs[epoch].Boxes)) {
		logged, ok := m.loggedBox(epoch, from)
		if !ok {
			continue
		}
		secret, err := key.Open(secagg.BoxContext{Body: m.charter.ID, Epoch: epoch, From: from, To: m.cfg.Self}, logged, boxes[from])
		if err != nil {
			return nil, err
		}
		pairs.Set(from, secret)
	}
	return pairs, nil
}

// fetchBoxes asks the hub for the boxes that were sealed to this member, by sender.
func (m *Member) fetchBoxes(ctx context.Context, epoch string) (map[party.ID][]byte, error) {
	answer, err := m.link.Request(ctx, msgBoxes, []byte(epoch))
	if err != nil {
		return nil, err
	}
	var list []sealedBox
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, fmt.Errorf("boxes of epoch %s: %w", epoch, err)
	}
	boxes := map[party.ID][]byte{}
	for _, b := range list {
		boxes[party.ID(b.From)] = b.Box
	}
	return boxes, nil
}

// loggedBox is the digest of the box that a member sealed to this one.
func (m *Member) loggedBox(epoch string, from party.ID) (canon.Digest, bool) {
	for _, b := range m.state.View().Epochs[epoch].Boxes[from].Boxes {
		if b.To == m.cfg.Self {
			return b.Digest, true
		}
	}
	return canon.Digest{}, false
}

// errNoNonces says that a round has no cohort whose nonces make a public coin.
var errNoNonces = errors.New("no public coin")

// publicSeed is the public coin of a round.
func publicSeed(round string, nonces [][]byte) (chance.Seed, error) {
	if len(nonces) == 0 {
		return chance.Seed{}, fmt.Errorf("%w: round %s has no cohort yet", errNoNonces, round)
	}
	return secagg.PublicSeed(round, nonces), nil
}
