package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"comity/exact"
	"comity/party"
	"comity/replay"
	"comity/verifier/analytics"
)

type learnVerifyCommand struct {
	logPlace
	Round string `arg:"" help:"Name of the round, as the log has it: 2026-11-18/forecast."`
}

// roundData is the JSON form of a round that was checked.
type roundData struct {
	replay.Round
	Lanes int      `json:"lanes"` // Of the sum; of a training the last one.
	Sum   []string `json:"sum"`   // The first maxShown lanes; sum_digest is of all.
}

// maxShown bounds the lanes of a sum that are printed: a sum may have 2^20.
const maxShown = 1000

// Run folds the log and checks the round. It needs no key, no hub and no member.
func (c *learnVerifyCommand) Run(ctx context.Context, t *terminal) error {
	anchor, err := c.anchor()
	if err != nil {
		return err
	}
	source, err := replay.Open(ctx, c.Home)
	if err != nil {
		return err
	}
	t.say("checking %s in a log of %s", c.Round, statements(source.Log().Size()))
	r, err := replay.Verify(ctx, source, anchor, c.Round)
	if err != nil {
		return err
	}
	return t.verified(r)
}

// verified prints what was found out about a round, and fails if a check failed.
func (t *terminal) verified(r replay.Round) error {
	d := roundData{Round: r, Lanes: len(r.Sum), Sum: []string{}}
	for _, x := range r.Sum[:min(len(r.Sum), maxShown)] {
		d.Sum = append(d.Sum, strconv.FormatInt(x, 10))
	}
	text := d.text(t)
	if r.Err != nil {
		return &refusal{cause: r.Err, data: d, text: text}
	}
	return t.result("learn-verify", d, text)
}

func (d roundData) text(t *terminal) string {
	var b strings.Builder
	fmt.Fprintln(&b, d.Name)
	for _, c := range d.Checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		line := hang(fmt.Sprintf("  %s  %-12s  ", mark, c.Name), c.Detail)
		fmt.Fprintln(&b, strings.Replace(line, "FAIL", t.paint(red, "FAIL"), 1))
	}
	for _, what := range d.Unchecked {
		fmt.Fprintln(&b, hang("  --    ", "not checked: "+what))
	}
	if len(d.Sum) > 0 {
		fmt.Fprintf(&b, "%s\n", hang("sum     ", d.sumText()))
	}
	if d.Answer != nil {
		b.WriteString(decodedText(*d.Answer))
	}
	if d.Err != nil {
		fmt.Fprintf(&b, "%s  %s\n", t.paint(red, "NOT VERIFIED"), roundAdvice(d.Err))
		return b.String()
	}
	what := fmt.Sprintf("%s of %s", d.Kind, count(len(d.Members), "member"))
	if d.Anchor == "pinned" {
		fmt.Fprintf(&b, "%s  %s, under the charter that you pinned\n", t.paint(green, "VERIFIED"), what)
		return b.String()
	}
	fmt.Fprintf(&b, `%s  %s, self-consistent under the charter
  %s
Compare these words with a source that you trust, or pin them:
  --charter %s
`, t.paint(green, "VERIFIED"), what, d.Words, d.Words)
	return b.String()
}

// sumText shows a short sum, or how long it is, who is in it, and its digest. Where the
// answer withholds numbers the sum is not printed beside it, although anybody can read it.
func (d roundData) sumText() string {
	const few = 12
	shown := strings.Join(d.Sum[:min(len(d.Sum), few)], " ")
	if d.Lanes > few || d.Answer != nil && d.Answer.Withheld > 0 {
		shown = count(d.Lanes, "number")
	}
	return fmt.Sprintf("%s of %s; %s", shown, memberNames(d.Members), d.SumDigest)
}

// memberNames lists parties, or how many there are of them.
func memberNames(ids []party.ID) string {
	const few = 12
	if len(ids) > few {
		return count(len(ids), "member")
	}
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = string(id)
	}
	return strings.Join(parts, ", ")
}

// roundAdvice says what a failure means for the person who asks.
func roundAdvice(err error) string {
	switch codeOf(err).exit {
	case 12, 13, 41:
		return "Do not rely on this round.\nKeep the log and its blobs: they are evidence. Show them to a party of the consortium."
	case 11, 14:
		return "Do not rely on this log; get it again from a place that you trust."
	default:
		return "The round could not be checked to the end."
	}
}

// decodedText writes an answer for people, a number a line.
func decodedText(a analytics.Answer) string {
	const most = 100
	var b strings.Builder
	unit := ""
	if a.Unit != "" {
		unit = ", " + a.Unit
	}
	fmt.Fprintf(&b, "answer  %s over %s%s\n", strings.ReplaceAll(a.Kind, "_", " "), count(a.Members, "member"), unit)
	for _, v := range a.Values[:min(len(a.Values), most)] {
		fmt.Fprintln(&b, hang("  ", decodedValue(v)))
	}
	if more := len(a.Values) - most; more > 0 {
		fmt.Fprintf(&b, "  and %s more: see --json\n", grouped(int64(more)))
	}
	for _, remark := range a.Remarks {
		fmt.Fprintln(&b, hang("  -- ", remark))
	}
	return b.String()
}

// decodedValue writes one number of an answer with its group and interval.
func decodedValue(v analytics.Value) string {
	var b strings.Builder
	for _, g := range v.Group {
		fmt.Fprintf(&b, "%s %s, ", g.Column, g.Value)
	}
	b.WriteString(v.Name + ": ")
	if v.Value == nil {
		return b.String() + v.State
	}
	b.WriteString(exactText(*v.Value))
	if v.Low != nil && v.High != nil {
		fmt.Fprintf(&b, " (%s to %s)", exactText(*v.Low), exactText(*v.High))
	}
	return b.String()
}

// exactText writes a number with at most four decimals, and says where that rounds it.
func exactText(x exact.Rat) string {
	if x.IsInt() {
		return x.String()
	}
	const decimals = 4
	short := strings.TrimRight(x.Big().FloatString(decimals), "0")
	if kept, err := exact.Parse(short); err == nil && kept.Cmp(x) == 0 {
		return short
	}
	return "about " + x.Big().FloatString(decimals)
}
