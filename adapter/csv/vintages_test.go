package csv_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/adapter/csv"
	"comity/conformance"
	"comity/modeler/forecast"
	"comity/party"
)

const (
	header = "as_of,source,target,location,truth_date,value\n"
	first  = "2024-11-08,ERVISS,ILI incidence,AT,2024-11-03,10.5\n"
)

func read(text string) ([]forecast.Observation, error) {
	return csv.ReadVintages("f.csv", strings.NewReader(text))
}

func compress(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestReads(t *testing.T) {
	want := []forecast.Observation{
		{AsOf: "2024-11-08", Target: "ILI incidence", Place: "AT", Date: "2024-11-03", Value: 10_500},
		{AsOf: "2024-11-15", Target: "ILI incidence", Place: "AT", Date: "2024-11-03", Withdrawn: true},
	}
	const second = "2024-11-15,ERVISS,ILI incidence,AT,2024-11-03,\n"
	for name, text := range map[string]string{
		"plain":              header + first + second,
		"without last break": header + first + strings.TrimSuffix(second, "\n"),
		"byte order mark":    "\ufeff" + header + first + second,
		"windows":            strings.ReplaceAll(header+first+second, "\n", "\r\n"),
		"empty lines at end": header + first + second + "\n\r\n\n",
		"quoted":             header + strings.ReplaceAll(first, "ILI incidence", `"ILI incidence"`) + second,
		"gzip":               compress(header + first + second),
		"gzip in two parts":  compress(header+first) + compress(second),
		"gzip and mark":      compress("\ufeff" + header + first + second),
		"no source, another order": "value,truth_date,location,target,as_of\n10.5,2024-11-03,AT,ILI incidence,2024-11-08\n" +
			",2024-11-03,AT,ILI incidence,2024-11-15\n",
		"columns of others":     "note," + header + "\"a, \"\"b\"\" ü\"," + first + "," + second,
		"same from two sources": header + first + second + "2024-11-15,FluID,ILI incidence,AT,2024-11-03,\n",
	} {
		got, err := read(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestQuotesInTargets(t *testing.T) {
	rows, err := read(header + `2024-11-08,x,"a ""b"", c",AT,2024-11-03,1` + "\n")
	if err != nil || rows[0].Target != `a "b", c` {
		t.Fatalf("%+v, %v", rows, err)
	}
}

// TestRefuses holds the exact position of every kind of damage.
func TestRefuses(t *testing.T) {
	row := func(column, value string) string {
		cells := map[string]string{"as_of": "2024-11-08", "source": "S", "target": "ILI", "location": "NO", "truth_date": "2024-11-03", "value": "1"}
		cells[column] = value
		return header + first + fmt.Sprintf("%s,%s,%s,%s,%s,%s\n", cells["as_of"], cells["source"], cells["target"], cells["location"], cells["truth_date"], cells["value"])
	}
	whole := compress(header + strings.Repeat(first, 1))
	flipped := []byte(whole)
	flipped[len(flipped)-6] ^= 1 // In the checksum (RFC 1952, section 2.3.1).
	for _, tt := range []struct{ name, text, at, reason string }{
		{"nothing", "", "1:1", "empty"},
		{"mark only", "\ufeff", "1:1", "empty"},
		{"header only", header, "1:1", "no rows"},
		{"empty lines only", "\n\n", "1:1", "empty"},
		{"empty first line", "\n" + header + first, "1:1", "empty line"},
		{"empty line between", header + first + "\n" + first, "3:1", "empty line"},
		{"misspelt column", strings.Replace(header, "truth_date", "Truth-Date", 1) + first, "1:30", "no column truth_date; rename column \"Truth-Date\""},
		{"missing column", "as_of,target,location,truth_date\n2024-11-08,ILI,NO,2024-11-03\n", "1:1", "no column value"},
		{"column twice", "value," + header + "1," + first, "1:47", "column value appears twice"},
		{"no header", first, "1:1", "no column as_of"},
		{"ragged, short", header + first + "2024-11-08,S,ILI,NO\n", "3:18", "4 cells under a header of 6"},
		{"ragged, long", header + first + "2024-11-08,S,ILI,NO,2024-11-03,1,2\n", "3:34", "7 cells under a header of 6"},
		{"semicolons", strings.ReplaceAll(header+first, ",", ";"), "1:1", "no column as_of"},
		{"NUL", header + first + "2024-11-08,S,ILI\x00,NO,2024-11-03,1\n", "3:17", "control character"},
		{"tab", header + "2024-11-08\t,S,ILI,NO,2024-11-03,1\n", "2:11", "control character"},
		{"old Mac line ends", strings.ReplaceAll(header+first, "\n", "\r"), "1:46", "control character"},
		{"Latin-1", header + first + "2024-11-08,S,Inf\xe9,NO,2024-11-03,1\n", "3:17", "no UTF-8"},
		{"UTF-16", "\xff\xfea\x00s\x00", "1:1", "no UTF-8"},
		{"open quote", header + first + "2024-11-08,S,\"ILI,NO,2024-11-03,1\n", "3:14", "not closed"},
		{"text after quote", header + "2024-11-08,S,\"ILI\"x,NO,2024-11-03,1\n", "2:19", "after a closing quote"},
		{"quote inside", header + "2024-11-08,S,I\"LI,NO,2024-11-03,1\n", "2:15", "quote inside"},
		{"day before month", row("as_of", "08-11-2024"), "3:1", "no date"},
		{"no day", row("as_of", "2023-02-29"), "3:1", "no date"},
		{"long ago", row("truth_date", "1850-01-06"), "3:21", "no date"},
		{"with a time", row("truth_date", "2024-11-03T00:00"), "3:21", "no date"},
		{"Saturday", row("truth_date", "2024-11-02"), "3:21", "Saturday"},
		{"future week", row("truth_date", "2024-11-10"), "3:21", "was not over"},
		{"no target", row("target", ""), "3:14", "target of 0 bytes"},
		{"long target", row("target", strings.Repeat("x", 101)), "3:14", "target of 101 bytes"},
		{"path as location", row("location", "../NO"), "3:18", "location"},
		{"small letters", row("location", "no"), "3:18", "location"},
		{"comma for point", row("value", `"10,5"`), "3:32", "no number"},
		{"NA", row("value", "NA"), "3:32", "no number"},
		{"NaN", row("value", "NaN"), "3:32", "no number"},
		{"infinite", row("value", "inf"), "3:32", "no number"},
		{"hexadecimal", row("value", "0x10"), "3:32", "no number"},
		{"space", row("value", " 1"), "3:32", "no number"},
		{"negative", row("value", "-0.001"), "3:32", "negative"},
		{"1e84", row("value", "1e84"), "3:32", "above"},
		{"just above", row("value", "1000000000.001"), "3:32", "above"},
		{"long number", row("value", strings.Repeat("9", 5000)), "3:32", "above"},
		{"long exponent", row("value", "1e99999"), "3:32", "no number"},
		{"twice", header + first + first, "3:1", "as line 2"},
		{"twice with another value", header + first + strings.Replace(first, "10.5", "11", 1), "3:1", "as line 2"},
		{"two sources disagree", header + first + strings.Replace(strings.Replace(first, "10.5", "11", 1), "ERVISS", "FluID", 1), "3:46", "another source"},
		{"long line", header + first + strings.Repeat("x", 70_000) + "\n", "3:65536", "line of more than"},
		{"many cells", header + first + strings.Repeat(",", 2000) + "\n", "3:1001", "more than 1000 cells"},
		{"gzip, cut in its header", whole[:5], "1:1", "ends too early"},
		{"gzip, no end", whole[:len(whole)-4], "3:1", "ends too early"},
		{"gzip, damaged", string(flipped), "3:1", "damaged"},
		{"gzip, something after", whole + "more than a header", "3:1", "damaged"},
	} {
		rows, err := read(tt.text)
		if err == nil {
			t.Errorf("%s: read as %d rows", tt.name, len(rows))
			continue
		}
		e, ok := errors.AsType[*csv.Error](err)
		if !ok || !errors.Is(err, csv.ErrUnreadable) || e.Fix == "" {
			t.Errorf("%s: %v; want an *Error with a fix", tt.name, err)
		}
		if want := "f.csv:" + tt.at + ": "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: %v; want %s... %s", tt.name, err, want, tt.reason)
		}
	}
}

func TestFilesThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := csv.Vintages(filepath.Join(dir, "none.csv")); !errors.Is(err, csv.ErrUnreadable) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := csv.Vintages(dir); !errors.Is(err, csv.ErrUnreadable) {
		t.Errorf("folder: %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := csv.Find(dir); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, csv.ErrUnreadable) {
		t.Errorf("empty folder: %v", err)
	}
	for i, name := range []string{"truth_vintages_dev.csv.gz", "vintages.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := csv.Find(dir)
		if i == 0 && (err != nil || filepath.Base(got) != name) {
			t.Errorf("Find = %s, %v; want %s", got, err, name)
		}
		if i == 1 && (!errors.Is(err, csv.ErrUnreadable) || !strings.Contains(err.Error(), "2 archives")) {
			t.Errorf("two archives: %s, %v", got, err)
		}
	}
}

func drawRows(t *rapid.T) []forecast.Observation {
	asOf := rapid.SampledFrom([]string{"2024-11-08", "2024-11-15"})
	row := rapid.Custom(func(t *rapid.T) forecast.Observation {
		o := forecast.Observation{
			AsOf:      asOf.Draw(t, "as of"),
			Target:    rapid.StringMatching(`[a-zA-Zé ",'()0-9]{1,20}`).Draw(t, "target"),
			Place:     party.ID(rapid.StringMatching(`[A-Z]{2}(-[A-Z0-9]{1,3})?`).Draw(t, "place")),
			Date:      rapid.SampledFrom([]string{"2024-11-03", "2024-10-27", "1999-12-26"}).Draw(t, "date"),
			Withdrawn: rapid.Bool().Draw(t, "withdrawn"),
		}
		if !o.Withdrawn {
			o.Value = rapid.Int64Range(0, forecast.MaxValue).Draw(t, "value")
		}
		return o
	})
	return rapid.SliceOfNDistinct(row, 1, 30, func(o forecast.Observation) string {
		return o.AsOf + "|" + o.Target + "|" + string(o.Place) + "|" + o.Date
	}).Draw(t, "rows")
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "members", "KE", "data", "series.csv")
	rapid.Check(t, func(t *rapid.T) {
		want := drawRows(t)
		if err := csv.WriteSeries(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := csv.Vintages(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-written +read\n%s", diff)
		}
	})
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want series.csv alone", left, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("series.csv has mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestWriteRefusesWhatItCouldNotRead(t *testing.T) {
	good := forecast.Observation{AsOf: "2024-11-08", Target: "ILI", Place: "NO", Date: "2024-11-03", Value: 1}
	path := filepath.Join(t.TempDir(), "series.csv")
	if err := csv.WriteSeries(path, []forecast.Observation{good}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *forecast.Observation){
		"place":     func(o *forecast.Observation) { o.Place = "a,b" },
		"snapshot":  func(o *forecast.Observation) { o.AsOf = "soon" },
		"week":      func(o *forecast.Observation) { o.Date = "2024-11-03\n" },
		"Monday":    func(o *forecast.Observation) { o.Date = "2024-11-04" },
		"future":    func(o *forecast.Observation) { o.Date = "2024-11-10" },
		"target":    func(o *forecast.Observation) { o.Target = "" },
		"control":   func(o *forecast.Observation) { o.Target = "a\nb" },
		"latin":     func(o *forecast.Observation) { o.Target = "\xe9" },
		"negative":  func(o *forecast.Observation) { o.Value = -1 },
		"large":     func(o *forecast.Observation) { o.Value = forecast.MaxValue + 1 },
		"withdrawn": func(o *forecast.Observation) { o.Withdrawn = true },
	} {
		bad := good
		change(&bad)
		if err := csv.WriteSeries(path, []forecast.Observation{good, bad}); !errors.Is(err, csv.ErrRow) {
			t.Errorf("%s: %v; want ErrRow", name, err)
		}
	}
	if rows, err := csv.Vintages(path); err != nil || len(rows) != 1 {
		t.Errorf("after refusals the file holds %d rows, %v; want the first", len(rows), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) != 0 {
		t.Errorf("refusals left %v, %v", left, err)
	}
}

func FuzzReadVintages(f *testing.F) {
	f.Add([]byte(header + first))
	f.Add([]byte("\ufeff" + strings.ReplaceAll(header+first, "\n", "\r\n")))
	f.Add([]byte(compress(header + first)))
	f.Add([]byte(header + `2024-11-08,x,"a ""b"", c",AT,2024-11-03,1e-2`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := csv.ReadVintages("fuzz", bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, csv.ErrUnreadable) {
				t.Fatalf("%v is no ErrUnreadable", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "series.csv")
		if err := csv.WriteSeries(path, rows); err != nil {
			t.Fatalf("read rows cannot be written: %v", err)
		}
		again, err := csv.Vintages(path)
		if err != nil || !slices.Equal(rows, again) {
			t.Fatalf("read %v, wrote and read %v, %v", rows, again, err)
		}
		if _, err := forecast.NewArchive(rows); err != nil {
			t.Fatalf("read rows are no archive: %v", err)
		}
	})
}

// hub returns the development archive of the European respiratory forecast hub. The
// data stand in $COMITY_DATA; another set may lack this folder, the default set may not.
func hub(t testing.TB) (path string, ok bool) {
	t.Helper()
	folders := conformance.Find(t, "health*/respicast*")
	if len(folders) == 0 {
		return "", false
	}
	path, err := csv.Find(folders[0])
	if err != nil {
		t.Fatal(err)
	}
	return path, true
}

func TestHubArchive(t *testing.T) {
	path, ok := hub(t)
	if !ok {
		return
	}
	rows, err := csv.Vintages(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 1000 || len(csv.Places(rows)) < 20 {
		t.Errorf("%d rows of %v", len(rows), csv.Places(rows))
	}
	if got, want := csv.Targets(rows), []string{"ARI incidence", "ILI incidence"}; !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
	if _, err := forecast.NewArchive(rows); err != nil {
		t.Error(err)
	}
	shuffled := slices.Clone(rows)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	copied := filepath.Join(t.TempDir(), "series.csv")
	if err := csv.WriteSeries(copied, shuffled); err != nil {
		t.Fatal(err)
	}
	if again, err := csv.Vintages(copied); err != nil || !slices.Equal(again, shuffled) {
		t.Errorf("%d rows written, %d read back: %v", len(shuffled), len(again), err)
	}
}

func BenchmarkHubArchive(b *testing.B) {
	path, ok := hub(b)
	if !ok {
		return
	}
	for b.Loop() {
		if _, err := csv.Vintages(path); err != nil {
			b.Fatal(err)
		}
	}
}
