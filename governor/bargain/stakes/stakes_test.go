package stakes_test

import (
	"errors"
	"strings"
	"testing"

	"comity/adapter/yaml"
	"comity/governor/bargain"
	"comity/governor/bargain/stakes"
	"comity/place"
)

const text = `comity: bargain/v1
parties:
  - {id: "KE", outside: "2", minimum: "3"}
  - {id: "NO", outside: [4, 3], weight: 2}
scenarios:
  - {name: mild, probability: "3/4"}
  - {name: severe, probability: 0.25}
drafts:
  - id: equal
    utilities: {"KE": "5", "NO": ["6", "5"]}
    alone: {"KE": "4", "NO": "7"}
  - {id: need, utilities: {"NO": "5", "KE": ["6", "8"]}}
coalitions:
  - {members: ["NO", "KE"], worth: "12"}
  - {members: ["KE"], utilities: {"KE": "3"}}
vote: {parties: "1/2", weight: "2/3"}
tail: "1/4"
optimism: "1/3"
`

const front = `{"comity": "bargain/v1", "parties": [{"id": "AA", "outside": "0.2"}, {"id": "BB", "outside": "0.1"}],
 "frontier": {"from": "0", "to": "1", "constant": "1", "linear": "0", "square": "-1"}}`

func read(text string) (stakes.Terms, error) {
	root, err := yaml.Read("b.yaml", []byte(text))
	if err != nil {
		return stakes.Terms{}, err
	}
	return stakes.Read("b.yaml", root)
}

func TestRead(t *testing.T) {
	got, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	g := got.Game
	no := g.Parties[1]
	if no.ID != "NO" || no.Weight.String() != "2" || no.Outside[1].String() != "3" || no.Demands || !g.Parties[0].Demands {
		t.Errorf("parties %+v", g.Parties)
	}
	if d := g.Drafts[1]; d.ID != "need" || d.Utility[0][1].String() != "8" || d.Utility[1][1].String() != "5" || d.Alone != nil || g.Drafts[0].Alone[1].String() != "7" {
		t.Errorf("drafts %+v", g.Drafts)
	}
	if c := got.Coalitions; len(c) != 2 || c[0].Members[0] != 0 || c[0].Utility != nil || c[1].Utility[0].String() != "3" {
		t.Errorf("coalitions %+v", c)
	}
	if got.Table == nil || got.Table.Weight.String() != "2/3" || got.Table.Weights[1].String() != "2" || g.Tail.String() != "1/4" || g.Optimism.String() != "1/3" {
		t.Errorf("table %+v, tail %s, optimism %s", got.Table, g.Tail, g.Optimism)
	}
	got, err = read(front)
	if err != nil || got.Frontier == nil || got.Frontier.Outside[1].String() != "1/10" || got.Frontier.Square.String() != "-1" {
		t.Errorf("frontier %+v, %v", got.Frontier, err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"version":              {"bargain/v1", "bargain/v2", `b.yaml:1:9: comity: "bargain/v2" is not the form`},
		"no version":           {"comity: bargain/v1\n", "", `comity: "" is not the form`},
		"unknown key":          {"optimism:", "optimum:", `b.yaml:18:1: unknown key "optimum"; write one of coalitions, comity`},
		"unknown party key":    {"minimum:", "least:", `b.yaml:3:30: unknown key "least"`},
		"party without id":     {`id: "KE", outside`, "outside", "b.yaml:3:5: a party without id"},
		"bare NO":              {`{id: "NO"`, "{id: NO", `NO without quotes`},
		"bare NO as key":       {`"NO": "5", "KE"`, `NO: "5", "KE"`, `NO without quotes`},
		"party id":             {`id: "KE"`, `id: "Kenya"`, `b.yaml:3:10: "Kenya" is not a party id`},
		"party twice":          {`id: "NO"`, `id: "KE"`, "b.yaml:4:10: party KE is there twice"},
		"weight of 0":          {"weight: 2", "weight: 0", "b.yaml:4:41: 0 where a number above 0"},
		"weight too fine":      {"weight: 2", `weight: "1/9999"`, "as coprime whole numbers"},
		"outside too long":     {"[4, 3]", "[4, 3, 2]", "b.yaml:4:25: 3 numbers for 2 scenarios"},
		"no number":            {`minimum: "3"`, `minimum: "3e9"`, "not an exact number"},
		"float of zero":        {`outside: "2"`, `outside: "1/0"`, "division by zero"},
		"probability of 0":     {`"3/4"`, `"0"`, "b.yaml:6:31: 0 where a number above 0"},
		"probability missing":  {`, probability: "3/4"`, "", "a scenario without name or probability"},
		"probabilities":        {`"3/4"`, `"2/4"`, "b.yaml:6:3: the probabilities add up to 3/4"},
		"scenario twice":       {"severe", "mild", `scenario "mild"`},
		"utility missing":      {`{"NO": "5", "KE": ["6", "8"]}`, `{"NO": "5"}`, "b.yaml:12:27: nothing for KE"},
		"utility of stranger":  {`{"NO": "5", "KE"`, `{"SE": "5", "KE"`, `b.yaml:12:28: "SE" is none of the parties`},
		"utility too short":    {`["6", "8"]`, `["6"]`, "1 numbers for 2 scenarios"},
		"utility as list":      {`{"NO": "5", "KE": ["6", "8"]}`, `["5"]`, "a list where a value for each party"},
		"draft without id":     {"id: need, ", "", `a draft with the id ""`},
		"draft id":             {"id: need", `id: "Need!"`, `a draft with the id "Need!"`},
		"draft twice":          {"id: need", "id: equal", `draft "equal"`},
		"draft without use":    {`, utilities: {"NO": "5", "KE": ["6", "8"]}`, "", "a draft without utilities"},
		"no drafts":            {"drafts:", "drafts: []\nother:", `unknown key "other"`},
		"alone missing":        {`alone: {"KE": "4", "NO": "7"}`, `alone: {"KE": "4"}`, "nothing for NO"},
		"worth twice":          {`worth: "12"`, `worth: "12", utilities: {"NO": "1", "KE": "1"}`, "a coalition needs what it can do alone, once"},
		"worth missing":        {`, worth: "12"`, "", "a coalition needs what it can do alone, once"},
		"members missing":      {`members: ["NO", "KE"], `, "", "a coalition without members"},
		"member twice":         {`["NO", "KE"]`, `["KE", "KE"]`, `member "KE" is there twice`},
		"member stranger":      {`["NO", "KE"]`, `["NO", "SE"]`, `"SE" is none of the parties`},
		"coalition twice":      {`["NO", "KE"]`, `["KE"]`, "a coalition of the same members"},
		"utility of no member": {`utilities: {"KE": "3"}`, `utilities: {"KE": "3", "NO": "1"}`, "NO is no member"},
		"vote of nobody":       {`vote: {parties: "1/2", weight: "2/3"}`, "vote: {}", "a table that is won by nobody's vote"},
		"vote above 1":         {`weight: "2/3"`, `weight: "3/2"`, "a share of 3/2; write 0 to 1"},
		"tail of 0":            {`tail: "1/4"`, `tail: "0"`, "b.yaml:17:7: a tail of 0"},
		"optimism of 2":        {`optimism: "1/3"`, `optimism: "2"`, "b.yaml:18:11: a share of 2"},
		"both":                 {"tail: \"1/4\"", "frontier: {from: \"0\", to: \"1\", constant: \"1\"}", "drafts or a frontier, and not both"},
		"list for a mapping":   {`vote: {parties: "1/2", weight: "2/3"}`, "vote: [1]", "a list where keys are expected"},
		"scalar for a list":    {"[\"NO\", \"KE\"]", "KE", "a single value where a list"},
	} {
		altered := strings.Replace(text, c.from, c.to, 1)
		if altered == text {
			t.Errorf("%s: nothing was altered", name)
		}
		if _, err := read(altered); !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestRefusedFrontiers(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"three parties": {`"outside": "0.1"}`, `"outside": "0.1"}, {"id": "CC"}`, "a frontier between 3 parties"},
		"upwards":       {`"-1"`, `"1"`, "b.yaml:2:14: a frontier that bends upwards"},
		"empty":         {`"to": "1"`, `"to": "0"`, "a frontier from 0 to 0"},
		"scenarios":     {`"frontier"`, `"scenarios": [{"name": "a", "probability": "1"}], "frontier"`, "scenarios beside a frontier"},
		"neither":       {`"frontier": {"from": "0", "to": "1", "constant": "1", "linear": "0", "square": "-1"}`, `"tail": "1"`, "drafts or a frontier, and not both"},
		"no parties":    {`"parties": [{"id": "AA", "outside": "0.2"}, {"id": "BB", "outside": "0.1"}],`, "", "the terms have no parties"},
	} {
		if _, err := read(strings.Replace(front, c.from, c.to, 1)); !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// What can be read is a game that the engine takes.
func FuzzRead(f *testing.F) {
	f.Add(text)
	f.Add(front)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read(text)
		if err != nil {
			if !errors.Is(err, place.ErrUnreadable) {
				t.Fatal(err)
			}
			return
		}
		if got.Frontier != nil {
			if err := got.Frontier.Check(); err != nil {
				t.Fatal(err)
			}
			return
		}
		if _, err := got.Game.Choose(bargain.Leximin); err != nil {
			t.Fatal(err)
		}
		if _, err := got.Game.Blocks(got.Coalitions); err != nil {
			t.Fatal(err)
		}
	})
}
