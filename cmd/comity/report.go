package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/console"
	"comity/exact"
	"comity/fleet"
	"comity/modeler/forecast"
	"comity/party"
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
	PooledModel    canon.Digest      `json:"pooled_model,omitzero"` // Only where all rows are simulated or public.
	Picture        canon.Digest      `json:"picture"`
	Allocation     map[string]string `json:"allocation"`
	Gap            string            `json:"gap"`
	Checks         int               `json:"checks"`
	LogSize        int               `json:"log_size"`
	Receipts       []string          `json:"receipts"`
	Summary        []string          `json:"summary"`  // Three sentences.
	Commands       []string          `json:"commands"` // What anybody can type to check.
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
		PooledModel: w.Pooled, Picture: w.Picture, Allocation: map[string]string{}, Gap: w.Allocation.Certificate.Stages[0].Gap.String(),
		Checks: w.Checks, Receipts: w.Receipts, Summary: s.summary, Commands: s.commands(w), Seconds: map[string]string{},
		Home: string(s.home), Page: s.address,
	}
	s.fleet.Hub().Look(func(st *body.State) { d.LogSize = st.View().Size })
	for _, share := range w.Allocation.Parties {
		d.Allocation[string(share.Party)] = share.Amount.String()
	}
	for phase, took := range w.Seconds {
		d.Seconds[phase] = strconv.FormatFloat(took.Seconds(), 'f', 2, 64)
	}
	text, err := s.lastScreen(w)
	if err != nil {
		return err
	}
	name := "up"
	if s.apart {
		name = "serve"
	}
	return s.terminal.result(name, d, text)
}

// lastScreen says what a newcomer should take away.
func (s *session) lastScreen(w *fleet.Week) (string, error) {
	total, err := comity.Total(w.Allocation.Parties)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("\n")
	if s.scenario.Label != "" {
		fmt.Fprintf(&b, "%s data. ", s.terminal.paint(bold, s.scenario.Label))
	}
	fmt.Fprintf(&b, "%s allocated to %d members for %s:\n\n", count(int(total), s.unit()), len(w.Allocation.Parties), w.Period)
	writeShares(&b, w.Allocation.Parties)
	b.WriteString("\n")
	for i, sentence := range s.summary {
		fmt.Fprintf(&b, "%s\n", hang(fmt.Sprintf("%d. ", i+1), sentence))
	}
	b.WriteString("\nCheck it yourself, offline:\n")
	for _, c := range s.commands(w) {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	fmt.Fprintf(&b, "\n%s  %s, as an outsider would, under the charter\n  %s\n",
		s.terminal.paint(green, "VERIFIED"), count(len(w.Receipts), "receipt"), canon.Sum(s.fleet.Sealed()).Words())
	return b.String(), nil
}

// writeShares lists who gets what, in as many columns as fit.
func writeShares(b *strings.Builder, shares []comity.Share) {
	party, amount := 0, 0
	for _, s := range shares {
		party, amount = max(party, len(s.Party)), max(amount, len(grouped(int64(s.Amount))))
	}
	const gap = 3
	columns := max(1, textWidth/(gap+party+1+amount))
	for i, s := range shares {
		fmt.Fprintf(b, "%*s%-*s %*s", gap, "", party, s.Party, amount, grouped(int64(s.Amount)))
		if i%columns == columns-1 || i == len(shares)-1 {
			b.WriteString("\n")
		}
	}
}

// commands are what anybody can type to check the newest decision.
func (s *session) commands(w *fleet.Week) []string {
	words := canon.Sum(s.fleet.Sealed()).Words()
	receipt := filepath.Join(s.home.Receipts(), w.Period+"-allocation.proof")
	return []string{
		command("audit", "verify", receipt, "--charter", words),
		command("audit", "replay", string(s.home), "--charter", words),
	}
}

// sentences says in three sentences with numbers what was shared, what cooperation
// changed, and what was checked.
func (s *session) sentences(w *fleet.Week) []string {
	members := len(s.scenario.Members)
	return []string{
		fmt.Sprintf("Shared: each of %d members sent %s of masked numbers, of which only the sums can be read (%s), and signed its forecast and %s in plain; the%s rows of case data stayed with their owners.",
			members, bytesText(w.Sent), count(w.Steps, "sum"), count(s.declared(), "number"), rowsText(w.Rows)),
		gained(w.Skill) + held(w.Score),
		fmt.Sprintf("Checked: %d of %d members recomputed the decision and found the same; exact arithmetic proves that no plan within the rules is better%s%s.",
			w.Checks, members, byMoreThan(w.Allocation.Certificate.Stages[0].Gap), asPooled(w)),
	}
}

// asPooled compares the joint model with its pooled twin, where there can be one.
func asPooled(w *fleet.Week) string {
	if w.Pooled.IsZero() {
		return ""
	}
	return fmt.Sprintf("; the joint model is byte for byte the one that all rows in one place would give (%.19s...)", w.Trained)
}

// rowsText counts the members' rows, where somebody can.
func rowsText(rows int) string {
	if rows == 0 {
		return ""
	}
	return " " + grouped(int64(rows))
}

// byMoreThan words a gap that is not zero.
func byMoreThan(gap exact.Rat) string {
	if gap.Sign() == 0 {
		return ""
	}
	return " by more than " + gap.String()
}

// declared is how many plain numbers a member signs for a decision.
func (s *session) declared() (numbers int) {
	s.fleet.Hub().Look(func(state *body.State) {
		for _, c := range state.Charter().Data {
			if c.LeavesHome == "signed_plain" && slices.Contains(c.From, s.scenario.Members[0].ID) {
				numbers += len(c.Values)
			}
		}
	})
	return numbers
}

// held says how the forecasts of earlier weeks stood up to what was reported since.
func held(s fleet.Score) string {
	if s.Scored == 0 {
		return ""
	}
	return fmt.Sprintf(" Of %s from %s that can be scored by now, the middle 50 %% band held %d %% and the 90 %% band %d %%.",
		count(s.Scored, "forecast"), count(s.Weeks, "earlier week"), s.Within5*100/s.Scored, s.Within9*100/s.Scored)
}

// gained compares the shared model with those that members could train alone.
func gained(skill forecast.Skill) string {
	if skill.Alone <= 0 || skill.Rows == 0 {
		return "Gained: no season was left over on which models could be compared."
	}
	permille := (int64(skill.Alone) - int64(skill.Together)) * 1000 / int64(skill.Alone)
	word := "less"
	if permille < 0 {
		word = "more"
	}
	return fmt.Sprintf("Gained: over seasons that no model had seen, the joint model erred %d.%d %% %s than each member's own did on average (%s against %s over %s); %d of %d places forecast better together.",
		abs(permille)/10, abs(permille)%10, word, millionths(int64(skill.Together)), millionths(int64(skill.Alone)),
		count(int(skill.Rows), "forecast"), skill.Better, skill.Places)
}

// unit names what is allocated, in the singular.
func (s *session) unit() (unit string) {
	s.fleet.Hub().Look(func(state *body.State) { unit = state.Charter().Scope.Unit })
	return unit
}

// now is what goes on in this process, for the console: what a log cannot know.
func (s *session) now() console.Now {
	step := s.view.now()
	out := console.Now{Phase: sentenceCase(step.Text), Done: step.Done, Total: step.Total}
	for _, id := range s.fleet.Hub().Connected() {
		out.Connected = append(out.Connected, party.ID(id))
	}
	for _, f := range s.fleet.Hub().Failures() {
		out.Failures = append(out.Failures, console.Failure{Party: f.Party, Text: f.Text})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome != nil {
		s.rehearsed(&out)
	}
	if n := len(s.weeks); n > 0 {
		w := s.weeks[n-1]
		out.Summary, out.Commands = s.summary, s.commands(w)
		out.Score = &console.Score{Weeks: w.Score.Weeks, Scored: w.Score.Scored, Within50: w.Score.Within5, Within90: w.Score.Within9}
	}
	return out
}
