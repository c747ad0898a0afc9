package cheat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"comity"
	"comity/audit"
	"comity/canon"
	"comity/fleet"
	"comity/governor/charter"
	"comity/node"
	"comity/party"
	"comity/verifier/ledger"
)

func receiptForged() Cheat {
	return Cheat{
		Name: "receipt-forged", Title: "A receipt is forged", Who: "stranger",
		Tries: "After an honest week somebody shows receipts that look like the true one: with other amounts, signed again by the hub but not logged, with too few witnesses, and of another consortium.",
		run:   forged,
	}
}

func forged(ctx context.Context, s *stage) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.week(ctx); err != nil {
		return err
	}
	honest, err := os.ReadFile(filepath.Join(s.Home.Receipts(), s.period+"-allocation.proof"))
	if err != nil {
		return err
	}
	pinned, err := canon.ParseAnchor(s.digest().Words())
	if err != nil {
		return err
	}
	if r := audit.Receipt(honest, &pinned); !r.Verified {
		return fmt.Errorf("the true receipt is refused: %w", r.Err)
	}
	f, err := s.forger(honest)
	if err != nil {
		return err
	}
	for _, forge := range []func() ([]byte, error){f.altered, f.resigned, f.unwitnessed, f.stranger} {
		data, err := forge()
		if err != nil {
			return err
		}
		r := audit.Receipt(data, &pinned)
		if r.Verified {
			return errors.New("a forged receipt verifies")
		}
		s.refuse(r.Err)
	}
	s.out.Caught, s.out.By = true, "anybody who checks, offline"
	s.out.Tried = fmt.Sprintf("Four receipts were forged: one says %s, one says so with the hub's own signature, one has a witness less than needed, one is of a consortium that its forger founded alone.", f.says)
	s.out.WouldHave = fmt.Sprintf("The reader would have believed in %s. The last forgery agrees with itself in every check: only who pins the charter's words, %q, can tell.", f.effect, s.digest().Words())
	return nil
}

// forger has the true receipt and the hub's key.
type forger struct {
	stage        *stage
	honest       ledger.Receipt
	lie          comity.Statement
	says, effect string
}

func (s *stage) forger(data []byte) (*forger, error) {
	f := &forger{stage: s}
	var err error
	if f.honest, err = ledger.ReadReceipt(data); err != nil {
		return nil, err
	}
	f.lie = f.honest.Entry().Statement()
	f.says, f.effect, err = s.raise(&f.lie, s.middle())
	f.says = fmt.Sprintf("that %s has %s", s.name(s.middle()), f.says)
	return f, err
}

// altered has another amount under the signature of the true one.
func (f *forger) altered() ([]byte, error) {
	key, err := party.NewKey(f.honest.Entry().KeyID(), rand.Reader)
	if err != nil {
		return nil, err
	}
	r := f.honest
	if r.Extra.Entry, err = ledger.Sign(f.lie, key); err != nil {
		return nil, err
	}
	return ledger.WriteReceipt(r)
}

// resigned has another amount and the hub's signature, but was never logged.
func (f *forger) resigned() ([]byte, error) {
	r := f.honest
	var err error
	if r.Extra.Entry, err = f.stage.signAsOperator(f.lie); err != nil {
		return nil, err
	}
	return ledger.WriteReceipt(r)
}

// unwitnessed lacks the last cosignature.
func (f *forger) unwitnessed() ([]byte, error) {
	r := f.honest
	text := strings.TrimSuffix(string(r.Checkpoint), "\n")
	r.Checkpoint = []byte(text[:strings.LastIndex(text, "\n")+1])
	return ledger.WriteReceipt(r)
}

// stranger is the receipt of a consortium of the same members that the forger founded
// alone, with all keys and all witnesses its own.
func (f *forger) stranger() ([]byte, error) {
	home := node.Home(filepath.Join(string(f.stage.Home), "stranger"))
	if err := os.MkdirAll(string(home), 0o700); err != nil {
		return nil, err
	}
	sealed, err := fleet.Found(fleet.Config{
		Home: home, Scenario: f.stage.Scenario, Clock: f.stage.Clock, Progress: f.stage.Progress, StepSeconds: stepSeconds,
	}, rand.Reader)
	if err != nil {
		return nil, err
	}
	rules, digest, err := charter.Open(sealed)
	if err != nil {
		return nil, err
	}
	r := ledger.Receipt{Extra: ledger.Extra{Charter: sealed}}
	if r.Extra.Entry, r.Extra.Problem, err = f.theirs(home, digest, rules.ID); err != nil {
		return nil, err
	}
	if r.Checkpoint, err = f.cosigned(home, rules, r.Extra.Entry); err != nil {
		return nil, err
	}
	data, err := ledger.WriteReceipt(r)
	if err != nil {
		return nil, err
	}
	if alone := audit.Receipt(data, nil); !alone.Verified {
		return nil, fmt.Errorf("the stranger's consortium does not agree with itself: %w", alone.Err)
	}
	return data, nil
}

// theirs is the true allocation as a statement of the other consortium.
func (f *forger) theirs(home node.Home, digest canon.Digest, id string) (entry, problem []byte, err error) {
	st := f.honest.Entry().Statement()
	var a comity.Allocation
	var p comity.Problem
	if err := errors.Join(canon.Unmarshal(st.Record, &a), canon.Unmarshal(f.honest.Extra.Problem, &p)); err != nil {
		return nil, nil, err
	}
	p.Charter = digest
	if problem, err = canon.Marshal(p); err != nil {
		return nil, nil, err
	}
	a.Problem = canon.Sum(problem)
	if st.Record, err = canon.Marshal(a); err != nil {
		return nil, nil, err
	}
	st.Body, st.Charter = id, digest
	key, err := party.LoadKey(home.Hub().NodeKey())
	if err != nil {
		return nil, nil, err
	}
	entry, err = ledger.Sign(st, key)
	return entry, problem, err
}

// cosigned is a checkpoint of one entry that all witnesses of the other consortium signed.
func (f *forger) cosigned(home node.Home, rules comity.Charter, entry []byte) ([]byte, error) {
	key, err := party.LoadKey(home.Hub().LogKey())
	if err != nil {
		return nil, err
	}
	signed, err := signTree(key, rules.Transparency.Log.Origin, [][]byte{entry})
	if err != nil {
		return nil, err
	}
	for _, p := range rules.Parties {
		if p.ID == rules.Transparency.Log.Operator {
			continue
		}
		witness, err := party.LoadKey(home.Member(p.ID).WitnessKey())
		if err != nil {
			return nil, err
		}
		line, err := ledger.Cosign(witness, signed, f.stage.Clock().Unix())
		if err != nil {
			return nil, err
		}
		signed = append(signed, line...)
	}
	return ledger.Normalise(signed, ledger.PolicyOf(rules))
}
