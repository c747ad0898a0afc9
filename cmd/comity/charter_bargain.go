package main

import (
	"errors"

	"comity/adapter/yaml"
	"comity/exact"
	"comity/governor/bargain"
	"comity/governor/bargain/stakes"
	"comity/party"
)

type bargainCommand struct {
	File string `arg:"" help:"Parties, outside options and drafts with their utilities, in YAML or JSON (docs/guide/bargain.md); - reads standard input."`
}

// bargainData is the JSON form of what drafts mean. Numbers are exact ratios; an irrational
// value lies between low and high, which are decimals.
type bargainData struct {
	Parties   []party.ID     `json:"parties"`
	Choices   []choiceData   `json:"choices"`
	Lotteries []lotteryData  `json:"lotteries"`
	Drafts    []draftData    `json:"drafts"`
	Core      *coreData      `json:"core,omitempty"`
	Vote      *voteData      `json:"vote,omitempty"`
	Frontier  []frontierData `json:"frontier,omitempty"`
}

type valueData struct {
	Low  string `json:"low"`
	High string `json:"high"`
}

// choiceData is what a rule chooses among the drafts, or in none why it chooses nothing.
type choiceData struct {
	Rule   bargain.Rule `json:"rule"`
	Best   []string     `json:"best"` // More than one if they tie.
	Value  *valueData   `json:"value,omitempty"`
	Scores []markData   `json:"scores"`
	Levels []string     `json:"levels,omitempty"`
	Why    string       `json:"why,omitempty"`
	None   string       `json:"none,omitempty"`
}

// markData is a draft's number under a rule; null if the rule does not admit the draft.
type markData struct {
	Draft string     `json:"draft"`
	Value *valueData `json:"value"`
}

type lotteryData struct {
	Rule      bargain.Rule  `json:"rule"`
	Chances   []chanceData  `json:"chances"` // Drafts with a chance above 0.
	Value     *valueData    `json:"value,omitempty"`
	Utilities []utilityData `json:"utilities"`
	Levels    []string      `json:"levels,omitempty"`
	Gap       string        `json:"gap,omitempty"`
	Why       string        `json:"why,omitempty"`
	None      string        `json:"none,omitempty"`
}

type chanceData struct {
	Draft  string `json:"draft"`
	Chance string `json:"chance"`
}

type utilityData struct {
	Party party.ID  `json:"party"`
	Value valueData `json:"value"`
}

type draftData struct {
	ID          string         `json:"id"`
	Efficient   bool           `json:"efficient"`
	DominatedBy []string       `json:"dominated_by"`
	Mixed       []chanceData   `json:"dominated_by_lottery,omitempty"`
	Unsearched  bool           `json:"lotteries_unsearched,omitempty"` // Too large to look for.
	Rational    bool           `json:"rational"`
	Stable      bool           `json:"stable"`
	Parties     []interestData `json:"parties"`
	BlockedBy   []blockData    `json:"blocked_by"`
	Regrets     []string       `json:"regrets"` // By scenario.
	Veil        []string       `json:"veil"`    // Expected utilities, ascending, without names.
}

type interestData struct {
	Party       party.ID `json:"party"`
	Expected    string   `json:"expected"`
	Outside     string   `json:"outside"`
	Tail        string   `json:"tail"`
	OutsideTail string   `json:"outside_tail"`
	Rational    bool     `json:"rational"`
	Temptation  string   `json:"temptation"`
	By          string   `json:"by"` // leave or break: the better of both.
}

type blockData struct {
	Members []party.ID `json:"members"`
	Gain    string     `json:"gain"`
}

type coreData struct {
	Empty   bool          `json:"empty"`
	Least   string        `json:"least"`
	Whole   string        `json:"whole"`
	Shares  []utilityData `json:"shares"`
	Balance []balanceData `json:"balance"`
}

type balanceData struct {
	Members []party.ID `json:"members"`
	Weight  string     `json:"weight"`
}

type voteData struct {
	Winning  [][]party.ID `json:"winning"`
	Blocking [][]party.ID `json:"blocking"`
	Banzhaf  []powerData  `json:"banzhaf"`
	Vetoes   []party.ID   `json:"vetoes"`
	Dictator party.ID     `json:"dictator,omitempty"`
	None     string       `json:"none,omitempty"`
}

type powerData struct {
	Party party.ID `json:"party"`
	Share string   `json:"share"`
}

type frontierData struct {
	Rule  bargain.Rule  `json:"rule"`
	Point []utilityData `json:"point"`
	Why   string        `json:"why,omitempty"`
	None  string        `json:"none,omitempty"`
}

// Run reads the terms and works out all that can be said about them.
func (c *bargainCommand) Run(t *terminal) error {
	text, err := readBounded(c.File, yaml.MaxBytes)
	if err != nil {
		return err
	}
	name := c.File
	if name == "-" {
		name = "standard input"
	}
	root, err := yaml.Read(name, text)
	if err != nil {
		return err
	}
	read, err := stakes.Read(name, root)
	if err != nil {
		return err
	}
	d, err := (&bargainReport{read, t}).data()
	if err != nil {
		return err
	}
	return t.result("charter-bargain", d, d.text())
}

// bargainReport turns what the engine finds into names and texts.
type bargainReport struct {
	stakes.Terms
	t *terminal
}

func (r *bargainReport) data() (d *bargainData, err error) {
	d = &bargainData{Choices: []choiceData{}, Lotteries: []lotteryData{}, Drafts: []draftData{}}
	for _, p := range r.Game.Parties {
		d.Parties = append(d.Parties, p.ID)
	}
	if d.Vote, err = r.vote(); err != nil {
		return nil, err
	}
	if r.Frontier != nil {
		d.Frontier, err = r.frontier()
		return d, err
	}
	if d.Choices, err = r.choices(); err != nil {
		return nil, err
	}
	if d.Lotteries, err = r.lotteries(); err != nil {
		return nil, err
	}
	if d.Drafts, err = r.drafts(); err != nil {
		return nil, err
	}
	d.Core, err = r.core()
	return d, err
}

func (r *bargainReport) choices() (out []choiceData, err error) {
	for _, rule := range bargain.Rules() {
		d := choiceData{Rule: rule, Best: []string{}, Scores: []markData{}}
		choice, err := r.Game.Choose(rule)
		if d.None, err = unanswered(err); err != nil {
			return nil, err
		}
		if d.None == "" {
			d.Best, d.Value, d.Levels, d.Why = r.names(choice.Best), worth(choice.Value()), texts(choice.Levels), choice.Why
			for k, score := range choice.Scores {
				s := markData{Draft: r.Game.Drafts[k].ID}
				if choice.Scored[k] {
					s.Value = worth(score)
				}
				d.Scores = append(d.Scores, s)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// unanswered turns the reasons for which a rule has no answer here into text.
func unanswered(err error) (string, error) {
	for _, expected := range []error{bargain.ErrNoAgreement, bargain.ErrTooLarge, bargain.ErrNoMinimum} {
		if errors.Is(err, expected) {
			return err.Error(), nil
		}
	}
	return "", err
}

func (r *bargainReport) lotteries() (out []lotteryData, err error) {
	for _, rule := range bargain.LotteryRules() {
		r.t.draw("mixing drafts: " + string(rule))
		d := lotteryData{Rule: rule, Chances: []chanceData{}, Utilities: []utilityData{}}
		l, err := r.Game.Mix(rule)
		if d.None, err = unanswered(err); err != nil {
			return nil, err
		}
		if d.None == "" {
			d.Chances, d.Value, d.Levels, d.Gap, d.Why = r.chances(l.Chances), worth(l.Value), texts(l.Levels), l.Gap.String(), l.Why
			for i, u := range l.Utilities {
				d.Utilities = append(d.Utilities, utilityData{r.Game.Parties[i].ID, *worth(u)})
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func (r *bargainReport) drafts() (out []draftData, err error) {
	r.t.draw("comparing drafts")
	standings, err := r.Game.Standings()
	if err != nil {
		return nil, err
	}
	blocks, err := r.Game.Blocks(r.Coalitions)
	if err != nil {
		return nil, err
	}
	regrets, rows := r.Game.Regrets(), r.Game.Rows()
	for k, s := range standings {
		d := draftData{
			ID: r.Game.Drafts[k].ID, Efficient: s.Efficient(), DominatedBy: r.names(s.Dominated), Unsearched: s.Unsearched, Rational: true, Stable: s.Stable(),
			BlockedBy: []blockData{}, Regrets: texts(regrets[k]), Veil: texts(rows[k]),
		}
		if s.Mixed != nil {
			d.Mixed = r.chances(s.Mixed)
		}
		for i, v := range s.Parties {
			by := "leave"
			if v.Breaks {
				by = "break"
			}
			d.Rational = d.Rational && v.Rational()
			d.Parties = append(d.Parties, interestData{
				r.Game.Parties[i].ID, v.Mean.String(), v.OutsideMean.String(), v.Tail.String(), v.OutsideTail.String(), v.Rational(), v.Temptation.String(), by,
			})
		}
		for _, b := range blocks[k] {
			d.BlockedBy = append(d.BlockedBy, blockData{r.members(r.Coalitions[b.Coalition].Members), b.Gain.String()})
		}
		out = append(out, d)
	}
	return out, nil
}

// core is told if all together have a worth that can be shared.
func (r *bargainReport) core() (*coreData, error) {
	core, err := r.Game.Core(r.Coalitions)
	if errors.Is(err, bargain.ErrNoWhole) {
		return nil, nil //nolint:nilnil // Nothing to tell is no error.
	}
	if err != nil {
		return nil, err
	}
	d := &coreData{Empty: core.Empty(), Least: core.Least.String(), Whole: core.Whole.String(), Balance: []balanceData{}}
	for i, share := range core.Shares {
		d.Shares = append(d.Shares, utilityData{r.Game.Parties[i].ID, valueData{share.String(), share.String()}})
	}
	for at, weight := range core.Balance {
		if weight.Sign() > 0 {
			d.Balance = append(d.Balance, balanceData{r.members(r.Coalitions[at].Members), weight.String()})
		}
	}
	return d, nil
}

func (r *bargainReport) vote() (*voteData, error) {
	if r.Table == nil {
		return nil, nil //nolint:nilnil // Nothing to tell is no error.
	}
	d := &voteData{Winning: [][]party.ID{}, Blocking: [][]party.ID{}, Banzhaf: []powerData{}}
	power, err := r.Table.Power()
	if d.None, err = unanswered(err); err != nil || d.None != "" {
		return d, err
	}
	for _, s := range power.Winning {
		d.Winning = append(d.Winning, r.members(s))
	}
	for _, s := range power.Blocking {
		d.Blocking = append(d.Blocking, r.members(s))
	}
	for i, share := range power.Banzhaf {
		d.Banzhaf = append(d.Banzhaf, powerData{r.Game.Parties[i].ID, share.String()})
	}
	d.Vetoes = r.members(power.Vetoes)
	if power.Dictator >= 0 {
		d.Dictator = r.Game.Parties[power.Dictator].ID
	}
	return d, nil
}

func (r *bargainReport) frontier() (out []frontierData, err error) {
	for _, rule := range bargain.FrontierRules() {
		d := frontierData{Rule: rule, Point: []utilityData{}}
		p, err := r.Frontier.Choose(rule)
		if d.None, err = unanswered(err); err != nil {
			return nil, err
		}
		if d.None == "" {
			d.Why = p.Why
			for i, u := range p.U {
				d.Point = append(d.Point, utilityData{r.Game.Parties[i].ID, *worth(u)})
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func (r *bargainReport) names(drafts []int) []string {
	out := make([]string, len(drafts))
	for at, k := range drafts {
		out[at] = r.Game.Drafts[k].ID
	}
	return out
}

func (r *bargainReport) members(parties []int) []party.ID {
	out := make([]party.ID, len(parties))
	for at, i := range parties {
		out[at] = r.Game.Parties[i].ID
	}
	return out
}

func (r *bargainReport) chances(chances []exact.Rat) []chanceData {
	out := []chanceData{}
	for k, chance := range chances {
		if chance.Sign() > 0 {
			out = append(out, chanceData{r.Game.Drafts[k].ID, chance.String()})
		}
	}
	return out
}

// worth writes what is exact as a ratio, and bounds with all the decimals that they have.
func worth(e bargain.Enclosure) *valueData {
	if e.Exact() {
		return &valueData{e.Low.String(), e.High.String()}
	}
	return &valueData{e.Low.Big().FloatString(bargain.Places), e.High.Big().FloatString(bargain.Places)}
}

func texts(numbers []exact.Rat) []string {
	out := make([]string, len(numbers))
	for i, v := range numbers {
		out[i] = v.String()
	}
	return out
}
