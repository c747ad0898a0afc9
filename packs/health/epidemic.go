package health

import (
	"maps"
	"slices"
	"time"

	"comity/chance"
)

// Shares of a population are in units of 2^-30, factors in units of 2^-10.
const (
	whole  = 1 << 30
	factor = 1 << 10
)

// virus describes one pathogen of the synthetic world. Contagion and duration are of the
// size that textbooks give for influenza and for the viruses of common colds (Keeling and
// Rohani, "Modeling Infectious Diseases", 2008, chapter 2). Memory and swing are chosen so
// that waves come every year and differ in size.
type virus struct {
	name       string
	contagion  int64 // Basic reproduction number, as a factor.
	infectious int64 // Days.
	memory     int64 // Days that immunity lasts on average, at the usual rate of change.
	swing      int64 // Seasonal amplitude of contagion at 45 degrees, as a factor.
	peakDay    int64 // Day of the year when contagion is highest in the north.
}

func influenza() virus {
	return virus{"influenza", 1500, 4, 400, 140, 355}
}

func colds() virus {
	return virus{"colds", 1750, 6, 380, 130, 350}
}

// epidemic is the state of one virus in all places: who can catch it, who has it.
// The rest is immune.
type epidemic struct {
	virus   virus
	places  []place
	strain  *chance.Stream
	weather []weather           // By place: contacts of its own.
	wave    map[string]*weather // By region: contacts that change place after place.
	change  int64               // How fast immunity is lost with this year's strain, as a factor.
	beta    []int64             // By place: new infections a day per infected, as a factor.
	// By place, as shares:
	susceptible, infected []int64
}

// weather is a slow random factor on contacts.
type weather struct {
	stream *chance.Stream
	drift  int64             // Of 2^-20.
	past   [maxLag + 1]int64 // The factor of this week and of the weeks before.
}

// maxLag is how many weeks after a hub of travel the most remote place feels what
// changes in its region. So what one place reports is news for the next.
const maxLag = 3

// next moves the factor by one week: an autoregression with coefficient 3/4 and a
// standard deviation of about spread (of 2^-10).
func (w *weather) next(spread int64) {
	w.drift = w.drift*3/4 + bell(w.stream)*spread*2/3
	copy(w.past[1:], w.past[:maxLag])
	w.past[0] = w.drift / factor
}

// bell draws a number with mean 0 and standard deviation 2^10, close to normal: the sum
// of twelve numbers that are even over 2^10 (Irwin-Hall).
func bell(s *chance.Stream) int64 {
	sum := int64(-6 * (factor - 1))
	for range 2 {
		for bits, i := s.Uint64(), 0; i < 6; i++ {
			sum += int64(bits >> (10 * i) & (factor - 1))
		}
	}
	return sum
}

// spread runs v through the places and returns new infections by place and week, in
// shares of the population.
func (w world) spread(v virus, weeks int) [][]int64 {
	e := w.outset(v)
	out := make([][]int64, len(w.places))
	end := w.first.AddDate(0, 0, -7*spinUpWeeks)
	for week := range spinUpWeeks + weeks {
		e.turn(end)
		infections := make([]int64, len(w.places))
		for range 7 {
			e.day(infections)
		}
		if week >= spinUpWeeks {
			for i, n := range infections {
				out[i] = append(out[i], n)
			}
		}
		end = end.AddDate(0, 0, 7)
	}
	return out
}

func (w world) outset(v virus) *epidemic {
	seed := chance.Derive(w.seed, "virus", v.name)
	e := &epidemic{virus: v, places: w.places, strain: chance.NewStream(chance.Derive(seed, "strain")), change: factor}
	e.wave = map[string]*weather{}
	for _, p := range w.places {
		if e.wave[p.group] == nil {
			e.wave[p.group] = &weather{stream: chance.NewStream(chance.Derive(seed, "wave", p.group))}
		}
		e.weather = append(e.weather, weather{stream: chance.NewStream(chance.Derive(seed, "place", string(p.id)))})
		e.susceptible = append(e.susceptible, whole*factor/v.contagion)
		e.infected = append(e.infected, whole/1000)
	}
	e.beta = make([]int64, len(w.places))
	return e
}

// turn begins the week that ends at end: in March a strain arrives that forgets immunity
// faster or slower than the last, everywhere alike: what one hemisphere sees is news for
// the other. Contacts follow the season, a wave that runs through the region, and a
// drift of the place's own.
func (e *epidemic) turn(end time.Time) {
	if end.Month() == time.March && end.Day() <= 7 {
		e.change = factor*5/8 + int64(e.strain.IntN(factor*3/4))
	}
	for _, group := range slices.Sorted(maps.Keys(e.wave)) {
		e.wave[group].next(60)
	}
	for i, p := range e.places {
		e.weather[i].next(10)
		lag := (8 - p.travel) * maxLag / 7
		contacts := factor + e.season(p, int64(end.YearDay())) + e.wave[p.group].past[lag] + e.weather[i].past[0]
		e.beta[i] = e.virus.contagion * contacts / factor / e.virus.infectious
	}
}

// season returns how much contagion is above its mean on a day of the year, as a factor:
// full at 45 degrees and beyond, a tenth of that at the equator, opposite in the south.
func (e *epidemic) season(p place, day int64) int64 {
	height := min(max(p.latitude, -p.latitude), 45)
	amplitude := e.virus.swing * (5 + height) / 50
	if p.latitude < 0 {
		day += 182
	}
	return amplitude * cosine((day-e.virus.peakDay)*360/365) / factor
}

// day moves every place by one day and adds new infections to total. A share of contacts
// is with travellers, who come from the whole world and six times as often from the
// same region, in proportion to the travel of each place.
func (e *epidemic) day(total []int64) {
	abroad, weight := int64(0), int64(0)
	near, nearWeight := map[string]int64{}, map[string]int64{}
	for i, p := range e.places {
		abroad += p.travel * e.infected[i]
		weight += p.travel
		near[p.group] += p.travel * e.infected[i]
		nearWeight[p.group] += p.travel
	}
	for i, p := range e.places {
		arriving := (abroad + 6*near[p.group]) / (weight + 6*nearWeight[p.group])
		mixed := e.infected[i] + (arriving-e.infected[i])*(4+2*p.travel)/factor
		caught := e.susceptible[i] * mixed / whole * e.beta[i] / factor
		caught = min(caught+whole/50_000_000, e.susceptible[i])
		healed := e.infected[i] / e.virus.infectious
		lost := (whole - e.susceptible[i] - e.infected[i]) / e.virus.memory * e.change / factor
		e.susceptible[i] += lost - caught
		e.infected[i] += caught - healed
		total[i] += caught
	}
}

// cosine returns the cosine of an angle in degrees as a factor, by Bhaskara's rational
// approximation of the sine (7th century), which errs by less than 0.2 %.
func cosine(degrees int64) int64 {
	x := ((degrees+90)%360 + 360) % 360
	sign := int64(factor)
	if x > 180 {
		x, sign = x-180, -sign
	}
	return sign * 4 * x * (180 - x) / (40500 - x*(180-x))
}
