package forecast

import (
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// ErrModel says that bytes are not a model, or not of the input's recipe and targets.
var ErrModel = errors.New("forecast model refused")

// modelVersion names the layout of Model.
const modelVersion = "forecast/v1"

// MaxModelBytes bounds what is read as a model: four times the full recipe's.
const MaxModelBytes = 32 << 20

// Model is all that a member needs, besides its own rows, to forecast its places.
type Model struct {
	Version   string               `json:"version"` // "forecast/v1".
	Origin    string               `json:"origin"`  // Rows of later snapshots did not enter.
	Targets   []string             `json:"targets"`
	Recipe    map[string]canon.Int `json:"recipe"`
	Point     []byte               `json:"point"`     // Package learn: by lead and fold, the change of log1p.
	Trust     []canon.Int          `json:"trust"`     // By lead: eighths of that change to believe.
	Scale     []byte               `json:"scale"`     // Package learn: by lead, the log of the error's size.
	Quantiles [][]canon.Int        `json:"quantiles"` // By lead: standardised errors at comity.QuantileLevels, Q16.
	Region    []Mean               `json:"region"`    // By target, then week: the newest four weeks.
	Skill     Skill                `json:"skill"`
	Trace     canon.Digest         `json:"trace"` // Chain over all sums of the run.
}

// Mean is what the region's series did in one week, in Q16; null where too few report.
type Mean struct {
	Target string     `json:"target"`
	Date   string     `json:"date"`
	One    *canon.Int `json:"one"`   // Mean 1-week change of log1p.
	Two    *canon.Int `json:"two"`   // Mean 2-week change.
	Level  *canon.Int `json:"level"` // Mean level in standard deviations of its own history.
}

// fitted is a model ready to forecast.
type fitted struct {
	point, scale *trees.Model
	trust        *trust
	z            [leads][]int64
}

func (f *fitted) marshal(in Input, h *history, skill Skill, trace canon.Digest) ([]byte, error) {
	m := Model{
		Version: modelVersion, Origin: in.Origin, Targets: in.Targets, Recipe: in.Recipe,
		Point: f.point.Encode(), Scale: f.scale.Encode(),
		Region: h.newestMeans(in.Targets), Skill: skill, Trace: trace,
	}
	for lead, z := range f.z {
		m.Trust = append(m.Trust, canon.Int(f.trust[lead]))
		levels := make([]canon.Int, len(z))
		for i, v := range z {
			levels[i] = canon.Int(v)
		}
		m.Quantiles = append(m.Quantiles, levels)
	}
	return canon.Marshal(m)
}

// newestMeans lists the region's means of the weeks from which forecasts start.
func (h *history) newestMeans(targets []string) []Mean {
	means := []Mean{}
	for t, target := range targets {
		for back := late; back >= 0; back-- {
			col := h.panel.columns - 1 - back
			m := h.region.means(0, t, col)
			means = append(means, Mean{target, (h.panel.first + week(col)).String(), optional(m[0]), optional(m[1]), optional(m[2])})
		}
	}
	return means
}

func optional(v int32) *canon.Int {
	if v == missing {
		return nil
	}
	i := canon.Int(v)
	return &i
}

// ParseModel reads the canonical form of a Model and refuses everything that cannot
// forecast. Errors wrap ErrModel.
func ParseModel(data []byte) (*Model, error) {
	m, _, err := parseModel(data)
	return m, err
}

func parseModel(data []byte) (*Model, *fitted, error) {
	if len(data) > MaxModelBytes {
		return nil, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrModel, len(data), MaxModelBytes)
	}
	var m Model
	if err := canon.Unmarshal(data, &m); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Version != modelVersion {
		return nil, nil, fmt.Errorf("%w: version %.40q, want %q", ErrModel, m.Version, modelVersion)
	}
	r, _, err := (&Input{Origin: m.Origin, Targets: m.Targets, Recipe: m.Recipe}).check()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	f := &fitted{}
	if f.point, err = trees.Decode(m.Point); err != nil {
		return nil, nil, fmt.Errorf("%w: point ensembles: %w", ErrModel, err)
	}
	if f.scale, err = trees.Decode(m.Scale); err != nil {
		return nil, nil, fmt.Errorf("%w: scale ensembles: %w", ErrModel, err)
	}
	if err := f.check(r); err != nil {
		return nil, nil, err
	}
	if err := f.readTrust(m.Trust); err != nil {
		return nil, nil, err
	}
	return &m, f, f.readQuantiles(m.Quantiles)
}

// check compares what the ensembles expect with what the recipe gives them.
func (f *fitted) check(r recipe) error {
	for _, e := range []struct {
		name  string
		model *trees.Model
		folds int
	}{{"point", f.point, r.folds}, {"scale", f.scale, 1}} {
		if c := &e.model.Config; c.Tasks != leads || c.Folds != e.folds || len(c.Features) != width {
			return fmt.Errorf("%w: %s ensembles of %d leads, %d folds, %d features; want %d, %d, %d",
				ErrModel, e.name, c.Tasks, c.Folds, len(c.Features), leads, e.folds, width)
		}
	}
	return nil
}

func (f *fitted) readTrust(parts []canon.Int) error {
	if len(parts) != leads {
		return fmt.Errorf("%w: trust of %d leads, want %d", ErrModel, len(parts), leads)
	}
	f.trust = &trust{}
	for lead, part := range parts {
		if part < 0 || part > trustParts {
			return fmt.Errorf("%w: trust of lead %d is %d eighths", ErrModel, lead+1, part)
		}
		f.trust[lead] = int64(part)
	}
	return nil
}

func (f *fitted) readQuantiles(quantiles [][]canon.Int) error {
	if len(quantiles) != leads {
		return fmt.Errorf("%w: quantiles of %d leads, want %d", ErrModel, len(quantiles), leads)
	}
	for lead, q := range quantiles {
		ascending := slices.IsSorted(q)
		if len(q) != len(comity.QuantileLevels) || !ascending || q[0] < -zSpan || q[len(q)-1] > zSpan {
			return fmt.Errorf("%w: %d quantiles of lead %d (ascending: %t); want %d within %d and %d",
				ErrModel, len(q), lead+1, ascending, len(comity.QuantileLevels), -zSpan, zSpan)
		}
		for _, v := range q {
			f.z[lead] = append(f.z[lead], int64(v))
		}
	}
	return nil
}

// load reads a model for an input with the same recipe and targets.
func (in *Input) load(data []byte) (*fitted, error) {
	m, f, err := parseModel(data)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(m.Targets, in.Targets) {
		return nil, fmt.Errorf("%w: it forecasts %q, the input asks for %q", ErrModel, m.Targets, in.Targets)
	}
	if m.Recipe["history_weeks"] != in.Recipe["history_weeks"] {
		return nil, fmt.Errorf("%w: it looks back %d weeks, the input %d", ErrModel, m.Recipe["history_weeks"], in.Recipe["history_weeks"])
	}
	if m.Origin > in.Origin {
		return nil, fmt.Errorf("%w: it is of %s, after the input's origin %s", ErrModel, m.Origin, in.Origin)
	}
	return f, nil
}

// center returns the expected change of log1p in Q16.
func (f *fitted) center(row *sample, lead int) int64 {
	return int64(f.trust.part(lead, f.point.PredictMean(row.bins(f.point.Config.Features, lead), lead-1)))
}

// spread returns the expected size of the error in Q16.
func (f *fitted) spread(row *sample, lead int) int64 {
	return int64(spreadOf(f.scale.PredictMean(row.bins(f.scale.Config.Features, lead), lead-1)))
}

func (r *sample) bins(e learn.Features, lead int) []uint8 {
	values := make([]fixed.Q16, width)
	r.inputs(lead, values)
	bins := make([]uint8, width)
	for i, v := range values {
		bins[i] = e.Bin(i, v)
	}
	return bins
}
