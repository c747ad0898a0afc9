package template_test

import (
	"context"
	"testing"

	"comity/adapter/highs"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/pack/template"
)

// TestEveryTemplateIsSolved: the numbers that come with a template lead to an allocation
// whose certificate is within the gap that the charter allows.
func TestEveryTemplateIsSolved(t *testing.T) {
	engine, err := highs.New(highs.Config{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, name := range template.Names() {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			p, err := program.Lower(inputs(t, name, c))
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.CheckShape(p); err != nil {
				t.Fatal(err)
			}
			found, err := solve.Allocate(t.Context(), p, engine, canon.Sum([]byte("a public lot")))
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.Check(p, found.Units, found.Certificate, c.Decisions.MaxGap); err != nil {
				t.Fatal(err)
			}
			for k, share := range found.Parties {
				if share.Amount == 0 {
					t.Errorf("%s gets nothing", share.Party)
				}
				t.Logf("%s gets %d of %d", share.Party, share.Amount, p.Needs[k].Amount)
			}
		})
	}
}
