package console

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/csv"
	"comity/adapter/highs/highstest"
	"comity/adapter/yaml"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/pack/template"
)

// TestBothCheckersReadEveryKindOfProof solves every template, which between them have all
// kinds of stage, a limit and trees, and changes one number of each proof after the
// other: Go and the browser's code agree about each.
func TestBothCheckersReadEveryKindOfProof(t *testing.T) {
	engine := highstest.Engine(t)
	var input bytes.Buffer
	var want []bool
	chance := rand.New(rand.NewPCG(1, 2))
	for _, name := range template.Names() {
		c, p := draft(t, name)
		found, err := solve.Allocate(t.Context(), p, engine, canon.Sum([]byte(name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for k := range 60 {
			a := comity.Allocation{Units: found.Units, Parties: found.Parties}
			copied(t, found.Certificate, &a.Certificate)
			if k > 0 {
				tamper(chance, &a)
			}
			want = append(want, certificate.Check(p, a.Units, a.Certificate, c.Decisions.MaxGap) == nil)
			for _, record := range []any{p, a, c.Decisions.MaxGap} {
				data, err := canon.Marshal(record)
				if err != nil {
					t.Fatal(err)
				}
				input.Write(append(data, '\n'))
			}
		}
		if !want[len(want)-60] {
			t.Errorf("%s: the certificate is refused as it is", name)
		}
	}
	got := inNode(t, &input)
	if len(got) != len(want) {
		t.Fatalf("%d verdicts, want %d", len(got), len(want))
	}
	for k, verdict := range got {
		if (verdict == "yes") != want[k] {
			t.Errorf("case %d of %s: the browser says %s, Go says %t", k%60, template.Names()[k/60], verdict, want[k])
		}
	}
}

// tamper changes one number of one proof by a little.
func tamper(chance *rand.Rand, a *comity.Allocation) {
	s := &a.Certificate.Stages[chance.IntN(len(a.Certificate.Stages))]
	lists := [][]canon.Int{s.Weights, s.Proof.Prices}
	for _, c := range s.Proof.Tree {
		lists = append(lists, c.Prices)
	}
	for _, c := range s.Cuts {
		lists = append(lists, c.Vector)
	}
	list := lists[chance.IntN(len(lists))]
	if len(list) == 0 {
		s.Bound = s.Bound.Add(exact.Int(1))
		return
	}
	list[chance.IntN(len(list))] += canon.Int(chance.IntN(5) - 2)
}

// draft reads a template and lowers it with its own numbers.
func draft(t *testing.T, name string) (comity.Charter, comity.Problem) {
	t.Helper()
	text, err := template.Charter(name)
	if err != nil {
		t.Fatal(err)
	}
	root, err := yaml.Read(name, text)
	if err != nil {
		t.Fatal(err)
	}
	c, problems := charter.Read(root, cel.Compile)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	numbers, err := template.Inputs(name)
	if err != nil {
		t.Fatal(err)
	}
	in, err := csv.ReadInputs(name, strings.NewReader(string(numbers)), c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.Lower(in)
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

// inNode runs the browser's checker over documents, three lines a case.
func inNode(t *testing.T, input *bytes.Buffer) []string {
	t.Helper()
	folder, err := filepath.Abs("web/verify")
	if err != nil {
		t.Fatal(err)
	}
	script := `
		import {readFileSync} from 'node:fs';
		import {read, ratio} from './canon.js';
		import {allocationRecord, check, problemRecord} from './certificate.js';
		const lines = readFileSync(0, 'utf8').split('\n');
		for (let i = 0; i + 2 < lines.length; i += 3) {
			try {
				const a = allocationRecord(read(lines[i + 1]));
				check(problemRecord(read(lines[i])), a.units, a.certificate, ratio(read(lines[i + 2])));
				console.log('yes');
			} catch (e) { console.log('no: ' + e.message); }
		}`
	file := filepath.Join(folder, "certificate_test.mjs")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
	run := exec.CommandContext(t.Context(), "node", file)
	run.Stdin = input
	var complaints bytes.Buffer
	run.Stderr = &complaints
	out, err := run.Output()
	if err != nil {
		t.Fatalf("node: %v: %s", err, complaints.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
