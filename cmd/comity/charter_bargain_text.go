package main

import (
	"fmt"
	"math/big"
	"strings"

	"comity/party"
)

// text says what matters at the table, draft by draft; the JSON document has the rest.
func (d *bargainData) text() string {
	var b strings.Builder
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s\n", title)
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "%s\n", hang("  - ", line))
		}
	}
	list("Drafts", d.draftLines())
	list("What each rule chooses", d.choiceLines())
	list("Lotteries over the drafts", d.lotteryLines())
	list("Points of the frontier", d.frontierLines())
	if d.Core != nil {
		list("Core", []string{d.Core.line()})
	}
	if d.Vote != nil {
		list("Voting table", d.Vote.lines())
	}
	return b.String()
}

func (d *bargainData) draftLines() (lines []string) {
	for _, draft := range d.Drafts {
		var parts []string
		switch {
		case len(draft.DominatedBy) > 0:
			parts = append(parts, "dominated by "+strings.Join(draft.DominatedBy, ", "))
		case draft.Mixed != nil:
			parts = append(parts, "dominated by the lottery "+mixed(draft.Mixed))
		case draft.Unsearched:
			parts = append(parts, "dominated by no draft (too large to look for lotteries)")
		default:
			parts = append(parts, "efficient")
		}
		for _, p := range draft.Parties {
			if !p.Rational {
				parts = append(parts, fmt.Sprintf("%s is better off outside (%s against %s, worst cases %s against %s)",
					p.Party, legible(p.Expected), legible(p.Outside), legible(p.Tail), legible(p.OutsideTail)))
			}
			if strings.Trim(p.Temptation, "-0") != "" && !strings.HasPrefix(p.Temptation, "-") {
				parts = append(parts, fmt.Sprintf("%s gains %s if it alone %ss it", p.Party, legible(p.Temptation), p.By))
			}
		}
		if draft.Stable {
			parts = append(parts, "nobody gains by leaving or breaking it alone")
		}
		for _, block := range draft.BlockedBy {
			parts = append(parts, fmt.Sprintf("blocked by %s, who gain %s", together(block.Members), legible(block.Gain)))
		}
		lines = append(lines, draft.ID+": "+strings.Join(parts, "; "))
	}
	return lines
}

func (d *bargainData) choiceLines() (lines []string) {
	for _, c := range d.Choices {
		if c.None != "" {
			lines = append(lines, c.None)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s with %s: %s", c.Rule, strings.Join(c.Best, ", "), c.Value, c.Why))
	}
	return lines
}

func (d *bargainData) lotteryLines() (lines []string) {
	for _, l := range d.Lotteries {
		if l.None != "" {
			lines = append(lines, l.None)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s with %s (%s): %s", l.Rule, mixed(l.Chances), l.Value, utilitiesText(l.Utilities), l.Why))
	}
	return lines
}

func (d *bargainData) frontierLines() (lines []string) {
	for _, f := range d.Frontier {
		if f.None != "" {
			lines = append(lines, f.None)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", f.Rule, utilitiesText(f.Point), f.Why))
	}
	return lines
}

func (d *coreData) line() string {
	if !d.Empty {
		return fmt.Sprintf("all together are worth %s, and %s is enough for every coalition: %s", legible(d.Whole), legible(d.Least), utilitiesText(d.Shares))
	}
	var balance []string
	for _, w := range d.Balance {
		balance = append(balance, fmt.Sprintf("%s of %s", legible(w.Weight), together(w.Members)))
	}
	return fmt.Sprintf("empty: all together are worth %s, and no less than %s satisfies every coalition, as %s shows", legible(d.Whole), legible(d.Least), strings.Join(balance, ", "))
}

func (d *voteData) lines() []string {
	if d.None != "" {
		return []string{d.None}
	}
	lists := func(all [][]party.ID) string {
		var out []string
		for _, s := range all {
			out = append(out, together(s))
		}
		return strings.Join(out, ", ")
	}
	var power []string
	for _, p := range d.Banzhaf {
		power = append(power, fmt.Sprintf("%s %s", p.Party, legible(p.Share)))
	}
	lines := []string{"wins: " + lists(d.Winning), "blocks: " + lists(d.Blocking), "power (Banzhaf): " + strings.Join(power, ", ")}
	if d.Dictator != "" {
		lines = append(lines, string(d.Dictator)+" decides alone")
	}
	return lines
}

// String writes a value for people: a short ratio as it is, anything else as a decimal.
func (v *valueData) String() string {
	if v.Low == v.High {
		return legible(v.Low)
	}
	low, high := decimals(v.Low), decimals(v.High)
	if low == high {
		return low
	}
	return low + " to " + high
}

// legible writes a ratio that people can read, or its decimals.
func legible(text string) string {
	const readable = 9
	if len(text) <= readable {
		return text
	}
	return decimals(text)
}

// decimals writes a ratio with six decimals.
func decimals(text string) string {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	return x.FloatString(6)
}

func utilitiesText(all []utilityData) string {
	var out []string
	for _, u := range all {
		out = append(out, fmt.Sprintf("%s %s", u.Party, &u.Value))
	}
	return strings.Join(out, ", ")
}

// mixed writes chances as people say them; those that would read as 0 are left out.
func mixed(chances []chanceData) string {
	var out []string
	for _, c := range chances {
		if text := legible(c.Chance); text != "0.000000" {
			out = append(out, text+" "+c.Draft)
		}
	}
	return strings.Join(out, " + ")
}

func together(members []party.ID) string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = string(m)
	}
	return strings.Join(out, "+")
}
