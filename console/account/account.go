// Package account says in plain numbers what the log of a body says: the accounts that
// pages draw and that anybody can fetch as JSON. Every number is computed exactly from
// the folded log and its public blobs, so that page, JSON and command give the same
// digits. It words nothing: sentences, languages and colours are the console's.
package account

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
)

// ErrNone says that nothing was decided yet, or not for the period in question.
var ErrNone = errors.New("nothing decided")

// Book is what the log says at one moment. It does not move.
type Book struct {
	View      body.View
	Charter   comity.Charter
	Effective map[string]bool // By period: enough parties found the same.
	Blobs     Blobs
}

// Open copies what is known of a body. Look runs a function on the state while it cannot
// move, as node.Hub does; what it hands out of tables never changes afterwards.
func Open(look func(func(*body.State)), blobs Blobs) Book {
	b := Book{Effective: map[string]bool{}, Blobs: blobs}
	look(func(s *body.State) {
		b.View, b.Charter = *s.View(), s.Charter()
		for period := range b.View.Decisions {
			b.Effective[period] = s.Effective(period)
		}
		v := &b.View
		v.Ratified, v.Counters = maps.Clone(v.Ratified), maps.Clone(v.Counters)
		v.Epochs, v.Rounds = maps.Clone(v.Epochs), maps.Clone(v.Rounds)
		v.Declared, v.Decisions = maps.Clone(v.Declared), maps.Clone(v.Decisions)
	})
	return b
}

// Blobs is the folder of a log's public blobs, each named by its digest in hex.
type Blobs string

// maxBlob bounds a blob that is read into memory: 64 MiB, as much as a document may have.
const maxBlob = canon.MaxBytes

// Read returns a blob whose bytes have the digest.
func (f Blobs) Read(d canon.Digest) ([]byte, error) {
	name := filepath.Join(string(f), d.Hex())
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d, err)
	}
	if info.Size() > maxBlob {
		return nil, fmt.Errorf("blob %s: %d bytes, at most %d", d, info.Size(), maxBlob)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d, err)
	}
	if got := canon.Sum(data); got != d {
		return nil, fmt.Errorf("blob %s: its bytes have %s; fetch it again", d, got)
	}
	return data, nil
}

// Periods returns the periods with a frozen picture, oldest first.
func (b Book) Periods() []string {
	return b.periods(func(d body.Decision) bool { return d.Picture != nil })
}

// Decided returns the periods with an allocation, oldest first.
func (b Book) Decided() []string {
	return b.periods(func(d body.Decision) bool { return d.Allocation != nil })
}

func (b Book) periods(keep func(body.Decision) bool) []string {
	var out []string
	for _, period := range slices.Sorted(maps.Keys(b.View.Decisions)) {
		if keep(b.View.Decisions[period]) {
			out = append(out, period)
		}
	}
	return out
}

// pick returns the period that is asked for, or the newest; ErrNone if there is none.
func pick(periods []string, asked string) (string, error) {
	switch {
	case asked == "" && len(periods) > 0:
		return periods[len(periods)-1], nil
	case slices.Contains(periods, asked):
		return asked, nil
	}
	return "", fmt.Errorf("%w: period %.20q of %d", ErrNone, asked, len(periods))
}

// before returns the period that precedes one in ascending periods.
func before(periods []string, period string) (string, bool) {
	i := slices.Index(periods, period)
	if i < 1 {
		return "", false
	}
	return periods[i-1], true
}

// Name returns what the charter calls a party in a language, or else in English.
func (b Book) Name(id party.ID, language string) string {
	p, ok := charter.PartyOf(b.Charter, id)
	if !ok {
		return string(id)
	}
	return Say(p.Name, language)
}

// Say returns a text in a language, or in English, or in the first language it has.
func Say(t comity.Text, language string) string {
	for _, tag := range []string{language, "en"} {
		if s, ok := t[tag]; ok {
			return s
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		return t[tag]
	}
	return ""
}

// Contributors returns the parties whose rows the model draws on, ascending.
func (b Book) Contributors() []party.ID {
	c, _ := charter.Clause(b.Charter, b.Charter.Models.Clause)
	return slices.Sorted(slices.Values(c.From))
}

// population is what a party declared last under that name.
func (b Book) population(id party.ID) int64 {
	for _, c := range b.Charter.Data {
		if c.As == "party" && slices.Contains(c.Values, "population") {
			return int64(b.View.Declared[c.ID].Latest[id].Values["population"])
		}
	}
	return 0
}
