package training

import (
	"context"
	"fmt"
	"io"
	"math/big"

	"comity/exact"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/verifier/privacy"
)

// Curve says how the skill of private models is measured.
type Curve struct {
	Config  model.Config // Of an additive model. The task is known.
	Public  table.Public
	Delta   exact.Rat
	Repeats int // How often every fold is fitted with fresh noise: 1 to 100.
	Secret  io.Reader
}

// Point is the skill of private models of one ε.
type Point struct {
	Epsilon exact.Rat
	Spent   exact.Rat     // What the sums of one fit cost by exact accounting: at most Epsilon.
	Scores  []skill.Score // Means over the repeats.
	// Error is the standard error of the first score over the repeats, 0 with one.
	Error float64
}

// surveyShare is the part of the budget that finds cuts: a sixth. With a tenth or a third
// skill is about the same.
func surveyShare() exact.Rat { return exact.FromBig(big.NewRat(1, 6)) }

// plan is a private fit whose noise is fixed.
type plan struct {
	*model.Private
	releases []Release
	rho      exact.Rat
}

// plan shares a budget out over the sums of a fit.
func (c *Curve) plan(epsilon exact.Rat) (*plan, error) {
	limit := privacy.Limit{Epsilon: epsilon, Delta: c.Delta}
	rho, err := limit.Room(privacy.Cost{})
	if err != nil {
		return nil, err
	}
	if rho.Sign() <= 0 {
		return nil, fmt.Errorf("%w: ε = %s at δ = %s leaves no room for any sum", privacy.ErrParameter, epsilon, c.Delta)
	}
	p := &plan{Private: &model.Private{Config: c.Config, Public: c.Public}}
	squares, survey := p.Squares()
	first := exact.Rat{}
	if survey {
		first = surveyShare()
	}
	if p.releases, err = Budget(rho, first, squares); err != nil {
		return nil, err
	}
	if survey {
		p.SurveyDeviation = int64(fixed.Sqrt(uint64(p.releases[0].Variance))) + 1 //nolint:gosec // At least 1.
	}
	p.Variance = p.releases[len(p.releases)-1].Variance
	p.rho, err = Cost(p.releases)
	return p, err
}

// fit fits one model, which spends all of the plan.
func (p *plan) fit(ctx context.Context, t *table.Table, secret io.Reader) (*model.Model, error) {
	m, err := model.FitPrivately(ctx, p.Private, t, &Noisy{learn.Pooled{}, p.releases, secret})
	if err == nil {
		m.Facts.Rho = &p.rho
	}
	return m, err
}

// Fit fits one private model at ε on rows in one place.
func (c *Curve) Fit(ctx context.Context, epsilon exact.Rat, t *table.Table) (*model.Model, error) {
	p, err := c.plan(epsilon)
	if err != nil {
		return nil, err
	}
	return p.fit(ctx, t, c.Secret)
}

// Measure fits private models at ε and scores them by five-fold cross-validation. Each fit
// spends the whole of ε; the scores themselves are computed from the rows and are not
// private: they are for whoever holds the rows.
func (c *Curve) Measure(ctx context.Context, epsilon exact.Rat, t *table.Table) (*Point, error) {
	p, err := c.plan(epsilon)
	if err != nil {
		return nil, err
	}
	point := &Point{Epsilon: epsilon}
	if point.Spent, err = privacy.Epsilon(p.rho, c.Delta); err != nil {
		return nil, err
	}
	var all [][]skill.Score
	for range c.Repeats {
		scores, err := c.Config.Try(ctx, t, func(ctx context.Context, part *table.Table) (*model.Model, error) {
			return p.fit(ctx, part, c.Secret)
		})
		if err != nil {
			return nil, fmt.Errorf("ε = %s: %w", epsilon, err)
		}
		all = append(all, scores)
	}
	point.Scores, point.Error = skill.Mean(all)
	return point, nil
}
