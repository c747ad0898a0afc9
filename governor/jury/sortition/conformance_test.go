package sortition_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	ours "comity/adapter/csv"
	"comity/allocator/fairness"
	"comity/conformance"
	"comity/exact"
	"comity/governor/jury"
)

// within returns the files of all folders that match a pattern.
func within(t *testing.T, pattern string) []string {
	t.Helper()
	return conformance.Find(t, filepath.Join("sortition*", pattern))
}

// table reads a file with a header into rows by column.
func table(t *testing.T, file string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) < 2 {
		t.Fatalf("%s: %d rows, %v", file, len(all), err)
	}
	for _, row := range all[1:] {
		cells := map[string]string{}
		for k, name := range all[0] {
			cells[name] = row[k]
		}
		rows = append(rows, cells)
	}
	return rows
}

func reading[T any](t *testing.T, file string, read func(string, io.Reader) (T, error)) T {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := read(file, f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pools returns the folders that hold a pool and quotas; a name ends with the size of
// the panel.
func pools(t *testing.T) map[string]jury.Pool {
	t.Helper()
	out := map[string]jury.Pool{}
	for _, names := range [][2]string{{"respondents.csv", "categories.csv"}, {"candidates.csv", "features.csv"}} {
		for _, file := range within(t, filepath.Join("*", names[0])) {
			folder := filepath.Dir(file)
			quotas := reading(t, filepath.Join(folder, names[1]), ours.ReadQuotas)
			pool := reading(t, file, func(name string, in io.Reader) (jury.Pool, error) { return ours.ReadPool(name, in, quotas, "") })
			var err error
			if pool.Size, err = strconv.Atoi(folder[strings.LastIndexByte(folder, '_')+1:]); err != nil {
				t.Fatalf("%s names no size of its panel: %v", folder, err)
			}
			out[folder] = pool
		}
	}
	return out
}

// TestConformanceLeximin compares the chances of every group with the reference, where
// there is one, and proves all of them.
func TestConformanceLeximin(t *testing.T) {
	all := pools(t)
	for _, folder := range slices.Sorted(maps.Keys(all)) {
		pool := all[folder]
		result, took := draw(t, pool, jury.Leximin)
		var sum exact.Rat
		for _, p := range result.Chances {
			sum = sum.Add(p)
		}
		if sum.Cmp(exact.Int(int64(pool.Size))) != 0 || result.Certificate.Gap.Sign() != 0 {
			t.Errorf("%s: chances add up to %s of %d, gap %s", folder, sum, pool.Size, result.Certificate.Gap)
		}
		t.Logf("%s: %s of processor time", filepath.Base(folder), took)
		references, err := filepath.Glob(filepath.Join(folder, "reference_leximin*.csv"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range references {
			compare(t, pool, result, table(t, file))
		}
	}
}

// compare finds the people of each line of a reference.
func compare(t *testing.T, pool jury.Pool, result jury.Result, rows []map[string]string) {
	t.Helper()
	found := 0
	for _, row := range rows {
		want, err := strconv.ParseFloat(row["leximin_probability"], 64)
		if err != nil {
			t.Fatal(err)
		}
		for i, features := range pool.People {
			if !slices.ContainsFunc(features, func(f int) bool { return row[pool.Quotas[f].Category] != pool.Quotas[f].Feature }) {
				found++
				if got := about(result.Chances[i]); math.Abs(got-want) > 1e-4 {
					t.Errorf("person %d: chance %g, reference %g", i, got, want)
				}
			}
		}
	}
	if found != len(pool.People) {
		t.Errorf("the reference has %d of %d people", found, len(pool.People))
	}
}

func about(x exact.Rat) float64 {
	f, _ := x.Big().Float64()
	return f
}

// example is one of the tiny pools with known answers.
type example struct {
	K          int
	Quotas     map[string]map[string][2]int
	People     map[string][]string
	Households map[string]int

	Leximin      map[string]string
	Maximin      map[string]string
	MaximinAlone map[string]string `json:"maximin_one_per_household"`
	MaximinValue string            `json:"maximin_value"`
	Nash         map[string]string
}

// pool returns the example in order of names. The features of people follow the order
// in which the file names the categories.
func (e example) pool(order []string) (p jury.Pool, names []string) {
	p.Size = e.K
	index := map[[2]string]int{}
	for _, category := range order {
		for _, feature := range slices.Sorted(maps.Keys(e.Quotas[category])) {
			index[[2]string{category, feature}] = len(p.Quotas)
			bounds := e.Quotas[category][feature]
			p.Quotas = append(p.Quotas, jury.Quota{Category: category, Feature: feature, Min: bounds[0], Max: bounds[1]})
		}
	}
	names = slices.Sorted(maps.Keys(e.People))
	for _, name := range names {
		var features []int
		for k, category := range order {
			features = append(features, index[[2]string{category, e.People[name][k]}])
		}
		p.People = append(p.People, features)
	}
	return p, names
}

// TestConformanceTiny holds exact answers.
func TestConformanceTiny(t *testing.T) {
	for _, file := range within(t, "tiny*.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(raw)) {
			var e example
			var order struct{ Quotas json.RawMessage }
			if err := json.Unmarshal(raw[name], &e); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw[name], &order); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) { e.test(t, keys(t, order.Quotas)) })
		}
	}
}

// keys returns the keys of a JSON object in their order.
func keys(t *testing.T, data []byte) (names []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if depth == 1 {
				names = append(names, v)
			}
		}
	}
}

func (e example) test(t *testing.T, order []string) {
	pool, names := e.pool(order)
	for _, c := range []struct {
		algorithm jury.Algorithm
		want      map[string]string
		alone     bool
		tolerance float64
	}{
		{jury.Leximin, e.Leximin, false, 0},
		{jury.Maximin, e.Maximin, false, 0},
		{jury.Leximin, e.Maximin, false, 0}, // Where the file has one, it is the only one.
		{jury.Maximin, e.MaximinAlone, true, 0},
		{jury.Nash, e.Nash, false, 1e-6},
	} {
		if c.want == nil {
			continue
		}
		p := pool
		if c.alone {
			for _, name := range names {
				p.Households = append(p.Households, e.Households[name])
			}
		}
		result, _ := draw(t, p, c.algorithm)
		for i, name := range names {
			want, ok := new(big.Rat).SetString(c.want[name])
			if !ok {
				t.Fatalf("%s has no chance in the file", name)
			}
			got := result.Chances[i].Big()
			w, _ := want.Float64()
			if c.tolerance == 0 && got.Cmp(want) != 0 || math.Abs(about(result.Chances[i])-w) > c.tolerance {
				t.Errorf("%s of %s: chance %s, want %s", c.algorithm, name, got.RatString(), want.RatString())
			}
		}
	}
	if e.MaximinValue != "" {
		result, _ := draw(t, pool, jury.Maximin)
		least, err := fairness.Least(result.Chances)
		if err != nil || least.String() != e.MaximinValue {
			t.Errorf("least chance %s, %v, want %s", least, err, e.MaximinValue)
		}
	}
}

// TestConformancePublished computes the statistics of published allocations, as printed.
func TestConformancePublished(t *testing.T) {
	for _, file := range within(t, "published_statistics*.csv") {
		for _, row := range table(t, file) {
			published(t, filepath.Dir(file), row)
		}
	}
}

func published(t *testing.T, folder string, row map[string]string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "published_allocations*", row["instance"]+"_*.csv"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %d files of allocations, %v", row["instance"], len(files), err)
	}
	chances := map[string][]exact.Rat{}
	for _, line := range table(t, files[0]) {
		v, ok := new(big.Rat).SetString(line["selection probability"])
		if !ok {
			t.Fatalf("%s: %q is no number", files[0], line["selection probability"])
		}
		name := strings.ToLower(line["algorithm"])
		chances[name] = append(chances[name], exact.FromBig(v))
	}
	check := func(column string, x exact.Rat) {
		if got := new(big.Rat).Mul(x.Big(), big.NewRat(100, 1)).FloatString(1) + "%"; got != row[column] {
			t.Errorf("%s %s: %s, published %s", row["instance"], column, got, row[column])
		}
	}
	least, err := fairness.Least(chances["leximin"])
	if err != nil {
		t.Fatal(err)
	}
	check("leximin_min", least)
	floor, _ := exact.Ratio(1, 10_000) // The publication's cap from below.
	for _, name := range []string{"legacy", "leximin"} {
		gini, err := fairness.Gini(chances[name])
		if err != nil {
			t.Fatal(err)
		}
		check("gini_"+name, gini)
		capped, sum := slices.Clone(chances[name]), exact.Int(0)
		for i, p := range capped {
			if name == "legacy" && p.Cmp(floor) < 0 {
				capped[i] = floor
			}
			sum = sum.Add(capped[i])
		}
		index, err := fairness.Atkinson(exact.Int(1), capped)
		if err != nil {
			t.Fatal(err)
		}
		mean, _ := sum.Quo(exact.Int(int64(len(capped))))
		check("geomean_"+name, mean.Mul(exact.Int(1).Sub(index.Low)))
	}
}
