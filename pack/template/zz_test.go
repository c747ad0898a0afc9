package template_test

import (
	"fmt"
	"testing"

	"comity/adapter/highs"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
)

func TestZZ(t *testing.T) {
	engine, _ := highs.New(highs.Config{Cache: "/tmp/dbg4/cache"})
	c := read(t, "emissions")
	p, err := program.Lower(inputs(t, "emissions", c))
	if err != nil {
		t.Fatal(err)
	}
	found, err := solve.Allocate(t.Context(), p, engine, canon.Sum([]byte("a public lot")))
	if err != nil {
		t.Fatal(err)
	}
	for j, c := range p.Columns {
		fmt.Println(c.ID, c.Upper, p.Stages[0].Costs[j], found.Units[j])
	}
	for _, r := range p.Rows {
		fmt.Println(r.ID, r.Terms)
		if r.Lower != nil {
			fmt.Println("  >=", *r.Lower)
		}
		if r.Upper != nil {
			fmt.Println("  <=", *r.Upper)
		}
	}
	fmt.Println(p.Stages[0].Outside, p.Stages[0].Power, p.Limits)
	for _, s := range found.Certificate.Stages {
		g, _ := s.Gap.Big().Float64()
		fmt.Println(s.Stage, g, s.Weights, s.Cuts, s.Proof.Prices)
	}
}
