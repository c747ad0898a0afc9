package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/adapter/nats"
	"comity/durable"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/party"
)

const (
	// officers seal a charter for their party two of three: one key may be lost, and one
	// alone decides nothing.
	officers, officersNeeded = 3, 2
	// stepSeconds is how long one silent member may delay one sum of a training.
	stepSeconds = 10
	// lifetime of a charter that `up` founds; lint allows three years.
	lifetime = 365 * 24 * time.Hour
)

// Found makes keys and folders for every party of a scenario whose rows are here, drafts
// the charter from the pack's template, and seals it if nobody is away. Nothing is in force
// yet: that takes every founder's seals in the log. Without a seal it returns nil.
func Found(cfg Config, secret io.Reader) ([]byte, error) {
	home, s := cfg.Home, cfg.Scenario
	// Without a charter what lies there is of a founding that was cut short: no one has
	// seen those keys.
	for _, rest := range []string{string(home.Hub()), filepath.Join(string(home), "members")} {
		if err := os.RemoveAll(rest); err != nil {
			return nil, err
		}
	}
	f, err := founding(cfg, secret)
	if err != nil {
		return nil, err
	}
	d := &draft{State: stateHeld, Founding: f, Template: s.Charter}
	for _, id := range s.Away {
		// Its keys only stood in until now: the charter's form needs some.
		if err := os.RemoveAll(string(home.Member(id))); err != nil {
			return nil, err
		}
		d.State, d.Seats = stateOpen, append(d.Seats, invitee{Party: id})
	}
	if err := d.save(home); err != nil || d.State == stateOpen {
		return nil, err
	}
	return d.seal(home)
}

// founding makes keys for all parties and fills the template's blanks.
func founding(cfg Config, secret io.Reader) (pack.Founding, error) {
	home, s, now := cfg.Home, cfg.Scenario, cfg.Clock()
	f := pack.Founding{
		ID:        strings.ToLower(s.Name) + "-" + strconv.Itoa(len(s.Members)),
		Effective: now.UTC().Truncate(24 * time.Hour).Format(time.RFC3339),
		Expires:   now.UTC().Truncate(24 * time.Hour).Add(lifetime).Format(time.RFC3339),
		Operator:  string(s.Operator.ID), StepSeconds: cmp.Or(cfg.StepSeconds, stepSeconds),
		// Two thirds must take part, so that no sum describes a few.
		MinMembers:       charter.LeastWitnesses(len(s.Members)),
		WitnessThreshold: charter.LeastWitnesses(len(s.Members)),
	}
	f.Origin = "comity.example/" + f.ID
	var err error
	if f.Recipe, err = recipeOf(s); err != nil {
		return f, err
	}
	for _, p := range append(slices.Clone(s.Members), s.Operator) {
		folder := home.Member(p.ID)
		if p.ID == s.Operator.ID {
			folder = home.Hub()
		}
		signatory, witness, err := enrol(folder, p, secret)
		if err != nil {
			return f, fmt.Errorf("found %s: %s: %w", f.ID, p.ID, err)
		}
		f.Parties = append(f.Parties, signatory)
		if p.ID != s.Operator.ID {
			f.Witnesses = append(f.Witnesses, witness)
		}
	}
	slices.SortFunc(f.Parties, func(a, b pack.FoundingParty) int { return strings.Compare(a.ID, b.ID) })
	logKey, err := newKey(home.Hub().LogKey(), f.Origin, secret)
	f.LogKey = logKey.Verifier()
	return f, err
}

// recipeOf returns the training recipe that a scenario names.
func recipeOf(s pack.Scenario) ([]pack.Parameter, error) {
	values := forecast.Quick()
	if s.Recipe != "forecast/quick@1" {
		return nil, fmt.Errorf("recipe %q: %w; use forecast/quick@1", s.Recipe, pack.ErrUnknown)
	}
	var recipe []pack.Parameter
	for name, v := range values {
		recipe = append(recipe, pack.Parameter{Name: name, Value: int64(v)})
	}
	slices.SortFunc(recipe, func(a, b pack.Parameter) int { return strings.Compare(a.Name, b.Name) })
	return recipe, nil
}

// enrol makes the keys of one party and returns what the charter says of it.
func enrol(folder node.Home, p pack.Party, secret io.Reader) (pack.FoundingParty, string, error) {
	out := pack.FoundingParty{
		ID: string(p.ID), Kind: p.Kind, Name: p.Name, Weight: p.Weight, Groups: p.Groups, Threshold: officersNeeded,
	}
	name := strings.ToLower(out.ID)
	nodeKey, err := newKey(folder.NodeKey(), name+".node", secret)
	if err != nil {
		return out, "", err
	}
	out.NodeKey = nodeKey.Verifier()
	witness, err := newKey(folder.WitnessKey(), party.WitnessName(p.ID), secret)
	if err != nil {
		return out, "", err
	}
	for n := 1; n <= officers; n++ {
		number := strconv.Itoa(n)
		k, err := newKey(folder.OfficerKey(number), name+".officer-"+number, secret)
		if err != nil {
			return out, "", err
		}
		out.Keys = append(out.Keys, k.Verifier())
	}
	identity, err := nats.NewIdentity(secret)
	if err != nil {
		return out, "", err
	}
	if err := nats.SaveIdentity(folder.TransportKey(), identity); err != nil {
		return out, "", err
	}
	out.Transport = identity.Public()
	return out, witness.Cosigner(), nil
}

func newKey(file, name string, secret io.Reader) (party.Key, error) {
	k, err := party.NewKey(name, secret)
	if err != nil {
		return k, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return k, err
	}
	return k, party.SaveKey(file, k)
}

// deal gives each member a file of its own rows, known at a snapshot date. On one
// machine somebody has to; in a deployment each member's rows begin at home.
func deal(home node.Home, s pack.Scenario, asOf string) error {
	rows, err := s.Rows.Known(asOf)
	if err != nil {
		return err
	}
	byPlace := map[party.ID][]forecast.Observation{}
	for _, o := range rows {
		byPlace[o.Place] = append(byPlace[o.Place], o)
	}
	for _, m := range s.Members {
		if !holds(home, m.ID) {
			continue // Its rows are at its own home.
		}
		folder := home.Member(m.ID).Data()
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		if err := csv.WriteSeries(filepath.Join(folder, "series.csv"), byPlace[m.ID]); err != nil {
			return fmt.Errorf("rows of %s: %w", m.ID, err)
		}
		if err := dealTables(home.Member(m.ID), s, m.ID); err != nil {
			return fmt.Errorf("tables of %s: %w", m.ID, err)
		}
	}
	return nil
}

// dealTables gives a member its rows about persons, and says where they are. What is
// there stays: a member may have put its own in its place.
func dealTables(home node.Home, s pack.Scenario, id party.ID) error {
	if len(s.Tables) == 0 {
		return nil
	}
	if _, err := os.Stat(home.Tables()); err == nil {
		return nil
	}
	if err := os.MkdirAll(home.Data(), 0o700); err != nil {
		return err
	}
	var list strings.Builder
	list.WriteString("tables:\n")
	for _, t := range s.Tables {
		rows := t.Rows(id)
		if rows == nil {
			continue
		}
		path := filepath.Join(home.Data(), t.Name+".csv")
		if err := csv.WriteRows(path, rows); err != nil {
			return err
		}
		fmt.Fprintf(&list, "  - clause: %s\n    schema: %s\n    path: %s\n", t.Clause, t.Schema.ID, filepath.Join(filepath.Base(home.Data()), t.Name+".csv"))
	}
	return durable.WriteFile(home.Tables(), []byte(list.String()))
}

// ErrHome says that a folder holds something that is not this consortium.
var ErrHome = errors.New("folder is not a home of this consortium")

// isFounded tells whether home holds a sealed charter, and returns it. One beside a draft
// that is open was taken back.
func isFounded(home node.Home) (sealed []byte, ok bool, err error) {
	if d, err := loadDraft(home); err == nil && d.State == stateOpen {
		return nil, false, nil
	}
	sealed, err = os.ReadFile(home.Charter()) //nolint:gosec // Operators and members name homes on purpose.
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if _, _, err := charter.Open(sealed); err != nil {
		return nil, false, fmt.Errorf("%s: %w: %w", home.Charter(), ErrHome, err)
	}
	return sealed, true, nil
}
