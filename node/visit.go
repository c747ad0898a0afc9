package node

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/verifier/federation"
	"comity/verifier/ledger"
)

// Visited says what a member made of a bundle.
type Visited struct {
	Number  int    // Of the bundle.
	Size    int    // Entries of the log that this home holds now.
	Round   string // The question that it is asked, empty if there is none.
	Phase   federation.Phase
	Refusal string        // Why this member takes no part in it, empty if it does.
	Said    []comity.Kind // Statements in the reply, in order.
	Ahead   int           // How many of them wait at the hub for others to speak.
	Trouble []string      // What could not be done, in words; the reply has them too.
	Reply   []byte        // The sealed reply, which the home keeps until the next one.
}

// Visit takes a bundle in the place of a connection: it checks it, folds the log that it
// brings, does what is due by this member's own rules, and seals what it has to say. All
// that a connected member would ask the hub for is in the bundle, and the rest of the code
// is the same. A bundle may be taken again: the reply says the same. Errors: ErrBundle,
// ErrAddressee, ErrStale, ErrGap, ErrSplit, party.ErrSignature.
func Visit(ctx context.Context, cfg MemberConfig, data []byte) (*Visited, error) {
	m, err := newMember(cfg)
	if err != nil {
		return nil, err
	}
	b, err := ParseBundle(data)
	if err != nil {
		return nil, err
	}
	if err := b.check(m.charter, canon.Sum(cfg.Charter), m.charter.Transparency.Log.Operator, cfg.Self); err != nil {
		return nil, err
	}
	last, err := lastReply(cfg.Home)
	if err != nil {
		return nil, err
	}
	if last != nil && b.Number < last.Number {
		return nil, fmt.Errorf("%w: it is number %d, number %d was answered; take the newest from the hub", ErrStale, b.Number, last.Number)
	}
	d, err := m.unpack(ctx, b)
	if err != nil {
		return nil, err
	}
	v := &Visited{Number: b.Number, Size: b.Size}
	if last != nil {
		d.resay(m.state, last.parts)
	}
	m.serve(ctx, d, b, v)
	for _, text := range v.Trouble {
		d.said = append(d.said, part{kind: msgFail, data: []byte(text)})
	}
	header := BundleHeader{
		Body: b.Body, Charter: b.Charter, From: cfg.Self, To: b.From, Number: b.Number, Since: b.Size, Size: b.Size,
	}
	if v.Reply, err = sealBundle(header, d.said, m.key); err != nil {
		return nil, err
	}
	return v, writeFile(replyFile(cfg.Home), v.Reply)
}

// LastReply returns the reply that a member's home keeps for its hub, fs.ErrNotExist if it
// has answered no bundle yet.
func LastReply(home Home) ([]byte, error) { return os.ReadFile(replyFile(home)) }

func replyFile(home Home) string { return home.path("carried", "reply") }

// lastReply reads it, nil if there is none. What it says may not be logged yet.
func lastReply(home Home) (*Bundle, error) {
	data, err := LastReply(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // See above.
	}
	if err != nil {
		return nil, err
	}
	b, err := ParseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; restore it, or remove it and sit out the question under way", replyFile(home), err)
	}
	return b, nil
}

// unpack folds the log that a bundle brings, after what this home kept of it, and keeps the
// rest of the bundle for those who ask.
func (m *Member) unpack(ctx context.Context, b *Bundle) (*desk, error) {
	kept, err := keptLog(m.cfg.Home)
	if err != nil {
		return nil, err
	}
	entries := b.of(partEntry)
	checkpoints := b.of(msgCheckpoint)
	switch {
	case len(checkpoints) != 1 || len(entries) != b.Size-b.Since:
		return nil, fmt.Errorf("%w: %d checkpoints, want 1; %d entries, want %d", ErrBundle, len(checkpoints), len(entries), b.Size-b.Since)
	case b.Since > len(kept):
		return nil, fmt.Errorf("%w: it begins at %d, this home holds %d; ask the hub for a whole one", ErrGap, b.Since, len(kept))
	case b.Size < len(kept) || int64(b.Size) < m.witness.Latest().Size:
		return nil, fmt.Errorf("%w: its log has %d entries, this home has seen %d; take the newest from the hub", ErrStale, b.Size, max(int64(len(kept)), m.witness.Latest().Size))
	}
	fresh := entries[len(kept)-b.Since:]
	d := &desk{log: slices.Concat(kept, fresh), answers: map[string][]byte{}}
	for _, p := range b.parts {
		d.answers[p.kind+" "+string(p.about)] = p.data
	}
	m.link = d
	c, err := m.believe(checkpoints[0])
	if err != nil {
		return nil, err
	}
	if c.Size != int64(b.Size) {
		return nil, fmt.Errorf("%w: its checkpoint has %d entries, it says %d", ErrBundle, c.Size, b.Size)
	}
	if err := m.fold(ctx, c); err != nil {
		return nil, err
	}
	if err := m.witness.Saw(checkpoints[0], func(size int64) (root [32]byte, ok bool) { return m.state.Root(int(size)) }); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSplit, err)
	}
	return d, keepLog(m.cfg.Home, len(kept), fresh)
}

// serve does what is due. What goes wrong with one duty is said in words and does not stop
// the others.
func (m *Member) serve(ctx context.Context, d *desk, b *Bundle, v *Visited) {
	fault := func(what string, err error) {
		m.notice(ctx, what, err)
		v.Trouble = append(v.Trouble, plainFail(what+": "+err.Error()))
	}
	if err := m.forgetAnswered(); err != nil {
		fault("forget", err)
	}
	for _, raw := range b.of(msgDue) {
		var now due
		if err := json.Unmarshal(raw, &now); err != nil {
			fault("due", err)
			continue
		}
		err := m.performAway(ctx, d, now)
		if err != nil {
			d.drop()
			fault(now.What, err)
		}
		if now.What == dueAnswer {
			v.Round = now.Round
			now, _ := m.state.Board(v.Round)
			v.Phase, v.Refusal = now.Phase(), now.Consents[m.cfg.Self].Reason
			break // What is said ahead takes the counters from here on.
		}
	}
	v.Said, v.Ahead = d.kinds()
}

// performAway does one duty at the desk, and folds what was said for the next.
func (m *Member) performAway(ctx context.Context, d *desk, now due) error {
	switch now.What {
	case dueAnswer:
		return m.tend(ctx, d, now.Round)
	case dueBoxes:
		if _, has := m.state.View().Epochs[now.Epoch].Keys[m.cfg.Self]; !has {
			return nil // It takes no part.
		}
	case dueRatify, dueConsent, dueKeys, dueForecast, dueCheck:
	default:
		return fmt.Errorf("%w: %.40q is not done through a carrier", ErrBundle, now.What)
	}
	if err := m.perform(ctx, now); err != nil {
		return err
	}
	return d.fold(m.state)
}

// maxTurns bounds what a member says about a question in one visit: a complaint about each
// of 200 holders, and little else.
const maxTurns = 256

// tend says all that is due in a question, and what will be.
func (m *Member) tend(ctx context.Context, d *desk, round string) error {
	for range maxTurns {
		b, ok := m.state.Board(round)
		if !ok {
			return fmt.Errorf("the hub asks about %.80q, which the log does not have", round)
		}
		if over(b) {
			return os.RemoveAll(m.roundFolder(round))
		}
		before := len(d.said)
		if _, err := m.turn(ctx, b); err != nil {
			return err
		}
		if len(d.said) == before {
			return m.sayAhead(ctx, d, b)
		}
		if err := d.fold(m.state); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d statements are due in %s", ErrBundle, maxTurns, round)
}

// sayAhead leaves with the hub what will be due when others have spoken.
func (m *Member) sayAhead(ctx context.Context, d *desk, b federation.Board) error {
	says, letters, err := m.part(ctx, b).Ahead(b)
	if err != nil {
		return err
	}
	if _, err := m.send(ctx, b, letters); err != nil {
		return err
	}
	for i, say := range says {
		if err := m.submit(ctx, m.next()+i, say.Kind, say.Record); err != nil {
			return err
		}
	}
	d.ahead, d.done = len(says), len(d.said)
	return nil
}

// plainFail fits a text into the report of a failure.
func plainFail(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxFail)], "?")
}

// maxFail bounds what a member reports of one failure, in bytes.
const maxFail = 500

// desk is a link to a hub that is not there: it answers from a bundle and keeps what the
// member says.
type desk struct {
	log     [][]byte
	answers map[string][]byte // By kind and what was asked.
	said    []part
	done    int // Of said, those that are folded, or were said ahead.
	ahead   int
}

// Close implements link.
func (d *desk) Close() {}

// errNotCarried says that a bundle lacks an answer.
var errNotCarried = errors.New("the bundle does not have it")

// Request implements link.
func (d *desk) Request(_ context.Context, kind string, data []byte) ([]byte, error) {
	switch kind {
	case msgEntries:
		var r entriesRequest
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, err
		}
		return json.Marshal(d.log[r.From:min(r.To, r.From+maxEntries)])
	case msgBoxes, msgBlob:
		if answer, ok := d.answers[kind+" "+string(data)]; ok {
			return answer, nil
		}
		return nil, fmt.Errorf("%s %.80q: %w", kind, data, errNotCarried)
	case msgLetter:
		_, l, err := parseLetter(data)
		if err != nil {
			return nil, err
		}
		if l.Kind == federation.Asking {
			return d.answers[kind+" "+string(data)], nil
		}
	case msgSubmit, msgSealed, msgFail:
	default:
		return nil, fmt.Errorf("%s: %w: it takes a connection", kind, errNotCarried)
	}
	d.said = append(d.said, part{kind: kind, data: slices.Clone(data)})
	return nil, nil
}

// fold takes what was said as if it were logged, so that the next statement follows it.
func (d *desk) fold(s *body.State) error {
	for i := d.done; i < len(d.said); i++ {
		if d.said[i].kind != msgSubmit {
			continue
		}
		if _, err := s.Fold(d.said[i].data); err != nil {
			return err
		}
		d.done = i + 1
	}
	return nil
}

// drop forgets what was not folded.
func (d *desk) drop() { d.said = d.said[:d.done] }

// resay repeats what an earlier reply said and the log does not have: the stick may be lost,
// or still be on its way. What cannot be said any more is left out with all that followed it.
func (d *desk) resay(s *body.State, parts []part) {
	var group []part
	for _, p := range parts {
		if p.kind == msgFail {
			continue
		}
		group = append(group, p)
		if p.kind != msgSubmit {
			continue
		}
		e, err := ledger.Parse(p.data)
		if err != nil {
			return
		}
		if st := e.Statement(); st.Counter > s.View().Counters[st.Author] {
			if _, err := s.Fold(p.data); err != nil {
				return
			}
			d.said = append(d.said, group...)
			d.done = len(d.said)
		}
		group = nil
	}
}

// kinds lists the statements that were said, and how many of them were said ahead.
func (d *desk) kinds() (all []comity.Kind, ahead int) {
	for _, p := range d.said {
		if e, err := ledger.Parse(p.data); p.kind == msgSubmit && err == nil {
			all = append(all, e.Statement().Kind)
		}
	}
	return all, d.ahead
}

// logFolder is where a member that is visited keeps the log: a file for the entries of each
// bundle, named by the index of the first.
func logFolder(home Home) string { return home.path("carried", "log") }

// keptLog reads it. What comes after a gap is as if it were not there.
func keptLog(home Home) (entries [][]byte, err error) {
	for {
		name := filepath.Join(logFolder(home), segment(len(entries)))
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if info.Size() > MaxBundle {
			return nil, fmt.Errorf("%s: %w: %d bytes, at most %d", name, ErrBundle, info.Size(), MaxBundle)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		before := len(entries)
		for r := (cutter{rest: data}); len(r.rest) > 0; {
			entry := r.take(int(r.number(4)))
			if r.short {
				return nil, fmt.Errorf("%s: %w: cut short; remove it, and ask the hub for a whole bundle", name, ErrBundle)
			}
			entries = append(entries, entry)
		}
		if len(entries) == before {
			return entries, nil
		}
	}
}

func segment(first int) string { return fmt.Sprintf("%012d", first) }

// keepLog adds entries to it.
func keepLog(home Home, first int, entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	var out []byte
	for _, e := range entries {
		out = binary.BigEndian.AppendUint32(out, uint32(len(e))) //nolint:gosec // At most 65,535.
		out = append(out, e...)
	}
	return writeFile(filepath.Join(logFolder(home), segment(first)), out)
}

// SealedIn returns the charter that the log begins with, of a home that has not kept it yet:
// in what it kept of the log, or in a bundle. Nobody has checked it. The caller compares it
// with what was agreed to, of which the log's key is a part, and keeps it when Visit has
// found that key's checkpoint over it.
func SealedIn(home Home, data []byte) ([]byte, error) {
	entries, err := keptLog(home)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		b, err := ParseBundle(data)
		if err != nil {
			return nil, err
		}
		if entries = b.of(partEntry); b.Since > 0 || len(entries) == 0 {
			return nil, fmt.Errorf("%w: it begins at %d, this home holds nothing; ask the hub for a whole one", ErrGap, b.Since)
		}
	}
	s := body.New()
	if _, err := s.Fold(entries[0]); err != nil {
		return nil, err
	}
	return s.Sealed(), nil
}
