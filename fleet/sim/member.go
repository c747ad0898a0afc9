package sim

import (
	"encoding/binary"
	"errors"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// memberNode is one member. Its disk holds the round's secrets, journal and store; all
// the rest it finds again in the log and from the hub.
type memberNode struct {
	*sequence
	id    party.ID
	disk  *disk
	state *body.State

	agg    *secagg.Member
	at     cursor
	upload []byte // Of the step under way.
	reveal []byte
	left   bool
	sums   map[int][]int64 // By step number: what it was shown and took.
	said   []byte          // A statement that the log does not have yet.
}

func (m *memberNode) forget() {
	m.agg, m.at, m.upload, m.reveal, m.said = nil, cursor{}, nil, nil, nil
	m.state = body.New() // The log is read again.
}

func (m *memberNode) to(kind string, data []byte) message { return message{m.id, hub, kind, data} }

func (m *memberNode) look() []message {
	request := binary.BigEndian.AppendUint32(nil, uint32(m.state.View().Size)) //nolint:gosec // A few hundred.
	return append(m.due(), m.to("entries?", request))
}

// due is what this member has to say now, again and again until it is heard.
func (m *memberNode) due() []message {
	r := m.state.View().Rounds[roundName]
	if len(r.Cohorts) == 0 || m.left || r.Model != nil {
		return nil
	}
	if m.agg == nil && m.open(r) != nil {
		return nil // The disk is full; later.
	}
	if m.follow(r); m.left {
		return nil
	}
	if m.at.done(m.task) {
		return m.finish(r)
	}
	if m.upload == nil {
		step := m.at.step(m.task)
		u, err := m.agg.Upload(step.Name, step.Bits, m.task.input(m.id, step.Name))
		if err != nil {
			return nil
		}
		m.upload = m.liar.upload(m.id, u)
	}
	out := []message{m.to("upload", m.upload)}
	if m.reveal != nil {
		out = append(out, m.to("reveal", m.reveal))
	}
	return out
}

func (m *memberNode) open(r body.Round) error {
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return err
	}
	pairs, err := secagg.ParsePairs(m.keys[m.id].Bytes())
	if err != nil {
		return err
	}
	on := round{m.disk, roundName}
	m.agg, err = secagg.NewMember(secagg.MemberConfig{
		Plan: plan, Self: m.id, Cohort: r.Cohorts[0], MinMembers: r.Plan.MinMembers,
		Pairs: pairs, Secret: secretOf(m.seed, "secret", string(m.id)), Journal: on, Store: on,
	})
	m.at, m.upload, m.reveal = cursor{}, nil, nil
	return err
}

// follow takes over the successors that the log has for this step.
func (m *memberNode) follow(r body.Round) {
	for _, c := range r.Cohorts {
		at := m.agg.Position()
		if c.Number <= at.Cohort || c.FromStep != at.Number {
			continue
		}
		if !slices.Contains(c.Members, m.id) {
			m.left = true
			return
		}
		if m.agg.Recohort(c) != nil {
			return
		}
		m.at.restart(c.Attempt)
		m.upload, m.reveal = nil, nil
	}
}

// finish signs the head, and when all agree the fingerprint.
func (m *memberNode) finish(r body.Round) []message {
	if _, said := r.Heads[m.id]; !said {
		return m.speak(comity.KindHead, m.liar.head(m.id, m.agg.Head()))
	}
	if _, said := r.Fingerprints[m.id]; said || len(r.Heads) < len(r.Cohort()) {
		return nil
	}
	root, ok := m.state.Root(r.HeadsAt)
	if !ok {
		return nil
	}
	f, err := m.agg.Fingerprint(secagg.FingerprintSeed(roundName, root[:]))
	if errors.Is(err, secagg.ErrClosed) || err != nil {
		return m.again()
	}
	f.Size = r.HeadsAt
	return m.speak(comity.KindFingerprint, m.liar.fingerprint(m.id, f))
}

// speak signs a statement and sends it.
func (m *memberNode) speak(kind comity.Kind, record any) []message {
	entry, err := m.sign(m.state, m.id, kind, record)
	if err != nil {
		return nil
	}
	m.said = entry
	return m.again()
}

// again sends the last statement once more.
func (m *memberNode) again() []message {
	if m.said == nil {
		return nil
	}
	return []message{m.to("submit", m.said)}
}

func (m *memberNode) hear(in message) []message {
	switch in.kind {
	case "entries":
		catchUp(m.state, in.data)
	case "commitments":
		return m.answer(in.data)
	case "sum":
		if m.take(in.data) {
			return m.due()
		}
	}
	return nil
}

func (m *memberNode) answer(data []byte) []message {
	c, err := secagg.ParseCommitments(data)
	if err != nil || m.agg == nil || m.upload == nil {
		return nil
	}
	v, err := m.agg.Reveal(c)
	if err != nil {
		return nil
	}
	m.reveal = m.liar.reveal(m.id, v)
	return []message{m.to("reveal", m.reveal)}
}

// take ends a step, if the sum is of it and of what this member answered.
func (m *memberNode) take(data []byte) bool {
	b, err := secagg.ParseBroadcast(data)
	if err != nil || m.agg == nil {
		return false
	}
	number := m.agg.Position().Number
	sum, err := m.agg.Finish(b)
	if err != nil {
		return false
	}
	m.sums[number] = sum
	m.at.finish(m.task)
	m.upload, m.reveal = nil, nil
	return true
}
