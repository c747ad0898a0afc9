package privacy_test

import (
	"crypto/rand"
	"fmt"

	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/privacy"
)

// A member clips its vector, adds its share of the noise, and the ledger books what the
// sum of all members cost.
func Example() {
	if err := release(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// each of 30 members adds noise of variance 1000000; 20 must remain
	// one sum: ε = 0.264
	// five sums: ε = 0.622, and KEN has spent ρ = 0.010000
}

func release() error {
	square, err := privacy.SquaredSensitivity(privacy.UnitPerson, 200)
	if err != nil {
		return err
	}
	plan := privacy.Release{Members: 30, Lanes: 4, Bits: 32, Bound: 1 << 20, Square: square, Variance: exact.Int(10_000_000)}
	sampler, err := plan.Sampler()
	if err != nil {
		return err
	}
	vector := privacy.ClipLargest([]int64{120, -40, 0, 7_000_000}, plan.Bound)
	lanes := make([]int64, plan.Lanes)
	if err := sampler.Fill(lanes, rand.Reader); err != nil {
		return err
	}
	for i := range vector {
		vector[i] += lanes[i] // What the member hands to secure aggregation.
	}
	fmt.Printf("each of %d members adds noise of variance %s; %d must remain\n", plan.Members, plan.Share(), plan.Survivors())

	cost, err := plan.Cost()
	if err != nil {
		return err
	}
	delta := exact.Int(1)
	if delta, err = delta.Quo(exact.Int(1_000_000)); err != nil {
		return err
	}
	one, err := privacy.Epsilon(cost.Rho, delta)
	if err != nil {
		return err
	}
	fmt.Printf("one sum: ε = %s\n", one.Big().FloatString(3))

	limit := privacy.Limit{Epsilon: exact.Int(2), Delta: delta}
	ledger, err := privacy.NewLedger(privacy.Rules{Budget: privacy.Budget{Release: limit, Year: limit}})
	if err != nil {
		return err
	}
	run := cost.Times(5)
	statement := privacy.Charge{
		Schema: canon.Digest{}, Unit: privacy.UnitPerson, Period: "2026-11-20", Round: "2026-11-20/fit", Disclosure: privacy.Noisy,
	}
	charges := run.Charges(statement, []party.ID{"KEN", "TZA", "UGA"})
	if err := ledger.FoldAll(charges); err != nil {
		return err
	}
	five, err := privacy.Epsilon(run.Rho, delta)
	if err != nil {
		return err
	}
	spent := ledger.Spent(charges[0].Account())
	fmt.Printf("five sums: ε = %s, and KEN has spent ρ = %s\n", five.Big().FloatString(3), spent.Rho.Big().FloatString(6))
	return nil
}
