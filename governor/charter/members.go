package charter

import (
	"fmt"
	"strings"

	"comity/exact"
	"comity/party"
)

// observer is the kind of party that watches and has no say.
const observer = "observer"

func (l *linter) parties() {
	c := l.c
	if len(c.Parties) < 2 {
		l.refuse("parties", ruleParties, fmt.Sprintf("%d parties", len(c.Parties)), "a body needs at least two")
	}
	var total exact.Rat
	for i, p := range c.Parties {
		path := at("parties", i)
		if err := p.ID.Check(); err != nil {
			l.refuse(path+".id", rulePartyID, fmt.Sprintf("%q cannot name a party", clip(string(p.ID))), "use 2 to 32 capital letters, digits and hyphens")
		}
		if i > 0 && c.Parties[i-1].ID >= p.ID {
			l.ascending(path+".id", string(c.Parties[i-1].ID), string(p.ID))
		}
		l.choice(path+".kind", p.Kind, "state", "agency", "hospital", "operator", "firm", observer)
		l.languages(path+".name", p.Name)
		for j, g := range p.Groups {
			l.form(at(path+".groups", j), g, isSlug, "lower-case letters, digits and hyphens")
		}
		if p.Weight.Sign() < 0 || p.Weight.Sign() > 0 && p.Kind == observer {
			l.refuse(path+".weight", ruleWeight, fmt.Sprintf("%s of kind %s has weight %s", clip(string(p.ID)), clip(p.Kind), p.Weight), `write "0" for observers and nothing below "0"`)
		}
		total = total.Add(p.Weight)
	}
	if total.Sign() <= 0 {
		l.refuse("parties", ruleWeight, "no party has weight", "give weight to those who decide")
	}
}

// keys checks every key of the charter and that none has two uses.
func (l *linter) keys() {
	uses := map[string]string{}
	for i, p := range l.c.Parties {
		path := at("parties", i)
		l.threshold(path+".keys", p.Keys.Threshold, len(p.Keys.Of))
		for j, text := range p.Keys.Of {
			l.verifier(at(path+".keys.of", j), text, uses)
		}
		l.verifier(path+".node.key", p.Node.Key, uses)
		if !isTransport(p.Node.Transport) {
			l.refuse(path+".node.transport", ruleKey, fmt.Sprintf("%q is not a NATS user key", clip(p.Node.Transport)), "write the public key, which starts with U")
		}
		l.once(path+".node.transport", p.Node.Transport, uses)
	}
	log := l.c.Transparency.Log
	if v, ok := l.verifier("transparency.log.key", log.Key, uses); ok && v.Name() != log.Origin {
		l.refuse("transparency.log.key", ruleOperator, fmt.Sprintf("the key is named %s, the origin is %s", clip(v.Name()), clip(log.Origin)), "a log signs under the name of its origin")
	}
	for i, text := range l.c.Transparency.Witnesses.Of {
		l.witness(at("transparency.witnesses.of", i), text, uses)
	}
}

// threshold refuses an M of N that nobody or everybody could meet.
func (l *linter) threshold(path string, threshold, keys int) {
	l.some(path+".of", keys)
	if threshold < 1 || threshold > keys {
		l.refuse(path+".threshold", ruleThreshold, fmt.Sprintf("%d of %d keys", threshold, keys), fmt.Sprintf("write 1 to %d", keys))
	}
}

func (l *linter) verifier(path, text string, uses map[string]string) (party.Verifier, bool) {
	v, err := party.ParseVerifier(text)
	if err != nil {
		l.refuse(path, ruleKey, err.Error(), "copy the whole public key of an Ed25519 pair")
		return v, false
	}
	l.once(path, string(v.PublicKey()), uses)
	return v, true
}

// witness checks a cosigning key: its name says whose witness it is.
func (l *linter) witness(path, text string, uses map[string]string) {
	k, err := party.ParseCosigner(text)
	if err != nil {
		l.refuse(path, ruleKey, err.Error(), "copy the whole witness key (cosignature/v1)")
		return
	}
	l.once(path, string(k.PublicKey()), uses)
	operator := l.c.Transparency.Log.Operator
	for _, p := range l.c.Parties {
		if k.Name() != party.WitnessName(p.ID) {
			continue
		}
		if p.ID == operator {
			l.refuse(path, ruleOperator, fmt.Sprintf("%s runs the log and cannot witness it", operator), "take this key out")
		}
		return
	}
	l.refuse(path, ruleWitnesses, fmt.Sprintf("%s is the witness of no party", clip(k.Name())), `name the key after its party, as "ke.witness" for "KE"`)
}

// once refuses a public key that has another use already.
func (l *linter) once(path, public string, uses map[string]string) {
	if first, used := uses[public]; used {
		l.refuse(path, ruleKeyTwice, "the same key is "+first, "make a key for each holder and each use")
		return
	}
	uses[public] = path
}

// transparency checks who sees the log. Of n counted witnesses floor((n-1)/3) may
// collude; a split view then needs two sets of t that share more than those, which is
// 2t - n > floor((n-1)/3) and holds from t = floor(2n/3)+1 on.
func (l *linter) transparency() {
	t := l.c.Transparency
	if o := t.Log.Origin; o == "" || len(o) > maxText || strings.ContainsAny(o, " +\t\r\n") {
		l.refuse("transparency.log.origin", ruleID, fmt.Sprintf("%q cannot name a log", clip(o)), "write a host name and path without spaces and plus signs")
	}
	if _, ok := PartyOf(l.c, t.Log.Operator); !ok {
		l.refuse("transparency.log.operator", ruleOperator, fmt.Sprintf("%q is not a party", clip(string(t.Log.Operator))), "name the party that runs the hub")
	}
	n := len(t.Witnesses.Of)
	l.threshold("transparency.witnesses", t.Witnesses.Threshold, n)
	if least := LeastWitnesses(n); n < 2 || t.Witnesses.Threshold < least {
		l.refuse("transparency.witnesses.threshold", ruleWitnesses, fmt.Sprintf("%d of %d witnesses must sign", t.Witnesses.Threshold, n),
			fmt.Sprintf("have two witnesses or more, and let at least floor(2n/3)+1 = %d sign", least))
	}
}

// LeastWitnesses returns the smallest threshold for n counted witnesses: floor(2n/3)+1.
func LeastWitnesses(n int) int { return 2*n/3 + 1 }
