package oneshot

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
)

// Evidence is what a stranger checks one bucket of a round with. All but the blobs
// comes from the log, with the signatures already checked; Group follows from the
// logged Open, Joins and Nonces (NewLayout, Roster, NewGroup).
type Evidence struct {
	Group *Group
	Record
	Result comity.Result

	// Blob returns the blob of a digest; its bytes are checked against the digest.
	Blob func(canon.Digest) ([]byte, error)
	// Opened returns what Hub.Opened gives, for survivors without a fingerprint and those
	// in Disputed. It may be nil.
	Opened   func(who party.ID) ([]byte, error)
	Disputed []party.ID
	// MasksOnly accepts that some survivors have neither fingerprint nor opened vector,
	// as an offline audit must: then it is checked that the sum is the masked sum less the
	// masks committed to, and that the masked sum is of the committed vectors is left to
	// who holds the vectors.
	MasksOnly bool
}

// Verify checks that the sum of a bucket is the sum of vectors that the survivors
// committed to, and returns it by lane: deals and complaints give the cast, the
// survivors are admissible, every recovered secret is the one committed to, the sum is
// the masked sum less all masks and within its bound, and the fingerprints add up. It
// costs one mask expansion for each survivor and for each pair of a survivor and a
// neighbour that fell out, and no secret.
func Verify(e Evidence) ([]int64, error) {
	v, err := e.verify()
	if err != nil {
		return nil, fmt.Errorf("bucket %d of %s: %w", e.Group.bucket, e.Group.open.Round, err)
	}
	return v.sum.Values(), nil
}

// Lacking lists the survivors whose fingerprint is missing or disputed.
func (e Evidence) Lacking() []party.ID {
	var out []party.ID
	for _, who := range e.Survivors.Members {
		if _, ok := e.Unmasks[who]; !ok || slices.Contains(e.Disputed, who) {
			out = append(out, who)
		}
	}
	return out
}

// verification is what a check computes.
type verification struct {
	cast    *Cast
	present []bool
	masked  Masked
	sum     Sum
	opened  map[party.ID][field.Points]field.Element
}

func (e Evidence) verify() (*verification, error) {
	v := &verification{opened: map[party.ID][field.Points]field.Element{}}
	var err error
	if v.cast, err = e.Group.Settle(e.Deals, e.Complaints); err != nil {
		return nil, err
	}
	if v.present, err = v.cast.survivors(e.Survivors, e.Commits); err != nil {
		return nil, err
	}
	for _, who := range slices.Sorted(maps.Keys(e.Unmasks)) {
		if err := v.cast.CheckUnmask(who, e.Survivors, e.Size, e.Unmasks[who]); err != nil {
			return nil, err
		}
	}
	if err := e.checkResult(); err != nil {
		return nil, err
	}
	if err := v.recompute(e); err != nil {
		return nil, err
	}
	if e.MasksOnly && len(e.Lacking()) > 0 {
		return v, nil
	}
	return v, v.fingerprints(e)
}

// checkResult compares the result with the survivors it is about.
func (e Evidence) checkResult() error {
	if err := e.Group.here(e.Result.Round, e.Result.Bucket); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	digest, err := canon.DigestOf(e.Survivors)
	if err != nil {
		return err
	}
	if e.Result.Survivors != digest {
		return fmt.Errorf("%w: of survivors %s, the first admissible are %s", ErrResult, e.Result.Survivors, digest)
	}
	return nil
}

// recompute takes the masks off the masked sum and compares.
func (v *verification) recompute(e Evidence) error {
	blob, err := e.blob("masked sum", e.Survivors.Masked)
	if err != nil {
		return err
	}
	if v.masked, err = ParseMasked(blob); err != nil {
		return fmt.Errorf("masked sum: %w", err)
	}
	if n := len(e.Survivors.Members); v.masked.members != n || v.masked.lanes.Shape != e.Group.shape {
		return fmt.Errorf("masked sum: %w: %d vectors of %d lanes of %d bits, want %d of %d and %d", secagg.ErrSum, v.masked.members,
			v.masked.lanes.Lanes, v.masked.lanes.Bits, n, e.Group.shape.Lanes, e.Group.shape.Bits)
	}
	if blob, err = e.blob("opening", e.Result.Opening); err != nil {
		return err
	}
	opening, err := ParseOpening(blob)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	if v.sum, err = v.cast.unmask(v.masked, v.present, opening); err != nil {
		return err
	}
	if got := canon.Sum(v.sum.Bytes()); got != e.Result.Sum {
		return fmt.Errorf("%w: masked sum and masks give a sum of digest %s, published is %s", ErrResult, got, e.Result.Sum)
	}
	return e.Group.withinBound(v.sum, len(e.Survivors.Members))
}

func (e Evidence) blob(name string, want canon.Digest) ([]byte, error) {
	data, err := e.Blob(want)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %w", name, want, secagg.ErrIncomplete, err)
	}
	if got := canon.Sum(data); got != want {
		return nil, fmt.Errorf("%s: %w: blob has digest %s, named is %s", name, secagg.ErrSum, got, want)
	}
	return data, nil
}

// fingerprints compares the sum of all fingerprints with that of the masked sum.
func (v *verification) fingerprints(e Evidence) error {
	if len(e.Root) != keySize {
		return fmt.Errorf("%w: a root of %d bytes", ErrWitness, len(e.Root))
	}
	seed := v.cast.points(e.Root, e.Survivors.Masked)
	total := field.New(seed)
	total.Sums(lane.Restore(v.masked.lanes, v.masked.carries))
	var all [field.Points]field.Element
	for _, who := range e.Survivors.Members {
		u, given := e.Unmasks[who]
		var own [field.Points]field.Element
		var err error
		if given && !slices.Contains(e.Disputed, who) {
			if own, err = field.Parse(u.Points); err != nil {
				return fmt.Errorf("fingerprint of %s: %w: %w", who, secagg.ErrFingerprint, err)
			}
		} else if own, err = v.open(e, who); err != nil {
			return err
		}
		for k := range all {
			all[k] = all[k].Plus(own[k])
		}
	}
	if all != total.Value {
		return fmt.Errorf("%w: survivors give %d, the masked sum gives %d; let the hub open the vectors to see whose differ",
			secagg.ErrFingerprint, all, total.Value)
	}
	return nil
}

var errNoVectors = errors.New("no opened vectors were given")

// open evaluates the opened vector of a survivor whose fingerprint does not count.
func (v *verification) open(e Evidence, who party.ID) (own [field.Points]field.Element, err error) {
	if e.Opened == nil {
		return own, fmt.Errorf("fingerprint of %s: %w: %w", who, secagg.ErrIncomplete, errNoVectors)
	}
	data, err := e.Opened(who)
	if err != nil {
		return own, fmt.Errorf("opened vector of %s: %w: %w", who, secagg.ErrIncomplete, err)
	}
	if want := keySize + e.Group.shape.Size(); len(data) != want {
		return own, fmt.Errorf("opened vector of %s: %w: %d bytes, want %d", who, secagg.ErrOpening, len(data), want)
	}
	got := v.cast.commitMasked(who, [keySize]byte(data), data[keySize:])
	if got != e.Commits[who].Masked {
		return own, fmt.Errorf("opened vector of %s: %w: its digest is %s, committed is %s", who, secagg.ErrOpening, got, e.Commits[who].Masked)
	}
	f := field.New(v.cast.points(e.Root, e.Survivors.Masked))
	f.Masked(e.Group.shape, data[keySize:])
	v.opened[who] = f.Value
	return f.Value, nil
}
