package cheat

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"comity"
	"comity/canon"
	"comity/node"
	"comity/party"
	"comity/quantity"
	"comity/verifier/ledger"
)

func logSplit() Cheat {
	return Cheat{
		Name: "log-split", Title: "The log shows two histories", Who: "hub",
		Tries: "The hub shows one member a log in which one entry is another one, signed like the true one.",
		run:   split,
	}
}

func split(ctx context.Context, s *stage) error {
	victim := s.middle()
	f := &forgery{stage: s}
	s.cheat.Hub = &node.HubRehearsal{Show: func(to party.ID, kind string, data []byte) []byte { //nolint:contextcheck // Show has none.
		if to != victim || !f.armed.Load() || s.over.Load() {
			return data
		}
		switch kind {
		case "witness":
			return f.sameSize(data)
		case "checkpoint":
			return f.instead(data)
		default:
			return data
		}
	}}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.week(ctx); err != nil {
		return err
	}
	if err := f.prepare(ctx, victim); err != nil {
		return err
	}
	wanted := func(err error) bool { return is(ledger.ErrWitnesses)(err) }
	if err := s.until(ctx, s.nextWeek, wanted, 1); err != nil {
		return errors.Join(err, f.failed())
	}
	s.refuseHeard(victim, is(node.ErrSplit))
	s.caught(wanted)
	s.out.Tried = fmt.Sprintf("After an honest week the hub signed a second log for %s alone, in which its allocation is %s, and asked its witness to cosign it.", s.name(victim), f.says)
	s.out.WouldHave = fmt.Sprintf("%s alone would have believed another record of the same week than the other %d: %s. Its witness has kept both: two roots of one size under the log's own signature prove the split to anybody.",
		s.name(victim), s.everybody()-1, f.effect)
	return nil
}

func logRewrites() Cheat {
	return Cheat{
		Name: "log-rewrites", Title: "The log rewrites its past", Who: "hub",
		Tries: "The hub changes an entry that the witnesses have seen and goes on from there, the same for all.",
		run:   rewrites,
	}
}

func rewrites(ctx context.Context, s *stage) error {
	f := &forgery{stage: s}
	s.cheat.Hub = &node.HubRehearsal{Show: func(_ party.ID, kind string, data []byte) []byte { //nolint:contextcheck // Show has none.
		if kind != "witness" || !f.armed.Load() || s.over.Load() {
			return data
		}
		return f.goesOn(data)
	}}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.week(ctx); err != nil {
		return err
	}
	if err := f.prepare(ctx, s.middle()); err != nil {
		return err
	}
	wanted := is(node.ErrSplit)
	if err := s.until(ctx, s.nextWeek, wanted, s.everybody()); err != nil {
		return errors.Join(err, f.failed())
	}
	s.caught(wanted)
	s.out.Tried = fmt.Sprintf("After an honest week the hub changed entry %d of its log, so that the allocation of %s is %s, and asked every witness to cosign the log that goes on from there.",
		f.at, s.name(s.middle()), f.says)
	s.out.WouldHave = fmt.Sprintf("Whoever asks later would have been shown a decision that was never taken: %s. As it is, no checkpoint of the rewritten log gets a cosignature, and nothing more can be decided on it.", f.effect)
	return nil
}

// nextWeek begins the second week; it needs a new checkpoint at once.
func (s *stage) nextWeek(ctx context.Context) error {
	period, err := s.Scenario.Period(1)
	if err != nil {
		return err
	}
	_, err = s.fleet.Week(ctx, period)
	return err
}

// refuseHeard notes what one member found wrong.
func (s *stage) refuseHeard(id party.ID, wanted func(error) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.heard[id] {
		if wanted(err) {
			s.refuse(err)
			return
		}
	}
}

// forgery is a log in which one entry is another one.
type forgery struct {
	stage  *stage
	armed  atomic.Bool
	key    party.Key // Of the log.
	at     int64
	entry  []byte // In the place of entry at.
	says   string
	effect string

	mu  sync.Mutex
	err error
}

// prepare writes the other entry: the allocation of the week with units moved to one
// member, signed with the operator's own key.
func (f *forgery) prepare(ctx context.Context, to party.ID) error {
	s := f.stage
	var err error
	if f.key, err = party.LoadKey(s.Home.Hub().LogKey()); err != nil {
		return err
	}
	entries, err := s.entries(ctx)
	if err != nil {
		return err
	}
	for i, data := range entries {
		e, err := ledger.Parse(data)
		if err != nil {
			return err
		}
		st := e.Statement()
		if st.Kind != comity.KindAllocation {
			continue
		}
		f.at = int64(i)
		if f.says, f.effect, err = s.raise(&st, to); err != nil {
			return err
		}
		if f.entry, err = s.signAsOperator(st); err != nil {
			return err
		}
	}
	if f.entry == nil {
		return errors.New("the log has no allocation to change")
	}
	f.armed.Store(true)
	return nil
}

// raise changes an allocation so that one party has a tenth more and another pays.
func (s *stage) raise(st *comity.Statement, to party.ID) (says, effect string, err error) {
	var a comity.Allocation
	if err := canon.Unmarshal(st.Record, &a); err != nil {
		return "", "", err
	}
	largest, at := 0, 0
	for i, x := range a.Parties {
		if x.Party == to {
			at = i
		}
		if x.Amount > a.Parties[largest].Amount {
			largest = i
		}
	}
	if at == largest {
		largest = (at + 1) % len(a.Parties)
	}
	was := a.Parties[at].Amount
	more := min(max(was/10, 1), a.Parties[largest].Amount)
	a.Parties[at].Amount += more
	a.Parties[largest].Amount -= more
	if st.Record, err = canon.Marshal(a); err != nil {
		return "", "", err
	}
	units := s.rules.Scope.Resource
	return fmt.Sprintf("%s %s in the place of %s", grouped(was+more), units, grouped(was)),
		fmt.Sprintf("%s %s more for %s and as many fewer for %s", grouped(more), units, s.name(to), s.name(a.Parties[largest].Party)), nil
}

func (s *stage) signAsOperator(st comity.Statement) ([]byte, error) {
	key, err := party.LoadKey(s.Home.Hub().NodeKey())
	if err != nil {
		return nil, err
	}
	return ledger.Sign(st, key)
}

// entries returns all entries of the log.
func (s *stage) entries(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	const some = 256
	for {
		from := int64(len(all))
		next, err := s.fleet.Hub().Entries(ctx, from, from+some)
		if err != nil {
			return nil, err
		}
		all = append(all, next...)
		if len(next) < some {
			return all, nil
		}
	}
}

// checkpoint signs the forged log of a size as the log signs its own.
func (f *forgery) checkpoint(size int64) ([]byte, error) {
	entries, err := f.stage.entries(context.Background())
	if err != nil {
		return nil, err
	}
	if size <= f.at || size > int64(len(entries)) {
		return nil, fmt.Errorf("forge %d of %d entries", size, len(entries))
	}
	entries[f.at] = f.entry
	return signTree(f.key, f.stage.rules.Transparency.Log.Origin, entries[:size])
}

// signTree signs the checkpoint of a log with these entries.
func signTree(key party.Key, origin string, entries [][]byte) ([]byte, error) {
	var tree ledger.Frontier
	for _, data := range entries {
		e, err := ledger.Parse(data)
		if err != nil {
			return nil, err
		}
		tree.Append(e.Leaf())
	}
	text := fmt.Appendf(nil, "%s\n%d\n%s\n", origin, tree.Size(), tree.Root())
	// A C2SP signed note: the key's hash stands in its verifier key, NAME+HASH+BASE64.
	hash, err := hex.DecodeString(key.Verifier()[len(key.Name())+1:][:8])
	if err != nil {
		return nil, err
	}
	line := base64.StdEncoding.EncodeToString(append(hash, key.Sign(text)...))
	return fmt.Appendf(nil, "%s\n— %s %s\n", text, key.Name(), line), nil
}

// sameSize makes of an add-checkpoint request one for the forged log at the size that the
// witness cosigned last.
func (f *forgery) sameSize(request []byte) []byte {
	line, _, _ := bytes.Cut(request, []byte("\n"))
	size, err := strconv.ParseInt(string(bytes.TrimPrefix(line, []byte("old "))), 10, 64)
	if err != nil {
		return request
	}
	forged, err := f.checkpoint(size)
	if err != nil {
		return f.fail(request, err)
	}
	return fmt.Appendf(nil, "old %d\n\n%s", size, forged)
}

// goesOn puts the forged log in the place of the true one; the proof stays, for want of
// a better one.
func (f *forgery) goesOn(request []byte) []byte {
	head, checkpoint, ok := bytes.Cut(request, []byte("\n\n"))
	if !ok {
		return request
	}
	return bytes.Join([][]byte{head, f.instead(checkpoint)}, []byte("\n\n"))
}

// instead is the forged checkpoint of the same size.
func (f *forgery) instead(checkpoint []byte) []byte {
	lines := bytes.SplitN(checkpoint, []byte("\n"), 3)
	if len(lines) < 3 {
		return checkpoint
	}
	size, err := strconv.ParseInt(string(lines[1]), 10, 64)
	if err != nil {
		return checkpoint
	}
	forged, err := f.checkpoint(size)
	if err != nil {
		return f.fail(checkpoint, err)
	}
	return forged
}

// fail keeps why a forgery was not made and shows the truth.
func (f *forgery) fail(truth []byte, err error) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	return truth
}

func (f *forgery) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// share is what a party has in an allocation.
func share(shares []comity.Share, id party.ID) quantity.Amount {
	for _, x := range shares {
		if x.Party == id {
			return x.Amount
		}
	}
	return 0
}
