package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"

	"comity/chance"
	"comity/exact"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/verifier/privacy"
	"comity/verifier/privacy/noise"
)

// ErrBudget says that a privacy budget allows no training.
var ErrBudget = errors.New("budget allows no training")

// PrivateBins is into how many bins the columns of a private training do best to fall:
// eight, and one for what is missing (additive.Private).
const PrivateBins = 9

// Private fits additive models whose sums carry discrete Gaussian noise, for rows in one
// place. What a model gives away of any one row, added or left out, is at most the limit;
// each further model of the same rows costs as much again.
//
// The frame is taken as public: its bins come from a schema, or from a survey of rows that
// are no secret. A survey of the rows at hand is exact, and is not charged here.
type Private struct {
	frame   *table.Frame
	recipe  *additive.Config
	sampler *noise.Sampler
}

// NewPrivate finds the noise that a limit asks for.
func NewPrivate(frame *table.Frame, limit privacy.Limit) (*Private, error) {
	recipe, err := privateRecipe(frame, limit)
	if err != nil {
		return nil, err
	}
	sampler, err := noise.Gaussian(exact.Int(recipe.Noise.Variance))
	return &Private{frame, recipe, sampler}, err
}

// Like returns the recipe of a private model, to train again on other rows with as much
// noise. It wraps ErrBudget if the model is not private.
func Like(m *model.Model) (*Private, error) {
	if m.Additive == nil || !m.Additive.Config.Noise.Private() {
		return nil, fmt.Errorf("%w: the %s model was made of exact sums", ErrBudget, m.Learner())
	}
	recipe := m.Additive.Config
	sampler, err := noise.Gaussian(exact.Int(recipe.Noise.Variance))
	frame := &table.Frame{
		Columns: m.Columns, Target: m.Target, Dropped: m.Dropped, Least: recipe.TargetLo, Most: recipe.TargetHi, Count: m.Facts.Rows, Trace: m.Facts.Survey,
	}
	return &Private{frame, &recipe, sampler}, err
}

// Fit trains on rows with keys. secret is the secret coin, such as crypto/rand.Reader.
func (p *Private) Fit(ctx context.Context, t *table.Table, secret io.Reader) (*model.Model, error) {
	rows, err := p.frame.Rows(t, false)
	if err != nil {
		return nil, err
	}
	m := &model.Model{
		Columns: p.frame.Columns, Target: p.frame.Target, Dropped: p.frame.Dropped,
		Facts: model.Facts{Rows: p.frame.Count, Parties: 1, Sums: p.recipe.Rounds + 1, Survey: p.frame.Trace},
	}
	m.Additive, err = additive.Train(ctx, rows, p.recipe, &noisy{p.sampler, secret})
	return m, err
}

// privateRecipe spends the whole limit: with zero-concentrated cost ρ, noise of variance
// Σ Δ²/(2ρ) in every step (privacy.GaussianRho, added up over steps).
func privateRecipe(frame *table.Frame, limit privacy.Limit) (*additive.Config, error) {
	room, err := limit.Room(privacy.Cost{})
	if err != nil {
		return nil, err
	}
	if room.Sign() <= 0 {
		return nil, fmt.Errorf("%w: epsilon %s at delta %s", ErrBudget, limit.Epsilon, limit.Delta)
	}
	c := additive.Private(frame.Target.Loss, frame.Features())
	c.Name, c.Seed = "additive", chance.Seed{} // Nothing is sampled.
	c.TargetLo, c.TargetHi = frame.Least, frame.Most
	var squares int64
	for _, s := range additive.Sensitivity(c) {
		squares += s
	}
	variance, _ := exact.Int(squares).Quo(room.Add(room)) // Above 0.
	up := new(big.Int).Neg(variance.Neg().Floor())
	if !up.IsInt64() {
		return nil, fmt.Errorf("%w: noise of variance %s", ErrBudget, up)
	}
	c.Noise.Variance = up.Int64()
	return c, nil
}

// Spent returns the epsilon that a private training cost each row at delta, rounded up: as
// the model states, or that of its learner's sums alone, where the columns' bins were
// public.
func Spent(m *model.Model, delta exact.Rat) (exact.Rat, error) {
	if m.Facts.Rho != nil {
		return privacy.Epsilon(*m.Facts.Rho, delta)
	}
	var rho exact.Rat
	c := &m.Additive.Config
	for _, square := range additive.Sensitivity(c) {
		cost, err := privacy.GaussianRho(exact.Int(square), exact.Int(c.Noise.Variance))
		if err != nil {
			return exact.Rat{}, err
		}
		rho = rho.Add(cost)
	}
	return privacy.Epsilon(rho, delta)
}

// noisy is a pool that adds noise to every value.
type noisy struct {
	sampler *noise.Sampler
	secret  io.Reader
}

// Sum returns x with noise.
func (n *noisy) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) {
	sum := make([]int64, len(x))
	if err := n.sampler.Fill(sum, n.secret); err != nil {
		return nil, err
	}
	for i, v := range x {
		sum[i] += v
	}
	return sum, nil
}
