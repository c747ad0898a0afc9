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
// the public coin. The key is on disk before it is in the log.
func (m *Member) publishKeys(ctx context.Context, epoch string) error {
	if _, said := m.state.View().Epochs[epoch].Keys[m.cfg.Self]; said {
		return nil
	}
	key, err := m.epochKey(epoch)
	if err != nil {
		return err
	}
	_, err = m.submit(ctx, m.next(), comity.KindKeys, key.Record(epoch, m.cfg.Self))
	return err
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
	_, err = m.submit(ctx, m.next(), comity.KindBoxes, record)
	return err
}

// pairs returns the secrets that this member shares with every other member of a
// cohort: those it dealt and those it opened, each box checked against the log.
func (m *Member) pairs(ctx context.Context, epoch string, members []party.ID) (*secagg.Pairs, error) {
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
	answer, err := m.link.Request(ctx, msgBoxes, []byte(epoch))
	if err != nil {
		return nil, err
	}
	var boxes []sealedBox
	if err := json.Unmarshal(answer, &boxes); err != nil {
		return nil, fmt.Errorf("boxes of epoch %s: %w", epoch, err)
	}
	for _, from := range members {
		if from >= m.cfg.Self {
			continue
		}
		at := slices.IndexFunc(boxes, func(b sealedBox) bool { return b.From == string(from) })
		if at < 0 {
			return nil, fmt.Errorf("%w: the hub did not pass on the box that %s sealed to %s", secagg.ErrBox, from, m.cfg.Self)
		}
		secret, err := key.Open(secagg.BoxContext{Body: m.charter.ID, Epoch: epoch, From: from, To: m.cfg.Self},
			m.loggedBox(epoch, from), boxes[at].Box)
		if err != nil {
			return nil, err
		}
		pairs.Set(from, secret)
	}
	return pairs, nil
}

// loggedBox is the digest of the box that a member sealed to this one, zero if none.
func (m *Member) loggedBox(epoch string, from party.ID) canon.Digest {
	for _, b := range m.state.View().Epochs[epoch].Boxes[from].Boxes {
		if b.To == m.cfg.Self {
			return b.Digest
		}
	}
	return canon.Digest{}
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
