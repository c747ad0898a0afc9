package basis_test

import (
	"bytes"
	"context"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"comity/adapter/highs/highstest"
	"comity/adapter/mps"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/exact"
)

// TestQSoptAgrees asks QSopt_ex, an exact solver that shares no code with this one, about
// random programmes (Applegate, Cook, Dash and Espinoza, "Exact solutions to linear
// programming problems" (2007)). Debian has it as qsopt-ex.
func TestQSoptAgrees(t *testing.T) {
	esolver, err := exec.LookPath("esolver")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("esolver is missing; install Debian's qsopt-ex")
		}
		t.Skip("esolver is missing; apt-get install qsopt-ex to compare with an independent exact solver")
	}
	folder, e := t.TempDir(), highstest.Engine(t)
	seen := map[linear.Status]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawDecimals(t)
		got, err := basis.Solve(context.Background(), p, e)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		seen[got.Status]++
		var file bytes.Buffer
		if err := mps.Write(&file, p); err != nil {
			t.Fatal(err)
		}
		status, value := consult(t, esolver, folder, file.Bytes())
		want := map[string]linear.Status{"OPTIMAL": linear.Optimal, "INFEASIBLE": linear.Infeasible, "UNBOUNDED": linear.Unbounded}[status]
		if got.Status != want || want == linear.Optimal && (got.Objective.String() != value || got.Gap.Sign() != 0) {
			t.Fatalf("got %s, %s, gap %s; QSopt_ex says %s, %s:\n%s", got.Status, got.Objective, got.Gap, status, value, file.String())
		}
	})
	for _, status := range []linear.Status{linear.Optimal, linear.Infeasible, linear.Unbounded} {
		if seen[status] == 0 {
			t.Errorf("no programme was %s", status)
		}
	}
}

// consult returns the status that esolver finds and the exact objective, if any.
func consult(t *rapid.T, esolver, folder string, file []byte) (status, value string) {
	in, out := filepath.Join(folder, "asked.mps"), filepath.Join(folder, "answer.sol")
	if err := os.WriteFile(in, file, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(out) // Of the last programme.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, esolver, "-O", out, in).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, said, file)
	}
	answer, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, said, file)
	}
	for line := range strings.Lines(string(answer)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch strings.TrimSpace(name) {
		case "status":
			status = strings.TrimSpace(rest)
		case "Value":
			value = strings.TrimSpace(rest)
		}
	}
	return status, value
}

// drawDecimals returns a programme with free, fixed and bounded columns, ranges and
// equations; small numbers make many of them degenerate.
func drawDecimals(t *rapid.T) linear.Programme {
	decimal := func(name string) exact.Rat {
		return exact.FromBig(big.NewRat(rapid.Int64Range(-9, 9).Draw(t, name), rapid.SampledFrom([]int64{1, 1, 1, 2, 4, 5, 100}).Draw(t, "over")))
	}
	bounds := func(kinds int) (lower, upper *exact.Rat) {
		a, b := decimal("bound"), decimal("bound")
		if a.Cmp(b) > 0 {
			a, b = b, a
		}
		switch rapid.IntRange(0, kinds).Draw(t, "kind") {
		case 0:
			return &a, nil
		case 1:
			return nil, &b
		case 2:
			return &a, &a
		case 3, 4:
			return &a, &b
		default:
			return nil, nil
		}
	}
	p := linear.Programme{Name: "drawn", Rows: []linear.Row{}}
	for j := range rapid.IntRange(1, 8).Draw(t, "columns") {
		c := linear.Column{Name: "x" + strconv.Itoa(j), Cost: decimal("cost")}
		c.Lower, c.Upper = bounds(5)
		p.Columns = append(p.Columns, c)
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "rows") {
		r := linear.Row{Name: "r" + strconv.Itoa(i), Terms: []linear.Term{}}
		r.Lower, r.Upper = bounds(4)
		for j := range p.Columns {
			if v := decimal("coeff"); v.Sign() != 0 && rapid.Bool().Draw(t, "there") {
				r.Terms = append(r.Terms, linear.Term{Column: j, Coeff: v})
			}
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}
