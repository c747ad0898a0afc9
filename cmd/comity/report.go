package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/console"
	"comity/fleet"
)

// upData is the JSON form of a run: numbers that matter are strings.
type upData struct {
	Charter        canon.Digest      `json:"charter"`
	Words          string            `json:"words"`
	Label          string            `json:"label,omitempty"`
	Members        int               `json:"members"`
	Rounds         int               `json:"rounds"` // Sequential sums of the last training.
	BytesPerMember string            `json:"bytes_per_member"`
	Period         string            `json:"period"`
	Model          canon.Digest      `json:"model"`
	PooledModel    canon.Digest      `json:"pooled_model"`
	Picture        canon.Digest      `json:"picture"`
	Allocation     map[string]string `json:"allocation"`
	Gap            string            `json:"gap"`
	Checks         int               `json:"checks"`
	LogSize        int               `json:"log_size"`
	Receipts       []string          `json:"receipts"`
	Summary        []string          `json:"summary"`
	Seconds        map[string]string `json:"seconds"`
	Home           string            `json:"home"`
	Page           string            `json:"page"`
}

// report writes the last screen, or the JSON document.
func (s *session) report() error {
	w := s.weeks[len(s.weeks)-1]
	digest := canon.Sum(s.fleet.Sealed())
	d := upData{
		Charter: digest, Words: digest.Words(), Label: s.scenario.Label, Members: len(s.scenario.Members),
		Rounds: w.Steps, BytesPerMember: strconv.FormatInt(w.Sent, 10), Period: w.Period, Model: w.Model,
		PooledModel: w.Pooled, Picture: w.Picture, Allocation: map[string]string{}, Gap: w.Allocation.Certificate.Gap.String(),
		Checks: w.Checks, Receipts: w.Receipts, Summary: s.summary, Seconds: map[string]string{}, Home: string(s.home), Page: s.address,
	}
	s.fleet.Hub().Look(func(st *body.State) { d.LogSize = st.View().Size })
	for _, share := range w.Allocation.Parties {
		d.Allocation[string(share.Party)] = share.Amount.String()
	}
	for phase, took := range w.Seconds {
		d.Seconds[phase] = strconv.FormatFloat(took.Seconds(), 'f', 2, 64)
	}
	return s.terminal.result("up", true, d, s.lastScreen(w, digest))
}

// lastScreen says what a newcomer should take away.
func (s *session) lastScreen(w *fleet.Week, digest canon.Digest) string {
	var b strings.Builder
	if s.scenario.Label != "" {
		fmt.Fprintf(&b, "\n%s data. ", s.scenario.Label)
	} else {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Doses allocated for %s:\n", w.Period)
	const columns = 5
	for i, share := range w.Allocation.Parties {
		fmt.Fprintf(&b, "  %-7s%9s", share.Party, grouped(int64(share.Amount)))
		if i%columns == columns-1 || i == len(w.Allocation.Parties)-1 {
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "\nfederated model %s\npooled model    %s (%s)\n\n", w.Model, w.Pooled, equal(w.Model == w.Pooled))
	for _, sentence := range s.summary {
		fmt.Fprintf(&b, "%s\n", wrap(sentence, 88))
	}
	fmt.Fprintf(&b, "\ncharter  %s\nhome     %s\n\nVERIFIED  %d receipts, as an outsider would, under the words above.\n", digest.Words(), s.home, len(w.Receipts))
	return b.String()
}

func equal(same bool) string {
	if same {
		return "equal, byte for byte"
	}
	return "DIFFERENT"
}

// sentences says in three sentences with numbers what was shared, what cooperation
// changed, and what anybody can check.
func (s *session) sentences(w *fleet.Week) []string {
	skill := w.Skill
	receipt := filepath.Join(s.home.Receipts(), w.Period+"-allocation.proof")
	changed := "Shared: nothing could be compared yet."
	if skill.Alone > 0 {
		gain := 1000 - int64(skill.Together)*1000/int64(skill.Alone)
		changed = fmt.Sprintf("Cooperation: over seasons that the models had not seen, the shared model erred %s.%d %% less than each member's own on average (%s against %s, mean absolute log error over %s forecasts); %d of %d places forecast better together.",
			grouped(gain/10), abs(gain%10), millionths(int64(skill.Together)), millionths(int64(skill.Alone)), grouped(int64(skill.Rows)), skill.Better, skill.Places)
	}
	return []string{
		fmt.Sprintf("Shared: each of %d members sent %s of masked numbers in %d sums and signed its forecast and five plain numbers; %s rows stayed in their owners' folders, and the hub saw sums only.",
			len(s.scenario.Members), bytesText(w.Sent), w.Steps, grouped(int64(w.Rows))),
		changed,
		fmt.Sprintf("Check: %d of %d members recomputed the decision and found the same; anybody can, offline: comity audit verify %s --charter \"%s\"; or the whole log: comity audit replay %s",
			w.Checks, len(s.scenario.Members), receipt, canon.Sum(s.fleet.Sealed()).Words(), s.home),
	}
}

func abs(x int64) int64 { return max(x, -x) }

// millionths writes millionths with three decimals.
func millionths(x int64) string { return fmt.Sprintf("%d.%03d", x/1_000_000, x%1_000_000/1000) }

// bytesText writes a size for people.
func bytesText(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d.%d MB", n/1_000_000, n%1_000_000/100_000)
}

// grouped writes a whole number with commas.
func grouped(n int64) string {
	digits := strconv.FormatInt(abs(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}

// wrap breaks a sentence at spaces.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		if i > 0 && column+1+len(word) > width {
			b.WriteString("\n   ")
			column = 3
		} else if i > 0 {
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// status is what the page shows now.
func (s *session) status() console.Status {
	digest := canon.Sum(s.fleet.Sealed())
	st := console.Status{
		Title: s.scenario.Title, Label: s.scenario.Label, Source: s.scenario.Source, Words: digest.Words(), Digest: digest.String(),
		Members: len(s.scenario.Members), Online: len(s.fleet.Hub().Connected()), Phase: s.view.now(),
	}
	var decision body.Decision
	s.fleet.Hub().Look(func(state *body.State) {
		st.Body, st.LogSize = state.View().Body, state.View().Size
		t := state.Charter().Transparency.Witnesses
		st.Witness = fmt.Sprintf("%d of %d must cosign", t.Threshold, len(t.Of))
		st.Unit = state.Charter().Scope.Unit
		for _, period := range slices.Sorted(maps.Keys(state.View().Decisions)) {
			if d := state.View().Decisions[period]; d.Allocation != nil {
				decision = d
			}
		}
	})
	for _, f := range s.fleet.Hub().Failures() {
		st.Failures = append(st.Failures, string(f.Party)+": "+f.Text)
	}
	if st.Phase == "" {
		st.Phase = "Up. The last decision is below."
	}
	if decision.Allocation == nil {
		return st
	}
	s.fill(&st, decision)
	return st
}

// fill adds the newest decision to the page.
func (s *session) fill(st *console.Status, d body.Decision) {
	total, err := comity.Total(d.Allocation.Parties)
	if err == nil {
		st.Supply = grouped(int64(total))
	}
	st.Period, st.Gap, st.Checks = d.Period, d.Allocation.Certificate.Gap.String(), len(d.Checks)
	st.Summary = s.summary
	for _, w := range s.weeks {
		st.Receipts = nil
		for _, file := range w.Receipts {
			st.Receipts = append(st.Receipts, filepath.Base(file))
		}
	}
	for _, share := range d.Allocation.Parties {
		row := console.Row{Party: string(share.Party), Amount: grouped(int64(share.Amount))}
		if m, err := s.scenario.Member(share.Party); err == nil {
			row.Name = m.Name
			if f, err := m.Fact("population"); err == nil && f.Value > 0 {
				milli := int64(share.Amount) * 1_000_000 / f.Value
				row.Per1000 = fmt.Sprintf("%d.%03d", milli/1000, milli%1000)
			}
		}
		for _, series := range d.Picture.Series {
			if series.Place == share.Party && len(series.Horizons) > 0 {
				row.Forecast = append(row.Forecast, forecastOf(series))
			}
		}
		st.Rows = append(st.Rows, row)
	}
}

// forecastOf words the furthest horizon of a series.
func forecastOf(s comity.Series) console.Forecast {
	h := s.Horizons[len(s.Horizons)-1]
	at := func(level int) string {
		i := slices.Index(comity.QuantileLevels[:], level)
		return grouped(int64(h.Quantiles[i])/1000) + "." + strconv.FormatInt(int64(h.Quantiles[i])%1000/100, 10)
	}
	return console.Forecast{Target: s.Target, Last: s.LastDate, Date: h.Date, Low: at(50), Median: at(500), High: at(950)}
}
