package audit_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"comity"
	"comity/allocator/certificate"
	"comity/audit"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/ledger"
)

// classes are the errors that a receipt may be refused with: each has an exit code.
func classes() []error {
	return []error{
		audit.ErrAnchor, ledger.ErrSignature, ledger.ErrLogKey, // 11
		audit.ErrContent, ledger.ErrProof, ledger.ErrOrigin, ledger.ErrAltered, // 12
		ledger.ErrWitnesses,    // 14
		ledger.ErrMalformed,    // 20
		certificate.ErrInvalid, // 40
	}
}

// refused checks that a receipt is refused with one of the causes, and that the report
// says so everywhere.
func refused(t *testing.T, what string, r audit.Report, causes ...error) {
	t.Helper()
	if r.Verified || r.Err == nil {
		t.Errorf("%s: verified", what)
		return
	}
	if !slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(r.Err, cause) }) {
		t.Errorf("%s: refused with %v, want one of %v", what, r.Err, causes)
	}
	if n := len(r.Checks); n == 0 || r.Checks[n-1].OK || r.Checks[n-1].Detail == "" {
		t.Errorf("%s: the last check does not say what failed: %v", what, r.Checks)
	}
}

func TestReceipts(t *testing.T) {
	c := found(t, true)
	t.Run("valid", func(t *testing.T) { testValid(t, c) })
	t.Run("stranger", func(t *testing.T) { testStranger(t, c) })
	t.Run("flips", func(t *testing.T) { testFlips(t, c) })
	t.Run("cuts", func(t *testing.T) { testCuts(t, c) })
	t.Run("fields", func(t *testing.T) { testFields(t, c) })
	t.Run("statement", func(t *testing.T) { testStatement(t, c) })
	t.Run("proof", func(t *testing.T) { testProof(t, c) })
	t.Run("conspiracy", func(t *testing.T) { testConspiracy(t, c) })
}

func testValid(t *testing.T, c consortium) {
	whole, err := canon.ParseAnchor(canon.Sum(c.sealed).String())
	if err != nil {
		t.Fatal(err)
	}
	for name, anchor := range map[string]*canon.Anchor{"unpinned": nil, "words": c.pin(t), "digest": &whole} {
		for _, data := range [][]byte{c.charter, c.allocation} {
			r := audit.Receipt(data, anchor)
			if !r.Verified || r.Err != nil || r.Charter != canon.Sum(c.sealed) || len(r.Checks) != 6 {
				t.Errorf("%s: %+v", name, r)
			}
			if want := map[bool]string{true: "unpinned", false: "pinned"}[anchor == nil]; r.Anchor != want {
				t.Errorf("%s: the anchor is %s, want %s", name, r.Anchor, want)
			}
		}
	}
	if r := audit.Receipt(c.allocation, nil); !strings.Contains(r.Checks[1].Detail, "self-consistent") {
		t.Errorf("without an anchor the report says %q, want that it is only self-consistent", r.Checks[1].Detail)
	}
}

// testStranger holds that a pinned reader takes nothing from another consortium, however
// well that agrees with itself.
func testStranger(t *testing.T, c consortium) {
	other := found(t, false)
	if r := audit.Receipt(other.charter, nil); !r.Verified {
		t.Fatalf("the other consortium does not even agree with itself: %v", r.Err)
	}
	refused(t, "another consortium's charter", audit.Receipt(other.charter, c.pin(t)), audit.ErrAnchor)
	refused(t, "our allocation under their words", audit.Receipt(c.allocation, other.pin(t)), audit.ErrAnchor)
}

func testFlips(t *testing.T, c consortium) {
	const flips = 1000
	random := rand.New(rand.NewPCG(1, 2))
	for n := range flips {
		data, anchor := c.allocation, c.pin(t)
		if n%2 == 0 {
			anchor = nil
		}
		at, bit := random.IntN(len(data)), random.IntN(8)
		data = bytes.Clone(data)
		data[at] ^= 1 << bit
		r := audit.Receipt(data, anchor)
		if r.Verified {
			t.Fatalf("bit %d of byte %d of %d can be flipped", bit, at, len(data))
		}
		refused(t, "a flipped bit", r, classes()...)
	}
}

func testCuts(t *testing.T, c consortium) {
	lines := bytes.SplitAfter(c.allocation, []byte("\n"))
	size := 0
	for _, line := range lines[:len(lines)-1] {
		for _, end := range []int{size, size + len(line)/2} {
			refused(t, "a receipt that is cut short", audit.Receipt(c.allocation[:end], nil), ledger.ErrMalformed, ledger.ErrWitnesses, ledger.ErrLogKey, ledger.ErrAltered)
		}
		size += len(line)
	}
	refused(t, "one byte more", audit.Receipt(append(bytes.Clone(c.allocation), '\n'), nil), ledger.ErrMalformed, ledger.ErrAltered)
	refused(t, "too long", audit.Receipt(make([]byte, ledger.MaxReceipt+1), nil), ledger.ErrMalformed)
}

// testFields alters every field of charter and problem, one at a time, and spells the
// receipt as it should be.
func testFields(t *testing.T, c consortium) {
	whole, err := ledger.ReadReceipt(c.allocation)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	leaves(t, whole.Extra.Problem, func(path string, altered []byte) {
		r := whole
		r.Extra.Problem = altered
		data, err := ledger.WriteReceipt(r)
		if err != nil {
			t.Fatal(err)
		}
		count++
		refused(t, "problem"+path, audit.Receipt(data, c.pin(t)), audit.ErrContent)
		refused(t, "problem"+path, audit.Receipt(data, nil), audit.ErrContent)
	})
	leaves(t, whole.Extra.Charter, func(path string, altered []byte) {
		r := whole
		r.Extra.Charter = altered
		data, err := ledger.WriteReceipt(r)
		if err != nil {
			t.Fatal(err)
		}
		count++
		refused(t, "charter"+path, audit.Receipt(data, c.pin(t)), audit.ErrAnchor, audit.ErrContent)
		refused(t, "charter"+path, audit.Receipt(data, nil), audit.ErrContent)
	})
	if count < 300 {
		t.Errorf("%d fields were altered, want every one of hundreds", count)
	}
	without := whole
	without.Extra.Problem = nil
	data, err := ledger.WriteReceipt(without)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "no problem", audit.Receipt(data, nil), audit.ErrContent)
}

// testStatement alters every field of the statement and has it signed by a stranger:
// nobody else would.
func testStatement(t *testing.T, c consortium) {
	stranger, err := party.NewKey("secretariat.node", rand.NewChaCha8([32]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := ledger.ReadReceipt(c.allocation)
	if err != nil {
		t.Fatal(err)
	}
	document, err := canon.Marshal(whole.Entry().Statement())
	if err != nil {
		t.Fatal(err)
	}
	leaves(t, document, func(path string, altered []byte) {
		var st comity.Statement
		if err := canon.Unmarshal(altered, &st); err != nil {
			return // No statement: nobody can write it.
		}
		r := whole
		if r.Extra.Entry, err = ledger.Sign(st, stranger); err != nil {
			return // The same.
		}
		data, err := ledger.WriteReceipt(r)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want := ledger.ErrSignature
		if path == "/body" || path == "/charter" {
			want = audit.ErrContent
		}
		refused(t, "statement"+path, audit.Receipt(data, c.pin(t)), want)
	})
}

func testProof(t *testing.T, c consortium) {
	whole, err := ledger.ReadReceipt(c.allocation)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, change func(*ledger.Receipt), causes ...error) {
		r := whole
		r.Proof, r.Checkpoint = slices.Clone(whole.Proof), bytes.Clone(whole.Checkpoint)
		change(&r)
		data, err := ledger.WriteReceipt(r)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		refused(t, what, audit.Receipt(data, c.pin(t)), causes...)
	}
	for i := range whole.Proof {
		try("a hash of the proof", func(r *ledger.Receipt) { r.Proof[i][3] ^= 1 }, ledger.ErrProof)
	}
	try("one hash less", func(r *ledger.Receipt) { r.Proof = r.Proof[1:] }, ledger.ErrProof)
	try("one hash more", func(r *ledger.Receipt) { r.Proof = append(r.Proof, r.Proof[0]) }, ledger.ErrProof)
	try("the entry before", func(r *ledger.Receipt) { r.Index-- }, ledger.ErrProof)
	try("an entry after the end", func(r *ledger.Receipt) { r.Index = 1 << 40 }, ledger.ErrProof)
	lines := bytes.SplitAfter(whole.Checkpoint, []byte("\n")) // Origin, size, root, nothing, log, witnesses.
	replaced := func(i int, line string) func(*ledger.Receipt) {
		return func(r *ledger.Receipt) {
			changed := slices.Clone(lines)
			changed[i] = []byte(line)
			r.Checkpoint = bytes.Join(changed, nil)
		}
	}
	try("another origin", replaced(0, "log.example/other\n"), ledger.ErrOrigin, ledger.ErrAltered)
	try("a larger size", replaced(1, "9"+string(lines[1])), ledger.ErrAltered)
	other := "A"
	if lines[2][0] == 'A' {
		other = "B"
	}
	try("another root", replaced(2, other+string(lines[2][1:])), ledger.ErrAltered, ledger.ErrMalformed)
	try("no log signature", replaced(4, ""), ledger.ErrLogKey)
	try("a witness less", replaced(5, ""), ledger.ErrWitnesses)
	try("a witness twice", replaced(5, string(lines[6])), ledger.ErrWitnesses, ledger.ErrAltered)
	try("witnesses in another order", func(r *ledger.Receipt) {
		changed := slices.Clone(lines)
		changed[5], changed[6] = changed[6], changed[5]
		r.Checkpoint = bytes.Join(changed, nil)
	}, ledger.ErrAltered)
}

// testConspiracy has the operator, the log and every witness sign what is false: the
// exact check of the content is what is left.
func testConspiracy(t *testing.T, c consortium) {
	if r := audit.Receipt(c.forge(t, func(*comity.Statement, *ledger.Extra) {}), c.pin(t)); !r.Verified {
		t.Fatalf("a forged log with the true statement: %v", r.Err)
	}
	try := func(what string, change func(*comity.Allocation), causes ...error) {
		data := c.forge(t, func(st *comity.Statement, _ *ledger.Extra) {
			var a comity.Allocation
			if err := canon.Unmarshal(st.Record, &a); err != nil {
				t.Fatal(err)
			}
			change(&a)
			var err error
			if st.Record, err = canon.Marshal(a); err != nil {
				t.Fatal(err)
			}
		})
		refused(t, what, audit.Receipt(data, c.pin(t)), causes...)
	}
	one := exact.Int(1)
	try("a unit more", func(a *comity.Allocation) { a.Units[0]++ }, certificate.ErrInvalid)
	try("a unit moved", func(a *comity.Allocation) { a.Units[0]++; a.Units[len(a.Units)-1]-- }, certificate.ErrInvalid, audit.ErrContent)
	try("a negative unit", func(a *comity.Allocation) { a.Units[0] = -1 }, certificate.ErrInvalid)
	try("a column less", func(a *comity.Allocation) { a.Units = a.Units[1:] }, certificate.ErrInvalid)
	try("a better objective", func(a *comity.Allocation) { s := &a.Certificate.Stages[0]; s.Value = s.Value.Add(one) }, certificate.ErrObjective)
	try("a lower bound", func(a *comity.Allocation) { s := &a.Certificate.Stages[0]; s.Bound = s.Bound.Sub(one) }, certificate.ErrBound)
	try("another gap", func(a *comity.Allocation) { s := &a.Certificate.Stages[0]; s.Gap = s.Gap.Add(one) }, certificate.ErrGap)
	try("a price less", func(a *comity.Allocation) { s := &a.Certificate.Stages[0].Proof; s.Prices = s.Prices[1:] }, certificate.ErrInvalid)
	for i := range 3 {
		try("another price", func(a *comity.Allocation) { a.Certificate.Stages[0].Proof.Prices[i] += 1 << 20 }, certificate.ErrInvalid)
	}
	try("one share up", func(a *comity.Allocation) { a.Parties[0].Amount++ }, audit.ErrContent)
	try("a share less", func(a *comity.Allocation) { a.Parties = a.Parties[1:] }, audit.ErrContent)
	try("a share twice", func(a *comity.Allocation) { a.Parties = append(a.Parties, a.Parties[0]) }, audit.ErrContent)
	try("another problem", func(a *comity.Allocation) { a.Problem[0] ^= 1 }, audit.ErrContent)
	try("another picture", func(a *comity.Allocation) { a.Picture[0] ^= 1 }, audit.ErrContent)
	try("another period", func(a *comity.Allocation) { a.Period = "2026-11-25" }, audit.ErrContent)
	refused(t, "a record of another kind", audit.Receipt(c.forge(t, func(st *comity.Statement, _ *ledger.Extra) {
		st.Kind = comity.KindCheck
	}), c.pin(t)), audit.ErrContent)
	refused(t, "a charter record that is not the charter", audit.Receipt(c.forge(t, func(st *comity.Statement, x *ledger.Extra) {
		st.Kind, x.Problem = comity.KindCharter, nil
	}), c.pin(t)), audit.ErrContent)
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := audit.Receipt(data, nil); r.Verified || r.Err == nil {
			t.Errorf("verified: %q", data)
		}
	})
}
