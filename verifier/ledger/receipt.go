package ledger

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"comity"
	"comity/canon"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxReceipt bounds a receipt in bytes: room for the largest problem that was
// measured (48,012 columns) twice in base64.
const MaxReceipt = 16 << 20

// maxProof is the longest inclusion proof: one hash for each level of a tree of 2^63.
const maxProof = 63

const receiptHeader = "c2sp.org/tlog-proof@v1\n"

// Receipt is the offline proof that an entry was logged and witnessed: one C2SP
// tlog-proof file whose extra data carries what its reader needs besides.
type Receipt struct {
	Extra      Extra
	Index      int64            // Of the entry in the log, from 0.
	Proof      tlog.RecordProof // From the entry's sibling up.
	Checkpoint []byte           // As Normalise writes it.
	entry      Entry
}

// Extra is the extra data of a receipt, in canonical form. Nothing in it is to be
// believed before it was checked: the entry by the proof, the charter by its digest,
// the problem by the digest in the entry's record.
type Extra struct {
	Entry   []byte    `json:"entry"`
	Charter canon.Raw `json:"charter"`           // The sealed comity.Charter in force.
	Problem canon.Raw `json:"problem,omitempty"` // Of an allocation: its comity.Problem.
}

// WriteReceipt returns the bytes of r, after reading them back.
func WriteReceipt(r Receipt) ([]byte, error) {
	data, err := r.encode()
	if err != nil {
		return nil, err
	}
	if _, err := ReadReceipt(data); err != nil {
		return nil, fmt.Errorf("write receipt of entry %d: %w", r.Index, err)
	}
	return data, nil
}

// ReadReceipt reads a receipt and refuses every byte sequence but the one that
// WriteReceipt writes. It proves nothing yet: CheckInclusion does.
func ReadReceipt(data []byte) (Receipt, error) {
	if len(data) > MaxReceipt {
		return Receipt{}, fmt.Errorf("%w: receipt of %d bytes, at most %d", ErrMalformed, len(data), MaxReceipt)
	}
	rest, ok := bytes.CutPrefix(data, []byte(receiptHeader))
	if !ok {
		return Receipt{}, fmt.Errorf("%w: receipt does not begin with %q", ErrMalformed, receiptHeader)
	}
	head, checkpoint, ok := bytes.Cut(rest, []byte("\n\n"))
	if !ok {
		return Receipt{}, fmt.Errorf("%w: receipt has no checkpoint", ErrMalformed)
	}
	r, err := readHead(string(head))
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: receipt: %w", ErrMalformed, err)
	}
	r.Checkpoint = bytes.Clone(checkpoint)
	if r.entry, err = Parse(r.Extra.Entry); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	for _, document := range []canon.Raw{r.Extra.Charter, r.Extra.Problem} {
		if len(document) > 0 && document[0] != '{' {
			return Receipt{}, fmt.Errorf("%w: receipt: charter and problem must be objects", ErrMalformed)
		}
	}
	again, err := r.encode()
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !bytes.Equal(again, data) {
		return Receipt{}, fmt.Errorf("receipt of entry %d: %w: they read well, but are spelt otherwise than a receipt is", r.Index, ErrAltered)
	}
	return r, nil
}

// Entry returns the entry that the receipt is about.
func (r Receipt) Entry() Entry { return r.entry }

// Charter returns the embedded charter. Its digest is canon.Sum(r.Extra.Charter);
// only a reader who got that digest elsewhere knows whose charter it is.
func (r Receipt) Charter() (comity.Charter, error) {
	var c comity.Charter
	if err := canon.Unmarshal(r.Extra.Charter, &c); err != nil {
		return comity.Charter{}, fmt.Errorf("%w: receipt: charter: %w", ErrMalformed, err)
	}
	return c, nil
}

// CheckInclusion checks that the entry stands at its index under a checkpoint that
// satisfies p, and returns that checkpoint. Errors: those of ParseCheckpoint, ErrProof.
func (r Receipt) CheckInclusion(p Policy) (Checkpoint, error) {
	c, err := ParseCheckpoint(r.Checkpoint, p)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("receipt of entry %d: %w", r.Index, err)
	}
	if r.Index >= c.Size {
		return Checkpoint{}, fmt.Errorf("receipt: %w: entry %d under a tree of size %d", ErrProof, r.Index, c.Size)
	}
	if err := tlog.CheckRecord(r.Proof, c.Size, c.Root, r.Index, r.entry.Leaf()); err != nil {
		return Checkpoint{}, fmt.Errorf("receipt: %w: entry %d, size %d: %w", ErrProof, r.Index, c.Size, err)
	}
	return c, nil
}

func (r Receipt) encode() ([]byte, error) {
	extra, err := canon.Marshal(r.Extra)
	if err != nil {
		return nil, fmt.Errorf("receipt of entry %d: %w", r.Index, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sextra %s\nindex %d\n", receiptHeader, base64.StdEncoding.EncodeToString(extra), r.Index)
	for _, h := range r.Proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes(), nil
}

// readHead reads the extra, index and proof lines, without the last newline.
func readHead(head string) (Receipt, error) {
	var r Receipt
	line, rest, _ := strings.Cut(head, "\n")
	encoded, ok := strings.CutPrefix(line, "extra ")
	extra, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return r, fmt.Errorf("line 2 is not extra data in base64: %.40q", line)
	}
	if err := canon.Unmarshal(extra, &r.Extra); err != nil {
		return r, fmt.Errorf("extra data: %w", err)
	}
	line, rest, more := strings.Cut(rest, "\n")
	digits, ok := strings.CutPrefix(line, "index ")
	r.Index, err = strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || r.Index < 0 {
		return r, fmt.Errorf("line 3 is not an index: %.40q", line)
	}
	for at := 0; more; at++ {
		line, rest, more = strings.Cut(rest, "\n")
		hash, err := tlog.ParseHash(line)
		if err != nil || at == maxProof {
			return r, fmt.Errorf("line %d is not one of at most %d hashes: %.60q", at+4, maxProof, line)
		}
		r.Proof = append(r.Proof, hash)
	}
	return r, nil
}
