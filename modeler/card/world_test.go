package card_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/chance"
	"comity/conformance"
	"comity/modeler/card"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
)

// tableOf reads rows that a text holds.
func tableOf(tb testing.TB, text, target string) *table.Table {
	tb.Helper()
	rows, err := csv.NewRows("rows.csv", strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	t, err := table.Read(rows, table.Want{Target: target})
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// fitted returns a model of all columns but some, and its recipe.
func fitted(tb testing.TB, rows *table.Table, cfg model.Config, without ...string) (*model.Model, *card.Recipe) {
	tb.Helper()
	for _, name := range rows.Names() {
		if name != cfg.Table.Target && !slices.Contains(without, name) {
			cfg.Table.Columns = append(cfg.Table.Columns, name)
		}
	}
	keyed, err := rows.Keyed(append(slices.Clone(cfg.Table.Columns), cfg.Table.Target))
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Parties = 1
	m, err := model.Fit(tb.Context(), &cfg, keyed, learn.Pooled{})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := card.NewRecipe(cfg, &m.Target, rows, card.Pooled)
	if err != nil {
		tb.Fatal(err)
	}
	return m, r
}

// readHearts returns the rows of all hospitals that have every finding, without the columns
// that most of them lack (FLamby's choice).
func readHearts(tb testing.TB) *table.Table {
	tb.Helper()
	const findings, disease = 10, 13
	var b strings.Builder
	for f := range findings {
		fmt.Fprintf(&b, "f%d,", f)
	}
	b.WriteString("disease,hospital\n")
	for _, file := range conformance.Glob(tb, "benchmarks*/uci_heart*/processed.*.data") {
		hospital := strings.Split(filepath.Base(file), ".")[1]
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), ",")
			if len(cells) <= disease || slices.ContainsFunc(cells[:findings], func(c string) bool { return c == "?" || c == "NaN" || c == "" }) {
				continue
			}
			ill := "1"
			if cells[disease] == "0" {
				ill = "0"
			}
			fmt.Fprintf(&b, "%s,%s,%s\n", strings.Join(cells[:findings], ","), ill, hospital)
		}
	}
	return tableOf(tb, b.String(), "disease")
}

// clinic is rows of three parties: y is 10 x and noise, but party c measures it 8 too high.
func clinic(rows int) string {
	coin := chance.NewStream(chance.Seed{8})
	var b strings.Builder
	b.WriteString("x,z,kind,party,y\n")
	for i := range rows {
		x, z, party := coin.IntN(1000), coin.IntN(1000), "abc"[i%3:i%3+1]
		y := 10*x/1000*100 + coin.IntN(200)
		if party == "c" {
			y += 800
		}
		fmt.Fprintf(&b, "%d,%d,%s,%s,%d\n", x, z, []string{"old", "young"}[coin.IntN(2)], party, y)
	}
	return b.String()
}
