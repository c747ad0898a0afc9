package sim

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
)

// operator runs the hub.
const operator party.ID = "OPERATOR"

const (
	origin = "comity.example/simulated"
	period = "2026-11-18"
	noon   = 1_795_003_200 // 2026-11-18T12:00:00Z.
)

// consortium is a body of n members with all their keys, and the entries that found it.
type consortium struct {
	members []party.ID
	nodes   map[party.ID]party.Key
	tower   map[party.ID]party.Key // Of witnesses.
	logKey  party.Key
	charter comity.Charter
	sealed  []byte
	entries [][]byte
}

// found makes a consortium; its keys follow from its size, for nobody has to keep them
// secret.
func found(n int) (*consortium, error) {
	c := &consortium{nodes: map[party.ID]party.Key{}}
	for i := range n {
		c.members = append(c.members, party.ID(fmt.Sprintf("M%02d", i+1)))
	}
	officers := map[party.ID]party.Key{}
	witnesses := map[party.ID]party.Key{}
	for _, id := range append(slices.Clone(c.members), operator) {
		name := strings.ToLower(string(id))
		for _, k := range []struct {
			into map[party.ID]party.Key
			name string
		}{{c.nodes, name + ".node"}, {officers, name + ".officer"}, {witnesses, party.WitnessName(id)}} {
			key, err := keyNamed(k.name)
			if err != nil {
				return nil, err
			}
			k.into[id] = key
		}
	}
	logKey, err := keyNamed(origin)
	if err != nil {
		return nil, err
	}
	c.tower, c.logKey = witnesses, logKey
	c.charter = c.rules(officers)
	if c.sealed, _, err = charter.Seal(c.charter); err != nil {
		return nil, err
	}
	return c, c.ratify(officers)
}

func keyNamed(name string) (party.Key, error) {
	seed := canon.Sum([]byte(name))
	return party.NewKey(name, bytes.NewReader(seed[:]))
}

// rules is the smallest charter under which members add up rows.
func (c *consortium) rules(officers map[party.ID]party.Key) comity.Charter {
	word := func(s string) comity.Text { return comity.Text{"en": s} }
	need := comity.Expr{Op: "input", Name: "party.need"}
	supply := comity.Expr{Op: "input", Name: "supply.units"}
	one := exact.Int(1)
	most := max(3, len(c.members)/2+1)
	budget := comity.Budget{Epsilon: exact.Int(1), Delta: exact.FromBig(big.NewRat(1, 1e6))}
	r := comity.Charter{
		Comity: charter.Version1, ID: "simulated", Version: 1, Domain: "health", Pack: "health@1", Title: word("Simulated"), Languages: []string{"en"},
		Effective: "2026-11-18T00:00:00Z", Purpose: comity.Purpose{Allowed: []string{"To test."}, Banned: []string{"To decide."}},
		Scope: comity.Scope{Resource: "units", Unit: "unit", Cadence: "P7D", Periods: 1, Excludes: word("All else.")},
		Data: []comity.DataClause{
			{ID: "d.rows", From: c.members, What: word("Rows."), Schema: "sim/rows@1", LeavesHome: charter.AggregateOnly, Due: "P7D", Queries: &comity.Queries{Kinds: []string{comity.QuerySum}, MinMembers: most, Approvals: 2}},
			{ID: "d.people", From: c.members, What: word("People."), Schema: "sim/people@1", LeavesHome: charter.AggregateOnly, Due: "P7D", Queries: &comity.Queries{Kinds: []string{comity.QuerySum}, Personal: true, MinMembers: most}},
			{ID: "d.need", From: c.members, What: word("Need."), Schema: "sim/need@1", LeavesHome: charter.SignedPlain, As: "party", Values: []string{"need"}, Due: "P7D"},
			{ID: "d.supply", From: []party.ID{operator}, What: word("Supply."), Schema: "sim/supply@1", LeavesHome: charter.SignedPlain, As: "supply", Values: []string{"units"}, Due: "P7D"},
		},
		Privacy: &comity.Privacy{Unit: charter.UnitPerson, PerRelease: budget, PerYear: budget, OnExhausted: "stop_releases"},
		Models: comity.ModelClause{
			Interface: "forecast/quantile@1", Targets: []string{"rows"}, Unit: "row", Task: "train@1", Recipe: map[string]canon.Int{},
			Clause: "d.rows", Disclosure: "exact", MinMembers: most, StepSeconds: 2, RefitWeeks: 2,
		},
		Objective: comity.Objective{
			Sense: "maximise", Stages: []comity.Aim{{ID: "units", Kind: "weighted", Counts: "worth", Measure: comity.Expr{Op: "const", Value: &one}}},
			Groups:   []comity.Group{{ID: "all", Weight: one, Need: need}},
			TieBreak: []string{"least_squares_unmet", "webster", "lot"},
		},
		Constraints: []comity.Constraint{{ID: "c.supply", Kind: "budget", AtMost: &supply, Why: word("No more than there is.")}},
		Sunset:      comity.Sunset{Expires: "2027-11-18T00:00:00Z", OnExpiry: "stop"},
	}
	for _, id := range append(slices.Clone(c.members), operator) {
		r.Parties = append(r.Parties, comity.Party{
			ID: id, Kind: "state", Name: word(string(id)), Weight: one,
			Keys: comity.Threshold{Threshold: 1, Of: []string{officers[id].Verifier()}},
			Node: comity.Node{Key: c.nodes[id].Verifier(), Transport: transport(id)},
		})
		if id != operator {
			r.Transparency.Witnesses.Of = append(r.Transparency.Witnesses.Of, c.tower[id].Cosigner())
		}
	}
	r.Transparency.Witnesses.Threshold = charter.LeastWitnesses(len(c.members))
	r.Transparency.Log = comity.LogClause{Origin: origin, Key: c.logKey.Verifier(), Operator: operator}
	return r
}

// transport is a NATS user NKey to which nobody has the secret: a prefix, 32 bytes, and
// their CRC-16/XMODEM (nats-io/nkeys, README).
func transport(id party.ID) string {
	seed := canon.Sum([]byte(id))
	data := append([]byte{20 << 3}, seed[:]...)
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*0x1021
		}
	}
	return base32.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(data, crc))
}

// ratify writes the entries that bring the charter into force and start log time.
func (c *consortium) ratify(officers map[party.ID]party.Key) error {
	s := body.New()
	say := func(author party.ID, kind comity.Kind, record any) error {
		entry, err := c.sign(s, author, kind, record)
		if err == nil {
			_, err = s.Fold(entry)
		}
		c.entries = append(c.entries, entry)
		return err
	}
	if err := say(operator, comity.KindCharter, canon.Raw(c.sealed)); err != nil {
		return err
	}
	digest := canon.Sum(c.sealed)
	for _, p := range c.charter.Parties {
		seal := party.SealDocument(officers[p.ID], c.charter.ID, digest)
		if err := say(p.ID, comity.KindRatify, comity.Ratification{Charter: digest, Seals: []party.Seal{seal}}); err != nil {
			return err
		}
	}
	t, err := c.tick(s, noon)
	if err != nil {
		return err
	}
	return say(operator, comity.KindTick, t)
}

// tick has the witnesses cosign the log as it stands, and say what time it is.
func (c *consortium) tick(s *body.State, unixTime int64) (comity.Tick, error) {
	root, _ := s.Root(s.View().Size)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, s.View().Size, base64.StdEncoding.EncodeToString(root[:]))
	signed := append([]byte(text), noteLine(c.logKey, text)...)
	for _, id := range c.members[:c.charter.Transparency.Witnesses.Threshold] {
		line, err := ledger.Cosign(c.tower[id], signed, unixTime)
		if err != nil {
			return comity.Tick{}, err
		}
		signed = append(signed, line...)
	}
	normal, err := ledger.Normalise(signed, ledger.PolicyOf(c.charter))
	return comity.Tick{Checkpoint: string(normal), UnixTime: int(unixTime)}, err
}

// noteLine is the empty line that ends a note's text, and a key's signature on the text
// (C2SP signed-note).
func noteLine(k party.Key, text string) string {
	id := strings.Split(k.Verifier(), "+")[1] // Name, key id in hex, key.
	raw, err := hex.DecodeString(id)
	if err != nil {
		panic(err) // A key of ours.
	}
	return "\n\u2014 " + k.Name() + " " + base64.StdEncoding.EncodeToString(append(raw, k.Sign([]byte(text))...)) + "\n"
}

// sign writes an author's next statement, by one copy of the log.
func (c *consortium) sign(s *body.State, author party.ID, kind comity.Kind, record any) ([]byte, error) {
	raw, err := canon.Marshal(record)
	if err != nil {
		return nil, err
	}
	return ledger.Sign(comity.Statement{
		Body: c.charter.ID, Charter: canon.Sum(c.sealed), Author: author,
		Counter: s.View().Counters[author] + 1, Kind: kind, Record: raw,
	}, c.nodes[author])
}

// replay folds entries into a new state.
func replay(entries [][]byte) (*body.State, error) {
	s := body.New()
	for _, e := range entries {
		if _, err := s.Fold(e); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// secretOf is a source of secrets that follows from the seed: a run is replayed with
// the same ones.
func secretOf(seed chance.Seed, labels ...string) *secret {
	return &secret{chance.NewStream(chance.Derive(seed, labels...))}
}

// secret is an io.Reader over a stream.
type secret struct{ *chance.Stream }

func (s *secret) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], s.Uint64())
		copy(p[i:], word[:])
	}
	return len(p), nil
}
