package measure

import (
	"encoding/base64"
	"errors"
	"fmt"

	"comity/canon"
	"comity/exact"
	"comity/governor/lexicon"
	"comity/party"
)

func anonymity(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	rows := names{number: map[string]int{}}
	for i, id := range d.Words("party") {
		if rows.of(id) != i {
			return lexicon.Verdict{}, d.Refuse("party", i, fmt.Sprintf("party %.40q has a second row", id), "write one row for each party")
		}
	}
	taken := map[string]bool{}
	differ, rule := 0, "every party's result went where its data went"
	for i, renamed := range d.Words("renamed") {
		to, known := rows.number[renamed]
		switch {
		case !known:
			return lexicon.Verdict{}, d.Refuse("renamed", i, fmt.Sprintf("%.40q has no row", renamed), "name a party of the table")
		case taken[renamed]:
			return lexicon.Verdict{}, d.Refuse("renamed", i, fmt.Sprintf("%.40q is the new name of two parties", renamed), "give each party another one")
		}
		taken[renamed] = true
		if before, after := d.Words("before")[i], d.Words("after")[to]; before != after {
			if differ++; differ == 1 {
				rule = fmt.Sprintf("%.40q had %.40q, and %.40q with its data has %.40q", d.Words("party")[i], before, renamed, after)
			}
		}
	}
	return lexicon.Verdict{Value: fmt.Sprint(differ), Holds: differ == 0, Rule: rule}, nil
}

func noninterference(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	differ, rule := 0, "no change moved a byte"
	for i, field := range d.Words("field") {
		if before, after := d.Words("before")[i], d.Words("after")[i]; before != after {
			if differ++; differ == 1 {
				rule = fmt.Sprintf("a change of %.40q moved %.80q to %.80q", field, before, after)
			}
		}
	}
	return lexicon.Verdict{Value: fmt.Sprint(differ), Holds: differ == 0, Rule: rule}, nil
}

func reproducible(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	machines, digests := names{number: map[string]int{}}, names{number: map[string]int{}}
	for i, m := range d.Words("machine") {
		if machines.of(m) != i {
			return lexicon.Verdict{}, d.Refuse("machine", i, fmt.Sprintf("machine %.40q has a second row", m), "write one row for each machine")
		}
		digests.of(d.Words("digest")[i])
	}
	n := len(digests.list)
	return lexicon.Verdict{
		Value: fmt.Sprint(n), Holds: n == 1 && d.Rows() > 1,
		Rule: fmt.Sprintf("different digests: %d, of machines: %d; want 1, of at least 2", n, d.Rows()),
	}, nil
}

func counterfactual(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	by, _ := g.Number("by")
	if by.Sign() == 0 {
		return lexicon.Verdict{}, fmt.Errorf("%w: by is 0, want above 0", lexicon.ErrParameter)
	}
	actual := -1
	for i, change := range d.Numbers("change") {
		if change.Sign() == 0 && actual >= 0 {
			return lexicon.Verdict{}, d.Refuse("change", i, "a second row without change", "keep one")
		}
		if change.Sign() == 0 {
			actual = i
		}
	}
	if actual < 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("no row has change 0, the outcome as it is"))
	}
	var smallest exact.Rat
	for i, outcome := range d.Numbers("outcome") {
		size := absolute(d.Numbers("change")[i])
		if absolute(outcome.Sub(d.Numbers("outcome")[actual])).Cmp(by) >= 0 && (smallest.Sign() == 0 || size.Cmp(smallest) < 0) {
			smallest = size
		}
	}
	if smallest.Sign() == 0 {
		return lexicon.Verdict{Value: "none", Rule: fmt.Sprintf("no change of the table moves the outcome by %s", by)}, nil
	}
	v := lexicon.Verdict{Value: smallest.String(), Holds: true, Rule: fmt.Sprintf("a change of %s is the smallest that moves the outcome by %s", smallest, by)}
	if claimed, ok := g.Number("claimed"); ok {
		v.Holds = claimed.Cmp(smallest) == 0
		v.Rule += fmt.Sprintf("; claimed is %s", claimed)
	}
	return v, nil
}

func absolute(x exact.Rat) exact.Rat {
	if x.Sign() < 0 {
		return x.Neg()
	}
	return x
}

func dual(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	broken, rule := 0, "slack times price is 0 for every rule, and none is below 0"
	for i, name := range d.Words("rule") {
		slack, price := d.Numbers("slack")[i], d.Numbers("price")[i]
		if slack.Sign() < 0 || price.Sign() < 0 || slack.Mul(price).Sign() != 0 {
			if broken++; broken == 1 {
				rule = fmt.Sprintf("%.40q has slack %s and price %s", name, slack, price)
			}
		}
	}
	return lexicon.Verdict{Value: fmt.Sprint(broken), Holds: broken == 0, Rule: rule}, nil
}

func commitmentKept(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	kept := int64(0)
	for i, received := range d.Words("received") {
		due, err := lexicon.ParseInstant(d.Words("due")[i])
		if err != nil {
			return lexicon.Verdict{}, d.Refuse("due", i, err.Error(), "write UTC as 2027-03-01T06:00:00Z")
		}
		at, err := lexicon.ParseInstant(received)
		inTime := received != "" && err == nil && !at.After(due)
		for _, flag := range []string{"signed", "schema", "consistent"} {
			inTime = inTime && d.Numbers(flag)[i].Sign() > 0
		}
		if inTime {
			kept++
		}
	}
	share, err := exact.Ratio(kept, int64(d.Rows()))
	if err != nil {
		return lexicon.Verdict{}, err
	}
	v := atLeast(lexicon.Verdict{Value: share.String()}, "the share "+share.String(), share, g)
	v.Rule += fmt.Sprintf("; kept %d of %d", kept, d.Rows())
	return v, nil
}

func unmetNeed(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	var unmet exact.Rat
	for i, requirement := range d.Numbers("requirement") {
		unmet = unmet.Add(larger(exact.Rat{}, requirement.Sub(d.Numbers("received")[i])))
	}
	return atMost(lexicon.Verdict{Value: unmet.String()}, "the unmet need "+unmet.String(), unmet, g, "at_most"), nil
}

func consent(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	body, of := d.Words("body")[0], d.Words("digest")[0]
	digest, err := canon.ParseDigest(of)
	if err != nil {
		return lexicon.Verdict{}, d.Refuse("digest", 0, err.Error(), "write sha256: and 64 hexadecimal digits")
	}
	seals := []party.Seal{}
	for i, key := range d.Words("key") {
		if d.Words("body")[i] != body || d.Words("digest")[i] != of {
			return lexicon.Verdict{}, d.Refuse("digest", i, "another body or digest than in the first row", "check one text at a time")
		}
		if len(d.Words("signature")) == 0 || d.Words("signature")[i] == "" {
			continue
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(d.Words("signature")[i])
		if err != nil {
			return lexicon.Verdict{}, d.Refuse("signature", i, "no base64: "+err.Error(), "write the 64 bytes of the signature in base64")
		}
		seals = append(seals, party.Seal{Key: key, Signature: signature})
	}
	v := lexicon.Verdict{Value: fmt.Sprint(len(seals)), Holds: true, Rule: fmt.Sprintf("%d of %d keys have sealed, want %d", len(seals), d.Rows(), g.Count("threshold"))}
	if err := party.CheckSeals(body, digest, d.Words("key"), int(g.Count("threshold")), seals); err != nil {
		v.Holds, v.Rule = false, err.Error()
	}
	return v, nil
}
