package own_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/pack"
)

// example writes the example into a new folder.
func example(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := own.Write(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// change replaces the first old in a file of the example; with an empty old the file is
// replaced as a whole, and with an empty new text too it is removed.
type change struct{ file, old, text string }

func (c change) apply(t testing.TB, folder string) {
	t.Helper()
	path := filepath.Join(folder, c.file)
	if c.old == "" && c.text == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	text := c.text
	if c.old != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), c.old) {
			t.Fatalf("%s has no %q", c.file, c.old)
		}
		text = strings.Replace(string(data), c.old, c.text, 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refusals are folders that people write by mistake, and all that is said about each.
func refusals() []struct {
	name string
	change
	want string
} {
	const (
		scenario = own.ScenarioFile
		rules    = own.CharterFile
		xa       = "members/XA.csv"
	)
	return []struct {
		name string
		change
		want string
	}{
		{"unknown key", change{scenario, "name: harbours", "nam: harbours"}, `scenario.yaml:11:1: unknown key "nam"; did you mean name?`},
		{"key of a member", change{scenario, "population: 412000", "populaton: 412000"}, `scenario.yaml:41:35: unknown key "populaton"; did you mean population?`},
		{"no unit", change{scenario, `unit: "cases per 100,000 people per week"`, ""}, "scenario.yaml:11:1: a scenario without the key unit; add it"},
		{"no target", change{scenario, `target: "Acute diarrhoea"`, ""}, `scenario.yaml:11:1: no key target; name the variable that is forecast: target: "Reported cases"`},
		{"target twice", change{scenario, `target: "Acute diarrhoea"`, "target: \"A\"\ntargets: [\"B\"]"}, "scenario.yaml:21:10: both target and targets; keep one of the two"},
		{"targets twice", change{scenario, `target: "Acute diarrhoea"`, `targets: ["B", "B"]`}, `scenario.yaml:20:16: target "B" is there twice; delete one of the two`},
		{"name with capitals", change{scenario, "name: harbours", "name: Harbours"}, `scenario.yaml:11:7: "Harbours" cannot be a name; use up to 40 lower-case letters, digits and hyphens, a letter first, such as two-rivers`},
		{"another label", change{scenario, "label: SYNTHETIC", "label: REAL"}, `scenario.yaml:15:8: "REAL" is not a choice here; write SYNTHETIC, or delete the line`},
		{"plain id", change{scenario, `id: "XA"`, "id: XA"}, `scenario.yaml:41:10: id XA is not quoted; write "XA", for many YAML readers take NO for false`},
		{"small id", change{scenario, `id: "XA"`, `id: "xa"`}, `scenario.yaml:41:10: "xa" cannot be an id; use 2 to 32 capital letters, digits and hyphens in quotes, such as "KE"`},
		{"two members of one id", change{scenario, `id: "XB"`, `id: "XA"`}, "scenario.yaml:42:5: member XA is in line 41 already; give each member its own id"},
		{"the operator's id", change{scenario, `id: "XB"`, `id: "DEPOT"`}, "scenario.yaml:42:5: DEPOT is the operator; let a party without rows operate the log, and give it another id"},
		{"one file for two", change{scenario, "data: members/XB.csv", "data: members/XA.csv"}, "scenario.yaml:42:62: members/XA.csv is the file of XA; give each member its own file"},
		{"file elsewhere", change{scenario, "data: members/XB.csv", "data: ../XB.csv"}, `scenario.yaml:42:62: "../XB.csv" is not a CSV file in this folder; write its name from the folder on, such as members/KE.csv`},
		{"file of another kind", change{scenario, "data: members/XB.csv", "data: members/XB.xlsx"}, `scenario.yaml:42:62: "members/XB.xlsx" is not a CSV file in this folder; write its name from the folder on, such as members/KE.csv`},
		{"no such file", change{scenario, "data: members/XB.csv", "data: members/XY.csv"}, "scenario.yaml:42:62: there is no file members/XY.csv; write the weekly numbers of XB to it, or correct the name\nmembers/XB.csv:1:1: no member of scenario.yaml names this file; add its member to scenario.yaml, or move the file away"},
		{"population with commas", change{scenario, "population: 412000", `population: "412,000"`}, `scenario.yaml:41:47: "412,000" is in quotes; write digits without quotes and separators, such as 1200`},
		{"population with underscores", change{scenario, "population: 412000", "population: 412_000"}, `scenario.yaml:41:47: "412_000" is not a whole number in plain digits; write digits without separators and fractions, such as 1200`},
		{"population of nobody", change{scenario, "population: 412000", "population: 0"}, "scenario.yaml:41:47: 0 is below 1; write 1 or more"},
		{"negative need", change{scenario, "clinic_kits: 260", "clinic_kits: -260"}, "scenario.yaml:41:98: -260 is below 0; write 0 or more"},
		{"need with a fraction", change{scenario, "clinic_kits: 260", "clinic_kits: 260.5"}, `scenario.yaml:41:98: "260.5" is not a whole number in plain digits; write digits without separators and fractions, such as 1200`},
		{"need in words", change{scenario, "clinic_kits: 260", "clinic_kits: many"}, `scenario.yaml:41:98: "many" is no number; write digits, such as 1200`},
		{"enormous need", change{scenario, "clinic_kits: 260", "clinic_kits: 99999999999999999999"}, "scenario.yaml:41:98: 99999999999999999999 is above 1099511627776; choose a larger unit"},
		{"need that starts with a zero", change{scenario, "clinic_kits: 260", "clinic_kits: 0260"}, `scenario.yaml:41:98: "0260" begins with a zero; write 260`},
		{"comma in a flow mapping", change{scenario, "supply: {kits: 2400}", "supply: {kits: 2,400}"}, `scenario.yaml:31:18: "400" cannot name a number; use lower-case letters, digits and _, a letter first; numbers have no commas in them`},
		{"misspelt need", change{scenario, "clinic_kits: 260", "clinik_kits: 260"}, "scenario.yaml:41:84: XA gives no clinic_kits, which clause d.needs of charter.yaml asks for; add clinic_kits: and a whole number, or rename clinik_kits"},
		{"need without a clause", change{scenario, "clinic_kits: 260", "clinic_kits: 260, beds: 12"}, "scenario.yaml:41:103: no clause of charter.yaml asks for beds; delete it, or add it to the values under as: party in charter.yaml"},
		{"no need", change{scenario, "clinic_kits: 260, ", ""}, "scenario.yaml:41:84: XA gives no clinic_kits, which clause d.needs of charter.yaml asks for; add clinic_kits: and a whole number"},
		{"population as a need", change{scenario, "clinic_kits: 260", "clinic_kits: 260, population: 3"}, "scenario.yaml:41:103: population among the needs; delete it: a charter that uses party.population gets it by itself"},
		{"empty supply", change{scenario, "supply: {kits: 2400}", "supply: {kits: []}"}, "scenario.yaml:31:16: a list of 0 weeks; list 1 to 1040; the last number holds for all later weeks"},
		{"supply by another name", change{scenario, "supply: {kits: 2400}", "supply: {doses: 2400}"}, "scenario.yaml:31:9: no kits, which clause d.supply of charter.yaml asks for; add kits: and a whole number"},
		{"start on a Thursday", change{scenario, "# start: 2026-11-18", "start: 2026-11-19"}, "scenario.yaml:27:8: 2026-11-19 is a Thursday; decisions are of Wednesdays; write 2026-11-25"},
		{"start that is no date", change{scenario, "# start: 2026-11-18", "start: soon"}, `scenario.yaml:27:8: "soon" is no date; write a Wednesday as 2026-11-18`},
		{"start after the rows", change{scenario, "# start: 2026-11-18", "start: 2027-03-03"}, "scenario.yaml:27:8: the newest week known on 2027-03-03 is that to 2026-11-08, too old to forecast from; the newest decision that the rows allow is that of 2026-11-18; choose a date up to it and some weeks of rows before"},
		{"start before the rows", change{scenario, "# start: 2026-11-18", "start: 2020-03-04"}, "scenario.yaml:27:8: on 2020-03-04 only 0 weeks of XA were known, 26 are needed; the newest decision that the rows allow is that of 2026-11-18; choose a date up to it and some weeks of rows before"},
		{"tab", change{scenario, "supply: {kits: 2400}", "supply:\t{kits: 2400}"}, "scenario.yaml:31:8: a tab, which YAML readers indent differently; use spaces"},
		{"broken YAML", change{scenario, "supply: {kits: 2400}", "supply: {kits: 2400"}, "scenario.yaml:30:1: not YAML: did not find expected ',' or '}'; check quotes, colons and indentation around this line"},
		{"byte order mark", change{scenario, "# An example", "\ufeff# An example"}, "scenario.yaml:1:1: character U+FEFF, which readers treat differently; remove it"},
		{"repeated key", change{scenario, "supply: {kits: 2400}", "supply: {kits: 2400}\nsupply: {kits: 1}"}, `scenario.yaml:32:1: key "supply" is in line 31 already; keep one of the two`},
		{"no header", change{xa, "date,value\n", ""}, "members/XA.csv:1:1: no column date; the header needs date,value"},
		{"header with semicolons", change{xa, "date,value\n", "date;value\n"}, "members/XA.csv:1:5: semicolons between columns; save the file with commas between columns and points in numbers"},
		{"header in capitals", change{xa, "date,value\n", "Date,value\n"}, `members/XA.csv:1:1: no column date; rename column "Date" to date`},
		{"another name for value", change{xa, "date,value\n", "date,cases\n"}, "members/XA.csv:1:1: no column value; the header needs date,value"},
		{"unknown column", change{xa, "date,value\n2022-11-20,", "date,value,tarjet\n2022-11-20,"}, `members/XA.csv:1:12: unknown column "tarjet"; did you mean target?`},
		{"date of the month", change{xa, "2022-11-27", "27.11.2022"}, `members/XA.csv:3:1: "27.11.2022" is no date; write YYYY-MM-DD between 1970 and 2999`},
		{"no such day", change{xa, "2022-11-27", "2022-02-30"}, `members/XA.csv:3:1: "2022-02-30" is no date; write YYYY-MM-DD between 1970 and 2999`},
		{"another weekday", change{xa, "2022-11-27", "2022-11-28"}, "members/XA.csv:3:1: 2022-11-28 is a Monday, the date in members/XA.csv:2 is a Sunday; give one row for each week and name all weeks by the same weekday, best the last day of the week"},
		{"date twice", change{xa, "2022-11-27", "2022-11-20"}, "members/XA.csv:3:1: week 2022-11-20 is in line 2 already; keep one of the two"},
		{"letters", change{xa, "2022-11-27,70.3", "2022-11-27,n/a"}, `members/XA.csv:3:12: "n/a" is no number; write digits with a point, such as 1234.5; leave the cell empty if it is unknown`},
		{"negative", change{xa, "2022-11-27,70.3", "2022-11-27,-3"}, `members/XA.csv:3:12: "-3" is negative; a value is 0 or more; leave the cell empty if it is unknown`},
		{"thousands", change{xa, "2022-11-27,70.3", "2022-11-27,1,234.5"}, "members/XA.csv:3:14: row of 3 cells under a header of 2; give every row one cell for each column; a number has a point and no commas, such as 1234.5"},
		{"quoted thousands", change{xa, "2022-11-27,70.3", `2022-11-27,"1,234.5"`}, `members/XA.csv:3:12: "1,234.5" is written with separators; write the number with a point and nothing else between digits, such as 1234.5`},
		{"decimal comma", change{xa, "2022-11-27,70.3", `2022-11-27,"10,5"`}, `members/XA.csv:3:12: "10,5" is written with separators; write the number with a point and nothing else between digits, such as 1234.5`},
		{"thousands by points", change{xa, "2022-11-27,70.3", "2022-11-27,1.234.567"}, `members/XA.csv:3:12: "1.234.567" is written with separators; write the number with a point and nothing else between digits, such as 1234.5`},
		{"space", change{xa, "2022-11-27,70.3", "2022-11-27,1 234"}, `members/XA.csv:3:12: "1 234" is written with separators; write the number with a point and nothing else between digits, such as 1234.5`},
		{"per cent", change{xa, "2022-11-27,70.3", "2022-11-27,12%"}, `members/XA.csv:3:12: "12%" is no number; write digits with a point, such as 1234.5; leave the cell empty if it is unknown`},
		{"enormous value", change{xa, "2022-11-27,70.3", "2022-11-27,1e12"}, `members/XA.csv:3:12: "1e12" is above 1000000000; correct it, or choose a larger unit`},
		{"empty line", change{xa, "2022-11-27", "\n2022-11-27"}, "members/XA.csv:3:1: empty line before a row; delete it"},
		{"one cell", change{xa, "2022-11-27,", "2022-11-27 "}, "members/XA.csv:3:1: row of 1 cells under a header of 2; give every row one cell for each column; a number has a point and no commas, such as 1234.5"},
		{"Latin-1", change{xa, "2022-11-27", "2022-11-27\xe9"}, "members/XA.csv:3:11: byte 0xe9 is no UTF-8; save the file as UTF-8"},
		{"few rows", change{xa, "", "date,value\n2026-11-01,1\n2026-11-08,2\n"}, "members/XA.csv:1:1: 2 weeks of numbers of XA; give at least 26, better several years"},
		{"no rows", change{xa, "", "date,value\n"}, "members/XA.csv:1:1: a header and no value; write one row for each week, such as 2026-01-04,12.5"},
		{"empty file", change{xa, "", "\n"}, "members/XA.csv:1:1: the file is empty; start it with the line date,value"},
		{"another member", change{xa, "", "date,value,member\n2026-11-01,1,XB\n"}, `members/XA.csv:2:14: a row of "XB" in the file of XA; give each member its own file; scenario.yaml says which is whose`},
		{"seen too early", change{xa, "", "date,value,as_of\n2026-11-01,1,2026-10-30\n"}, "members/XA.csv:2:14: the week of 2026-11-01 was not over on 2026-10-30; give a day that is not before the row's date"},
		{"no day of a snapshot", change{xa, "", "date,value,as_of\n2026-11-01,1,\n"}, `members/XA.csv:2:14: "" is no date; write the day from which the value was known as YYYY-MM-DD, or leave the whole column out`},
		{"other target", change{xa, "", "date,value,target\n2026-11-01,1,Colds\n"}, `members/XA.csv:2:14: target "Colds" is not in scenario.yaml; write one of ["Acute diarrhoea"]`},
		{"missing file", change{xa, "", ""}, "scenario.yaml:41:61: there is no file members/XA.csv; write the weekly numbers of XA to it, or correct the name"},
		{"stray file", change{"members/XZ.csv", "", "date,value\n"}, "members/XZ.csv:1:1: no member of scenario.yaml names this file; add its member to scenario.yaml, or move the file away"},
		{"no charter", change{rules, "", ""}, "charter.yaml:1:1: there is no such file; copy it from an example: comity up --example DIR"},
		{"empty charter", change{rules, "", "\n"}, "charter.yaml:1:1: the document is empty; write at least one key"},
		{"charter of a pack", change{rules, "parties: founding", "parties:\n{{- range .Parties}}"}, "charter.yaml:32:1: {{ }} belongs to the charters inside packs; write the word founding where keys, parties or dates belong, as in: parties: founding"},
		{"parties written out", change{rules, "parties: founding", "parties: []"}, "charter.yaml:31:10: parties is written out, but its keys are made when the consortium is founded; write parties: founding"},
		{"no transparency", change{rules, "transparency: founding", ""}, `charter.yaml:12:1: key "transparency" is missing; add the line transparency: founding`},
		{"unknown clause key", change{rules, "sense: maximise", "sens: maximise"}, "charter.yaml:98:3: objective.sens: unknown key \"sens\"; did you mean \"sense\"? [E102]\ncharter.yaml:98:3: objective.sense: key \"sense\" is missing; add it [E103]"},
		{"unknown input", change{rules, "party.home_kits", "party.home_kit"}, "charter.yaml:106:38: objective.groups[1].need: unknown input party.home_kit; did you mean party.home_kits? [E202]"},
		{"floating point", change{rules, `q("1/8"), min`, "0.125, min"}, `charter.yaml:102:27: objective.stages[0].measure.cel: 0.125 is binary floating point, in which most decimals do not exist; write q("0.125") instead of 0.125 [E201]`},
		{"unfinished expression", change{rules, "at_most: {cel: 'supply.kits'}", "at_most: {cel: 'supply.kits +'}"}, "charter.yaml:113:34: constraints[0].at_most.cel: not an expression: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER...; check parentheses, quotes and operators [E201]"},
		{"party value in a budget", change{rules, "at_most: {cel: 'supply.kits'}", "at_most: {cel: 'party.stock'}"}, "charter.yaml:113:14: constraints[0].at_most: one number for all uses party.stock, which each party has its own of; use supply and total values [E203]"},
		{"weight without quotes", change{rules, `weight: "2"`, "weight: 2"}, `charter.yaml:105:29: objective.groups[0].weight: number 2 is not quoted, so many readers make it binary; write "2" [E108]`},
		{"no ban", change{rules, "  banned:\n    - \"To watch, identify or trace persons.\"\n    - \"To punish a district for what it reports.\"\n", "  banned: []\n"}, "charter.yaml:27:11: purpose.banned: no use is banned; name at least one use that the body must never be put to [E318]"},
		{"other targets", change{rules, "targets: founding", `targets: ["Colds"]`}, `charter.yaml:83:12: the charter forecasts ["Colds"], scenario.yaml ["Acute diarrhoea"]; write targets: founding, or the same names in both`},
		{"other unit", change{rules, "unit: founding", `unit: "cases"`}, `charter.yaml:84:9: the unit is "cases", in scenario.yaml it is "cases per 100,000 people per week"; write unit: founding, or the same in both`},
		{"other task", change{rules, "task: forecast/quick@1", "task: forecast/slow@1"}, `charter.yaml:85:9: task "forecast/slow@1"; write forecast/quick@1`},
		{"own recipe", change{rules, "recipe: founding", "recipe: {rounds: 3}"}, "charter.yaml:86:11: recipe refused: bins is missing; copy it from Quick or Full; write recipe: founding"},
		{"too few to sum", change{rules, "min_members: founding", "min_members: 2"}, "charter.yaml:89:16: models.min_members: 2 of the 8 members of d.series; write 5 to 8 [E314]"},
		{"value that nobody gives", change{rules, "storage, stock]", "storage, stock, nurses]"}, "scenario.yaml:41:84: XA gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:42:85: XB gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:43:86: XC gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:44:81: XD gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:45:83: XE gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:46:81: XF gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:47:84: XG gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number\nscenario.yaml:48:83: XH gives no nurses, which clause d.needs of charter.yaml asks for; add nurses: and a whole number"},
		{"supply from a member", change{rules, "from: operator", `from: ["XA"]`}, "charter.yaml:72:11: XA declares the supply, not the operator; write from: operator"},
		{"needs from some", change{rules, "- id: d.needs\n    from: members", "- id: d.needs\n    from: [\"XA\", \"XB\"]"}, "charter.yaml:63:11: XC declares nothing under d.needs; write from: members"},
		{"division by zero", change{rules, "total.population / 4", "(total.stock - total.stock) / 4"}, "charter.yaml:116:5: with the numbers of the first week this rule gives no allocation: clause c.floor: for XA: in supply.kits * party.population / (total.stock - total.stock): division by zero: 988800000/0; correct the rule, or the numbers in scenario.yaml"},
		{"number in quotes", change{scenario, "population: 412000", `population: "412000"`}, `scenario.yaml:41:47: "412000" is in quotes; write digits without quotes and separators, such as 1200`},
		{"groups that are no list", change{scenario, "data: members/XA.csv", "groups: coast, data: members/XA.csv"}, "scenario.yaml:41:63: groups is not a list; write names with commas between in brackets: [coast, islands]"},
		{"weight below zero", change{scenario, "data: members/XA.csv", `weight: "-1", data: members/XA.csv`}, `scenario.yaml:41:63: "-1" is no weight; write a number of at least 0 in quotes, such as "1" or "1/2"`},
		{"kind of party", change{scenario, "data: members/XA.csv", "kind: kingdom, data: members/XA.csv"}, `scenario.yaml:41:61: "kingdom" is not a choice here; write state, agency, hospital, operator, firm`},
		{"list of members in one value", change{scenario, "name: harbours", "name: [harbours]"}, "scenario.yaml:11:7: a list where a single value is expected; write one value"},
		{"two clauses of needs", change{rules, "    as: supply", "    as: party"}, "charter.yaml:43:3: data: DEPOT declares party values and is no member, so the picture lacks it; add it to an aggregate_only clause [E321]\ncharter.yaml:63:11: data[2].from: d.needs is from 8 parties, all clauses as party together from 9; let the same parties declare all party values [E321]\ncharter.yaml:72:11: data[3].from: d.supply is from 1 parties, all clauses as party together from 9; let the same parties declare all party values [E321]\ncharter.yaml:113:14: constraints[0].at_most: unknown input supply.kits; use one of party.clinic_kits, party.home_kits, party.kits, party.population, party.stock, party.storage, picture.ratio_w1, picture.ratio_w2, picture.ratio_w3, picture.ratio_w4, total.clinic_kits, total.home_kits, total.kits, total.population, total.stock, total.storage [E202]\ncharter.yaml:118:15: constraints[1].at_least: unknown input supply.kits; use one of party.clinic_kits, party.home_kits, party.kits, party.population, party.stock, party.storage, picture.ratio_w1, picture.ratio_w2, picture.ratio_w3, picture.ratio_w4, total.clinic_kits, total.home_kits, total.kits, total.population, total.stock, total.storage [E202]"},
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := refusals()
	if len(cases) < 30 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := example(t)
			c.apply(t, folder)
			_, err := own.Read(folder, own.When{})
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, yaml.ErrUnreadable) && !errors.Is(err, csv.ErrUnreadable) && !errors.Is(err, charter.ErrRefused) {
				t.Errorf("%v wraps no error that says so", err)
			}
			got := strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), "")
			if got != c.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, c.want)
			}
		})
	}
}

// members returns the text of the example's scenario with its first so many members.
func members(t testing.TB, folder string, most int) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, own.ScenarioFile))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	seen := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		if strings.HasPrefix(line, "  - {id: ") {
			if seen++; seen > most {
				id := line[len(`  - {id: "`):][:2]
				if err := os.Remove(filepath.Join(folder, "members", id+".csv")); err != nil {
					t.Fatal(err)
				}
				continue
			}
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

func TestTooFewMembers(t *testing.T) {
	t.Parallel()
	for most := range 8 {
		folder := example(t)
		change{file: own.ScenarioFile, text: members(t, folder, most)}.apply(t, folder)
		_, err := own.Read(folder, own.When{})
		if enough := most >= 3; enough != (err == nil) {
			t.Errorf("%d members: %v", most, err)
		}
		if most == 2 && !strings.Contains(err.Error(), "scenario.yaml:41:3: 2 members; have at least 3") {
			t.Errorf("2 members: %v", err)
		}
	}
}

func TestOriginMustBeAWednesdayWithRows(t *testing.T) {
	t.Parallel()
	folder := example(t)
	for origin, want := range map[string]string{
		"soon":       "is no date",
		"2026-11-17": "is a Tuesday",
		"2027-11-17": "too old to forecast from",
		"2021-11-17": "0 weeks of XA were known",
	} {
		if _, err := own.Read(folder, own.When{Origin: origin}); !errors.Is(err, pack.ErrPeriod) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", origin, err, want)
		}
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	folder := example(t)
	for _, c := range []change{
		{"members/XA.csv", "2022-11-27", "soon"},
		{"members/XB.csv", "date,value", "date;value"},
		{"members/XC.csv", "", "date,value\n"},
	} {
		c.apply(t, folder)
	}
	_, err := own.Read(folder, own.When{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three broken files: %v", err)
	}
	change{own.ScenarioFile, "data: members/XA.csv", "data: members/XA.csv, unknown: 1"}.apply(t, folder)
	change{own.ScenarioFile, "name: harbours", "name: harbours\nother: 1"}.apply(t, folder)
	if _, err = own.Read(folder, own.When{}); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two unknown keys: %v", err)
	}
}
