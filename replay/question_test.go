package replay_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/replay"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

type quiet = map[party.ID]comity.Kind

// everyEnd is a log with questions of every end.
func everyEnd(t *testing.T) *asked {
	w := newAsked(t)
	w.run(w.weeks("weeks"), script{}) // The first of its epoch: who takes no part in it has no neighbours later.
	w.run(w.cases("cases"), script{quiet: quiet{"TZ": comity.KindConsent, "PE": comity.KindCommit}})
	w.run(w.weeks("silent"), script{quiet: quiet{"BR": comity.KindUnmask}})
	w.run(w.cases("refused"), script{quiet: quiet{"TZ": comity.KindConsent, "PE": comity.KindConsent}})
	w.run(w.weeks("failed"), script{quiet: quiet{"BR": comity.KindJoin, "FJ": comity.KindJoin, "KE": comity.KindJoin}})
	w.say("KE", comity.KindQuestion, w.weeks("pending"))
	return w
}

// verify checks one round of the log at a place.
func verify(t *testing.T, place, round string) (replay.Round, error) {
	t.Helper()
	source, err := replay.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	return replay.Verify(t.Context(), source, nil, round)
}

func TestQuestions(t *testing.T) {
	w := everyEnd(t)
	folder := w.write()
	t.Run("replay", func(t *testing.T) { testCounts(t, folder) })
	t.Run("verify", func(t *testing.T) { testVerified(t, folder) })
	t.Run("unanswered", func(t *testing.T) { testUnanswered(t, folder) })
	t.Run("blobs", func(t *testing.T) { testQuestionBlobs(t, w, folder) })
}

// testCounts wants every end counted and the ledger as the log has it.
func testCounts(t *testing.T, folder string) {
	s, err := again(t, folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := replay.Questions{Asked: 6, Answered: 3, MasksOnly: 1, Decoded: 3, Refused: 1, Failed: 1, Unanswered: 1}
	if diff := cmp.Diff(want, s.Questions, cmpopts.IgnoreFields(replay.Questions{}, "Spent")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	charged := []party.ID{}
	for _, c := range s.Questions.Spent {
		charged = append(charged, c.Party)
		if c.Releases != 1 || c.Rho.Sign() <= 0 || c.Unit != privacy.UnitPerson || c.Year != "2026" {
			t.Errorf("%+v, want one noisy release in 2026", c)
		}
	}
	if want := states[:3]; !slices.Equal(charged, want) {
		t.Errorf("%v are charged, want those whose rows are in the sum: %v", charged, want)
	}
}

// testVerified wants of each answer the sum of its members and what can be said of it.
func testVerified(t *testing.T, folder string) {
	for round, want := range map[string]struct {
		members   []party.ID
		checks    []string
		unchecked int
	}{
		"cases":  {states[:3], []string{"log", "sum", "fingerprints", "answer"}, 0},
		"weeks":  {states, []string{"log", "sum", "fingerprints", "answer"}, 0},
		"silent": {states, []string{"log", "sum", "answer"}, 1},
	} {
		r, err := verify(t, folder, period+"/"+round)
		if err != nil || r.Err != nil || !r.Verified {
			t.Fatalf("%s: %+v, %v", round, r, err)
		}
		names := []string{}
		for _, c := range r.Checks {
			names = append(names, c.Name)
		}
		if r.Kind != replay.Question || !slices.Equal(r.Members, want.members) || !slices.Equal(names, want.checks) || len(r.Unchecked) != want.unchecked {
			t.Errorf("%s: %+v, want members %v, checks %v and %d unchecked", round, r, want.members, want.checks, want.unchecked)
		}
		switch {
		case r.Answer == nil || r.Answer.Members != len(want.members) || r.SumDigest.IsZero():
			t.Errorf("%s: answer %+v of sum %s", round, r.Answer, r.SumDigest)
		case round != "cases" && (!slices.Equal(r.Sum, []int64{15}) || r.Answer.Values[0].Value.Cmp(exact.Int(15)) != 0):
			t.Errorf("%s: sum %v, answer %+v; want 1+2+3+4+5", round, r.Sum, r.Answer)
		// Four were invited and three are in: their noise is 3·60/4 each.
		case round == "cases" && (len(r.Sum) != 3 || r.Answer.Variance.Cmp(exact.Int(135)) != 0):
			t.Errorf("cases: sum %v with variance %s, want 3 lanes with 135", r.Sum, r.Answer.Variance)
		}
	}
}

func testUnanswered(t *testing.T, folder string) {
	for round, want := range map[string]string{"refused": "refused", "failed": "failed", "pending": "under way"} {
		if _, err := verify(t, folder, period+"/"+round); !is(err, replay.ErrUnanswered) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %v and %s", round, err, replay.ErrUnanswered, want)
		}
	}
	if _, err := verify(t, folder, period+"/nobody"); !is(err, fs.ErrNotExist) {
		t.Errorf("a round that nobody asked: %v, want %v", err, fs.ErrNotExist)
	}
	theirs, err := canon.ParseAnchor(canon.Sum([]byte("another charter")).String())
	must(t, err)
	source, err := replay.Open(t.Context(), folder)
	must(t, err)
	if _, err := replay.Verify(t.Context(), source, &theirs, period+"/weeks"); !is(err, replay.ErrAnchor) {
		t.Errorf("under another charter: %v, want %v", err, replay.ErrAnchor)
	}
}

// testQuestionBlobs alters and removes each blob in turn. Without a schema there is still
// a sum, but no answer.
func testQuestionBlobs(t *testing.T, w *asked, folder string) {
	schemas := []string{w.weeks("any").Schema.Hex(), w.cases("any").Schema.Hex()}
	files, err := filepath.Glob(filepath.Join(folder, "blob", "*"))
	if err != nil || len(files) != 3*3+len(schemas)-1 { // Of the exact sums one is said twice.
		t.Fatalf("%d blobs, %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		restore := edit(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		if _, err := again(t, folder, nil); !is(err, ledger.ErrAltered) || is(err, replay.ErrDiffers) || !strings.Contains(err.Error(), name) {
			t.Errorf("altered blob %s: %v, want %v and its name", name, err, ledger.ErrAltered)
		}
		restore()
		must(t, os.Rename(file, file+".away"))
		s, err := again(t, folder, nil)
		if slices.Contains(schemas, name) {
			r, verr := verify(t, folder, period+"/weeks")
			if err != nil || s.Questions.Answered != 3 || s.Questions.Decoded == 3 || verr != nil || !r.Verified || (r.Answer == nil) != (name == schemas[0]) {
				t.Errorf("without schema %s: %+v, %v; %+v, %v", name, s.Questions, err, r, verr)
			}
		} else if !is(err, replay.ErrIncomplete) || !strings.Contains(err.Error(), name) {
			t.Errorf("missing blob %s: %v, want %v and its name", name, err, replay.ErrIncomplete)
		}
		must(t, os.Rename(file+".away", file))
	}
	opening := w.state.View().Questions[period+"/weeks"].Result.Opening.Hex()
	defer edit(t, filepath.Join(folder, "blob", opening), func(b []byte) []byte { return b[:len(b)-1] })()
	r, err := verify(t, folder, period+"/weeks")
	if err != nil || r.Verified || !is(r.Err, ledger.ErrAltered) || len(r.Checks) != 2 || r.Checks[1].OK || r.Checks[1].Name != "sum" {
		t.Errorf("a round with an altered opening: %+v, %v", r, err)
	}
	if r, err := verify(t, folder, period+"/silent"); err != nil || !r.Verified {
		t.Errorf("another round of the log: %+v, %v", r, err)
	}
}

// A hub that signs another result is found out by whoever recomputes it.
func TestHubLies(t *testing.T) {
	for name, lie := range map[string]func(w *asked, d *federation.Due, r *comity.Result){
		"sum": func(w *asked, d *federation.Due, r *comity.Result) {
			r.Sum = w.publish(flipped(d.Blobs[1], len(d.Blobs[1])-1))
		},
		"shape": func(w *asked, d *federation.Due, r *comity.Result) { r.Sum = w.publish(d.Blobs[1][:len(d.Blobs[1])-1]) },
		"no sum": func(w *asked, d *federation.Due, r *comity.Result) {
			r.Sum = canon.Sum([]byte("another"))
		},
		"self mask": func(w *asked, d *federation.Due, r *comity.Result) {
			r.Opening = w.publish(flipped(d.Blobs[0], len(d.Blobs[0])-1))
		},
		"cast":      func(w *asked, d *federation.Due, r *comity.Result) { r.Opening = w.publish(flipped(d.Blobs[0], 20)) },
		"magic":     func(w *asked, d *federation.Due, r *comity.Result) { r.Opening = w.publish(flipped(d.Blobs[0], 0)) },
		"exchanged": func(_ *asked, _ *federation.Due, r *comity.Result) { r.Sum, r.Opening = r.Opening, r.Sum },
	} {
		t.Run(name, func(t *testing.T) {
			w := newAsked(t)
			w.run(w.weeks("weeks"), script{hub: func(d *federation.Due) {
				if r, ok := d.Record.(comity.Result); ok {
					lie(w, d, &r)
					d.Record = r
				}
			}})
			refusedBy(t, w, "weeks", "sum", replay.ErrDiffers)
		})
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// refusedBy wants a replay and the check of the round to fail with the same cause.
func refusedBy(t *testing.T, w *asked, round, check string, cause error) {
	t.Helper()
	folder := w.write()
	if s, err := again(t, folder, nil); !is(err, cause) {
		t.Errorf("replay: %+v, %v; want %v", s.Questions, err, cause)
	}
	r, err := verify(t, folder, period+"/"+round)
	last := r.Checks[len(r.Checks)-1]
	if err != nil || r.Verified || !is(r.Err, cause) || last.OK || last.Name != check {
		t.Errorf("verify: %+v, %v; want check %s to fail with %v", r, err, check, cause)
	}
}

// Where fingerprints do not add up, an outsider cannot tell whether the hub or a survivor
// lied: a replay goes on and counts it, and the round is not verified.
func TestDisputed(t *testing.T) {
	for name, s := range map[string]script{
		"a member's fingerprint": {member: func(id party.ID, say *federation.Say) {
			if u, ok := say.Record.(comity.Unmask); ok && id == "FJ" {
				u.Points = slices.Clone(u.Points)
				u.Points[1] ^= 1
				say.Record = u
			}
		}},
		"the hub's masked sum": anotherSum(t),
	} {
		t.Run(name, func(t *testing.T) {
			w := newAsked(t)
			w.run(w.weeks("weeks"), s)
			folder := w.write()
			got, err := again(t, folder, nil)
			if q := got.Questions; err != nil || q.Answered != 1 || q.Disputed != 1 || q.MasksOnly != 0 {
				t.Errorf("%+v, %v; want one dispute", got.Questions, err)
			}
			r, err := verify(t, folder, period+"/weeks")
			if last := r.Checks[len(r.Checks)-1]; err != nil || r.Verified || !is(r.Err, secagg.ErrFingerprint) || last.Name != "fingerprints" {
				t.Errorf("%+v, %v; want fingerprints to fail", r, err)
			}
		})
	}
}

// anotherSum has the hub add 1 to the masked sum and to the sum: all but the fingerprints
// follows. A program that runs honestly behind it recovers the masks.
func anotherSum(t *testing.T) script {
	t.Helper()
	var honest comity.Survivors
	lied := canon.Digest{}
	return script{
		view: func(b *federation.Board) {
			if b.Survivors == nil {
				return
			}
			b.Survivors = &honest
			digest, err := canon.DigestOf(honest)
			must(t, err)
			b.Unmasks = maps.Clone(b.Unmasks)
			for id, u := range b.Unmasks {
				u.Survivors = digest
				b.Unmasks[id] = u
			}
		},
		hub: func(d *federation.Due) {
			switch r := d.Record.(type) {
			case comity.Survivors:
				honest = r
				d.Blobs[0] = plusOne(d.Blobs[0], maskedLanes)
				r.Masked = canon.Sum(d.Blobs[0])
				var err error
				lied, err = canon.DigestOf(r)
				must(t, err)
				d.Record = r
			case comity.Result:
				d.Blobs[1] = plusOne(d.Blobs[1], sumLanes)
				r.Survivors, r.Sum = lied, canon.Sum(d.Blobs[1])
				d.Record = r
			}
		},
	}
}

// Where lanes begin in the blobs (docs/format/secagg-once.md): after magic, bits, number of
// lanes, and in a masked sum number of members.
const (
	sumLanes    = 4 + 1 + 4
	maskedLanes = sumLanes + 2
)

// plusOne adds 1 to the little-endian lane of 16 bits at a place.
func plusOne(b []byte, at int) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint16(b[at:], binary.LittleEndian.Uint16(b[at:])+1)
	return b
}

// A question that lies about its own terms is found out by whoever has the schema.
func TestTermsFollow(t *testing.T) {
	other := casesSchema()
	other.ID = "health/cases@2"
	narrow := casesSchema()
	narrow.Columns[0].Name = "years"
	persons := weeksSchema()
	persons.Columns[0].Personal = true
	for field, change := range map[string]func(w *asked, q *comity.Question){
		"lanes":  func(_ *asked, q *comity.Question) { q.Lanes++ },
		"bound":  func(_ *asked, q *comity.Question) { q.Bound++ },
		"square": func(_ *asked, q *comity.Question) { q.Square = exact.Int(2) },
		"schema": func(w *asked, q *comity.Question) { q.Schema = w.publish(canonical(t, other)) },
		"query":  func(w *asked, q *comity.Question) { q.Schema = w.publish(canonical(t, narrow)) },
		"schema: blob": func(w *asked, q *comity.Question) {
			q.Schema = w.publish(append(canonical(t, casesSchema()), '\n'))
		},
		"disclosure": func(w *asked, q *comity.Question) {
			*q = w.weeks("lie")
			q.Schema, q.Query.PersonRows = w.publish(canonical(t, persons)), 1
		},
		"square: question not possible: its rows are not about the persons": func(w *asked, q *comity.Question) {
			*q = w.weeks("lie")
			q.Disclosure, q.Square, q.Variance = privacy.Noisy, exact.Int(1), exact.Int(60)
		},
	} {
		t.Run(field, func(t *testing.T) {
			w := newAsked(t)
			q := w.cases("lie")
			change(w, &q)
			w.run(q, script{})
			refusedBy(t, w, "lie", "answer", replay.ErrDiffers)
			if r, _ := verify(t, w.write(), q.Round); r.Err != nil && !strings.Contains(r.Err.Error(), ": "+field) {
				t.Errorf("%v, want the field %s", r.Err, field)
			}
		})
	}
}

func canonical(t *testing.T, s schema.Schema) []byte {
	t.Helper()
	raw, err := canon.Marshal(s)
	must(t, err)
	return raw
}

// What the log's own rules would not let through is refused all the same.
func TestLayout(t *testing.T) {
	c, w := pool(t), newAsked(t)
	q := w.cases("cases")
	if _, err := replay.Layout(c, q, casesSchema()); err != nil {
		t.Fatal(err)
	}
	q.Schema = canon.Sum([]byte("another"))
	if _, err := replay.Layout(c, q, casesSchema()); !is(err, replay.ErrDiffers) {
		t.Errorf("a schema of another digest: %v, want %v", err, replay.ErrDiffers)
	}
	// Noise under the unit member is scaled to any rows in the place of any others.
	c.Privacy.Unit = privacy.UnitMember
	q = w.cases("cases")
	if _, err := replay.Layout(c, q, casesSchema()); !is(err, replay.ErrDiffers) {
		t.Errorf("a person's noise for a member's rows: %v, want %v", err, replay.ErrDiffers)
	}
	q.Square = exact.Int(4_000_000)
	if _, err := replay.Layout(c, q, casesSchema()); err != nil {
		t.Error(err)
	}
	// A number that takes several lanes takes no noise.
	wide := schema.Schema{ID: "health/cases@1", Columns: []schema.Column{{Name: "cost", Type: schema.Integer}}}
	digest, err := wide.Digest()
	must(t, err)
	q.Schema, q.Lanes, q.Bound = digest, 4, 1<<48
	q.Query = comity.Query{Kind: comity.QuerySum, Column: "cost", Lower: "0", Upper: fmt.Sprint(int64(schema.MaxNumber)), MemberRows: 1 << 20}
	l, err := analytics.NewLayout(q.Query, wide)
	must(t, err)
	q.Lanes, q.Bound = len(l.Lanes), canon.Int(l.Bound)
	if _, err := replay.Layout(c, q, wide); !is(err, replay.ErrDiffers) || !is(err, analytics.ErrSplit) {
		t.Errorf("noise on a split number: %v, want %v", err, analytics.ErrSplit)
	}
}

// Evidence of a round without a result is refused.
func TestSumEvidence(t *testing.T) {
	w := newAsked(t)
	w.say("KE", comity.KindQuestion, w.weeks("weeks"))
	b, _ := w.state.Board(period + "/weeks")
	if e, err := replay.SumEvidence(b, nil); !is(err, replay.ErrUnanswered) || e.Group != (*oneshot.Group)(nil) {
		t.Errorf("%+v, %v; want %v", e, err, replay.ErrUnanswered)
	}
}

// A schema comes from whoever publishes the blob: no bytes may do harm, and those that
// pass have the lanes that the question names.
func FuzzLayout(f *testing.F) {
	w := newAsked(f)
	questions := []comity.Question{w.cases("cases"), w.weeks("weeks")}
	for _, q := range questions {
		f.Add(w.blobs[q.Schema.Hex()])
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		var s schema.Schema
		if canon.Unmarshal(blob, &s) != nil {
			return
		}
		for _, q := range questions {
			q.Schema = canon.Sum(blob)
			if l, err := replay.Layout(w.charter, q, s); err == nil && len(l.Lanes) != q.Lanes {
				t.Errorf("%d lanes pass for %d", len(l.Lanes), q.Lanes)
			}
		}
	})
}
