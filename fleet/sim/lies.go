package sim

import (
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/secagg"
)

// liar is who lies in a run, and how; the zero value lies nowhere.
type liar struct {
	who  party.ID
	lies bool
	how  string
	at   int // The step, counted from 0.
}

// The lies of a member and of the hub in a training.
const (
	lieVector      = "member uploads another vector than it commits to"
	lieReveal      = "member reveals another mask"
	lieFingerprint = "member signs another fingerprint"
	lieHead        = "member signs another head"
	lieSum         = "hub shows everybody a false sum"
	lieOneSum      = "hub shows one member a false sum"
	lieCommitment  = "hub shows one member another commitment"
	lieSilent      = "hub ignores one member"
)

func memberLies() []string { return []string{lieVector, lieReveal, lieFingerprint, lieHead} }
func hubLies() []string    { return []string{lieSum, lieOneSum, lieCommitment, lieSilent} }

// tells whether a party tells a lie now.
func (l liar) tells(who party.ID, how string, step int) bool {
	return l.lies && l.who == who && l.how == how && l.at == step
}

// upload is what a member sends.
func (l liar) upload(who party.ID, u secagg.Upload) []byte {
	if l.tells(who, lieVector, u.Number) {
		u.Masked = slices.Clone(u.Masked)
		u.Masked[0] ^= 1
	}
	return u.Bytes()
}

func (l liar) reveal(who party.ID, v secagg.Reveal) []byte {
	if l.tells(who, lieReveal, v.Number) {
		v.Self[0] ^= 1
	}
	return v.Bytes()
}

func (l liar) fingerprint(who party.ID, f comity.Fingerprint) comity.Fingerprint {
	if l.lies && l.who == who && l.how == lieFingerprint {
		f.Points = slices.Clone(f.Points)
		f.Points[0] ^= 1
	}
	return f
}

func (l liar) head(who party.ID, h comity.Head) comity.Head {
	if l.lies && l.who == who && l.how == lieHead {
		h.Chain[0] ^= 1
	}
	return h
}

// commitments is what the hub shows to one member.
func (l liar) commitments(to party.ID, first party.ID, c secagg.Commitments) []byte {
	if to == first && l.tells(hub, lieCommitment, c.Number) {
		c.List = slices.Clone(c.List)
		c.List[len(c.List)-1].Self[0] ^= 1
	}
	return c.Bytes()
}

// broadcast is the sum that the hub shows to one member.
func (l liar) broadcast(to, first party.ID, b secagg.Broadcast) []byte {
	if to == first && l.tells(hub, lieOneSum, b.Number) {
		b.Sum = slices.Clone(b.Sum)
		b.Sum[len(b.Sum)/2] ^= 1
	}
	return b.Bytes()
}

// about tells whether a party lies in one way about a question.
func (l liar) about(who party.ID, how string) bool { return l.lies && l.who == who && l.how == how }

// letter is what a member sends to the hub.
func (l liar) letter(who party.ID, of federation.Letter) []byte {
	if l.about(who, lieMasked) && of.Kind == federation.Upload {
		data := slices.Clone(of.Data)
		data[len(data)-1] ^= 1
		return data
	}
	return of.Data
}

// statement is what a member signs.
func (l liar) statement(who party.ID, s federation.Say) any {
	u, ok := s.Record.(comity.Unmask)
	if !ok {
		return s.Record
	}
	if l.about(who, lieUnmask) {
		u.Points = slices.Clone(u.Points)
		u.Points[1] ^= 1
	}
	if l.about(who, lieShares) && len(u.Shares) > 0 && len(u.Shares[0]) > 0 {
		u.Shares = slices.Clone(u.Shares)
		u.Shares[0] = slices.Clone(u.Shares[0])
		u.Shares[0][0] ^= 1
	}
	return u
}

// due is what the hub says, changed in place.
func (l liar) due(d *federation.Due) {
	switch r := d.Record.(type) {
	case comity.Survivors:
		if l.about(hub, lieBlob) {
			d.Blobs[0] = slices.Clone(d.Blobs[0])
			d.Blobs[0][len(d.Blobs[0])/2] ^= 1
			r.Masked = canon.Sum(d.Blobs[0])
			d.Record = r
		}
	case comity.Result:
		if l.about(hub, lieResult) {
			d.Blobs[1] = slices.Clone(d.Blobs[1])
			d.Blobs[1][len(d.Blobs[1])/2] ^= 1
			r.Sum = canon.Sum(d.Blobs[1])
			d.Record = r
		}
	}
}
