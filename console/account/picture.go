package account

import (
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
)

// Trend says where a series is expected to go over the weeks that are forecast.
type Trend string

// A series rises if the 25 % quantile of its last week lies above the median of its
// first, so that by its own published quantiles at least three chances in four are for
// more; it falls if the 75 % quantile lies below. Otherwise the forecast does not say.
const (
	Rising  Trend = "rising"
	Falling Trend = "falling"
	Unclear Trend = "unclear"
	NoTrend Trend = "none" // There is no forecast.
)

// Picture is the account of one frozen picture.
type Picture struct {
	Period   string       `json:"period"`
	Model    canon.Digest `json:"model"`
	Digest   canon.Digest `json:"picture"`
	Unit     string       `json:"unit"`
	Weeks    int          `json:"weeks"` // How far ahead the furthest forecast lies.
	Until    string       `json:"until"` // End of the last week that is forecast.
	Rising   int          `json:"rising"`
	Falling  int          `json:"falling"`
	Unclear  int          `json:"unclear"`
	Above    int          `json:"above_reference"` // Places whose highest median reaches their reference level.
	Steepest party.ID     `json:"steepest"`        // The place that rises most, against its reference level; empty if none rises.
	Places   []Place      `json:"places"`          // Ascending by party.
}

// Place is what one party forecast for itself. It counts with its leading series: the
// one whose highest median stands highest against its own reference level.
type Place struct {
	Party   party.ID `json:"party"`
	Absent  Absence  `json:"absent,omitempty"` // Why there is no forecast.
	Detail  string   `json:"detail,omitempty"` // What the log says about it.
	Trend   Trend    `json:"trend"`            // Of the leading series.
	Leading int      `json:"leading"`          // Index into Series; -1 without a forecast.
	Level   int64    `json:"level_permille"`   // Highest median, in thousandths of the reference level.
	First   int64    `json:"first_permille"`   // The first week's median, likewise.
	Last    int64    `json:"last_permille"`    // The last week's.
	Rank    int      `json:"rank"`             // 1 for the highest level; 0 without a forecast.
	Series  []Series `json:"series"`           // By target.
}

// Series is one published forecast with what earlier pictures said of it.
type Series struct {
	comity.Series
	Trend   Trend  `json:"trend"`
	Level   int64  `json:"level_permille"` // Highest median in thousandths of the reference level.
	Earlier []Past `json:"earlier"`        // Oldest first.
}

// Past is the nearest forecast of an earlier picture.
type Past struct {
	Period string    `json:"period"`
	Date   string    `json:"date"`
	Median canon.Int `json:"median"` // Thousandths of the unit.
}

// Absence says why a picture has no forecast of a party.
type Absence string

// Reasons of absence, as the log gives them.
const (
	AbsentKeys   Absence = "keys"   // It had no masking keys in time and did not train.
	AbsentLeft   Absence = "left"   // It left the training; Detail gives the operator's reason.
	AbsentSilent Absence = "silent" // It trained and then signed no forecast in time.
)

// Picture returns the account of a period's picture; "" means the newest.
func (b Book) Picture(period string) (Picture, error) {
	periods := b.Periods()
	period, err := pick(periods, period)
	if err != nil {
		return Picture{}, err
	}
	d := b.View.Decisions[period]
	out := Picture{Period: period, Model: d.Picture.Model, Unit: b.Charter.Models.Unit}
	if out.Digest, err = canon.DigestOf(*d.Picture); err != nil {
		return Picture{}, err
	}
	for _, id := range b.Contributors() {
		out.Places = append(out.Places, b.place(id, period, periods))
	}
	out.count()
	out.rank()
	return out, nil
}

// place is what one party forecast for a period.
func (b Book) place(id party.ID, period string, periods []string) Place {
	d := b.View.Decisions[period]
	p := Place{Party: id, Trend: NoTrend, Leading: -1}
	for _, s := range d.Picture.Series {
		if s.Place != id || len(s.Horizons) == 0 {
			continue
		}
		p.Series = append(p.Series, Series{Series: s, Trend: trend(s), Level: level(s), Earlier: b.earlier(s, period, periods)})
		if n := len(p.Series) - 1; p.Leading < 0 || p.Series[n].Level > p.Series[p.Leading].Level {
			p.Leading = n
		}
	}
	if p.Leading < 0 {
		p.Absent, p.Detail = b.absence(id, d.Round)
		return p
	}
	s := p.Series[p.Leading]
	p.Trend, p.Level = s.Trend, s.Level
	p.First = permille(At(s.Horizons[0], 500), int64(s.Reference))
	p.Last = permille(At(s.Horizons[len(s.Horizons)-1], 500), int64(s.Reference))
	return p
}

// At returns a horizon's quantile at a level in thousandths, one of comity.QuantileLevels.
func At(h comity.Horizon, level int) int64 {
	i, ok := slices.BinarySearch(comity.QuantileLevels[:], level)
	if !ok || i >= len(h.Quantiles) {
		return 0
	}
	return int64(h.Quantiles[i])
}

func trend(s comity.Series) Trend {
	first, last := s.Horizons[0], s.Horizons[len(s.Horizons)-1]
	switch now := At(first, 500); {
	case At(last, 250) > now:
		return Rising
	case At(last, 750) < now:
		return Falling
	}
	return Unclear
}

// level is the highest median over the reference level, in thousandths.
func level(s comity.Series) int64 {
	highest := int64(0)
	for _, h := range s.Horizons {
		highest = max(highest, At(h, 500))
	}
	return permille(highest, int64(s.Reference))
}

// permille is part/whole in thousandths, rounded down; 0 where there is no whole.
func permille(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return part * 1000 / whole // Rates are below 2^40: no overflow.
}

// earlier collects the nearest forecasts of earlier pictures for the same series.
func (b Book) earlier(s comity.Series, period string, periods []string) []Past {
	var past []Past
	for _, p := range periods {
		if p >= period {
			break
		}
		for _, e := range b.View.Decisions[p].Picture.Series {
			if e.Place == s.Place && e.Target == s.Target && e.Unit == s.Unit && len(e.Horizons) > 0 {
				past = append(past, Past{Period: p, Date: e.Horizons[0].Date, Median: canon.Int(At(e.Horizons[0], 500))})
			}
		}
	}
	return past
}

// absence looks up why a party has no forecast made with the model of a round.
func (b Book) absence(id party.ID, round string) (Absence, string) {
	in := false
	for _, c := range b.View.Rounds[round].Cohorts {
		is := slices.Contains(c.Members, id)
		if in && !is {
			return AbsentLeft, c.Reason
		}
		in = is
	}
	if in {
		return AbsentSilent, ""
	}
	return AbsentKeys, ""
}

// count fills the numbers of the first sentence.
func (p *Picture) count() {
	steepest := int64(0)
	for _, place := range p.Places {
		switch place.Trend {
		case Rising:
			p.Rising++
			if change := place.Last - place.First; p.Steepest == "" || change > steepest {
				p.Steepest, steepest = place.Party, change
			}
		case Falling:
			p.Falling++
		case Unclear:
			p.Unclear++
		case NoTrend:
			continue
		}
		if place.Level >= 1000 {
			p.Above++
		}
		h := place.Series[place.Leading].Horizons
		if last := h[len(h)-1]; last.Date > p.Until {
			p.Until, p.Weeks = last.Date, last.Weeks
		}
	}
}

// rank numbers places from the highest level down; equal ones in party order.
func (p *Picture) rank() {
	for i, place := range p.Ranked() {
		if place.Leading < 0 {
			break
		}
		at := slices.IndexFunc(p.Places, func(x Place) bool { return x.Party == place.Party })
		p.Places[at].Rank = i + 1
	}
}

// Ranked returns the places from the highest level down, those without a forecast last.
func (p *Picture) Ranked() []Place {
	return slices.SortedStableFunc(slices.Values(p.Places), func(x, y Place) int {
		if (x.Leading < 0) != (y.Leading < 0) {
			return y.Leading - x.Leading
		}
		return int(y.Level - x.Level)
	})
}
