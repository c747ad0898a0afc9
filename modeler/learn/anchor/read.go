package anchor

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Frame is the rows of some members as they were published.
type Frame struct {
	Names      []string
	Categories map[string]bool
	Columns    [][]float64 // By feature and row; what is missing is not a number.
	Targets    []float64
	Members    []int // By row: whose it is.
}

// ReadLibSVM reads rows of "label feature:value ...", features counted from 1: one member
// a file. A feature that a row does not name is 0.
func ReadLibSVM(files []string, features int) (*Frame, error) {
	f := &Frame{Columns: make([][]float64, features)}
	for i := range features {
		f.Names = append(f.Names, strconv.Itoa(i+1))
	}
	for member, name := range files {
		err := lines(name, func(line string) error { return f.libSVM(member, line) })
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Frame) libSVM(member int, line string) error {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	label, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return fmt.Errorf("label %q: a number is needed", fields[0])
	}
	f.Targets, f.Members = append(f.Targets, max(0, label)), append(f.Members, member)
	for i := range f.Columns {
		f.Columns[i] = append(f.Columns[i], 0)
	}
	for _, field := range fields[1:] {
		number, text, _ := strings.Cut(field, ":")
		feature, err := strconv.Atoi(number)
		if err != nil || feature < 1 || feature > len(f.Columns) {
			return fmt.Errorf("feature %q: use 1 to %d", number, len(f.Columns))
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("value %q: a number is needed", text)
		}
		f.Columns[feature-1][len(f.Targets)-1] = value
	}
	return nil
}

// ReadHeart reads the hospitals of UCI Heart Disease, one member a file. The target is
// whether there is any disease.
func ReadHeart(files []string) (*Frame, error) {
	// The columns before the last one, num.
	heart := []string{"age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca", "thal"}
	f := &Frame{
		Names: heart, Columns: make([][]float64, len(heart)),
		Categories: map[string]bool{"cp": true, "restecg": true, "slope": true, "thal": true},
	}
	for member, name := range files {
		err := lines(name, func(line string) error {
			fields := strings.Split(line, ",")
			if len(fields) != len(heart)+1 {
				return fmt.Errorf("%d columns; want %d", len(fields), len(heart)+1)
			}
			for i := range heart {
				f.Columns[i] = append(f.Columns[i], number(fields[i]))
			}
			sick := 0.0
			if number(fields[len(heart)]) > 0 {
				sick = 1
			}
			f.Targets, f.Members = append(f.Targets, sick), append(f.Members, member)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ReadAir reads the stations of Beijing Multi-Site Air Quality, one member a file, every
// so many hours. The target is the logarithm of PM2.5; rows without it are left out.
func ReadAir(files []string, every int) (*Frame, error) {
	f := &Frame{
		Names:      []string{"month", "hour", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "RAIN", "wd", "WSPM"},
		Categories: map[string]bool{"wd": true},
	}
	f.Columns = make([][]float64, len(f.Names))
	for member, name := range files {
		if err := f.air(member, name, every); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, nil
}

func (f *Frame) air(member int, name string, every int) error {
	in, err := open(name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // It was only read.
	r := csv.NewReader(in)
	head, err := r.Read()
	if err != nil {
		return err
	}
	at := func(column string) int { return slices.Index(head, column) }
	target := at("PM2.5")
	for row := 0; ; row++ {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		dust := number(fields[target])
		if row%every != 0 || math.IsNaN(dust) {
			continue
		}
		for i, column := range f.Names {
			text := fields[at(column)]
			if column == "wd" {
				f.Columns[i] = append(f.Columns[i], wind(text))
				continue
			}
			f.Columns[i] = append(f.Columns[i], number(text))
		}
		f.Targets, f.Members = append(f.Targets, math.Log(dust)), append(f.Members, member)
	}
}

// wind numbers the 16 directions of the compass.
func wind(text string) float64 {
	names := []string{"N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"}
	if i := slices.Index(names, text); i >= 0 {
		return float64(i)
	}
	return math.NaN()
}

// number reads a number; whatever is none is missing.
func number(text string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// lines calls do with every line of a file that may be compressed.
func lines(name string, do func(line string) error) error {
	in, err := open(name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // It was only read.
	s := bufio.NewScanner(in)
	for row := 1; s.Scan(); row++ {
		if err := do(s.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, row, err)
		}
	}
	return s.Err()
}

// file is a file that may be compressed.
type file struct {
	io.Reader
	io.Closer
}

func open(name string) (*file, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".gz") {
		return &file{in, in}, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), in.Close())
	}
	return &file{unpacked, in}, nil
}

// Features cuts the columns into at most so many bins each, at quantiles of all rows.
func (f *Frame) Features(bins int) learn.Features {
	features := make(learn.Features, len(f.Columns))
	for i, column := range f.Columns {
		known := make([]fixed.Q16, 0, len(column))
		for _, v := range column {
			if !math.IsNaN(v) {
				known = append(known, Fixed(v))
			}
		}
		slices.Sort(known)
		features[i] = learn.Feature{Name: f.Names[i], Category: f.Categories[f.Names[i]]}
		if features[i].Category {
			features[i].Cuts = slices.Compact(known)
			continue
		}
		for k := 1; k < bins-1 && len(known) > 0; k++ {
			cut := known[len(known)*k/(bins-1)]
			if last := len(features[i].Cuts); cut > known[0] && (last == 0 || cut > features[i].Cuts[last-1]) {
				features[i].Cuts = append(features[i].Cuts, cut)
			}
		}
	}
	return features
}

// Table returns the rows in bins. The fold of a row is that of its number.
func (f *Frame) Table(features learn.Features, folds int) *Table {
	t := &Table{Rows: &learn.Rows{Bins: make([][]uint8, len(features))}, Targets: f.Targets}
	for i, column := range f.Columns {
		for _, v := range column {
			t.Rows.Bins[i] = append(t.Rows.Bins[i], features[i].Bin(Fixed(v)))
		}
	}
	for i, y := range f.Targets {
		t.Rows.Key = append(t.Rows.Key, uint64(i)*0x9E3779B97F4A7C15)
		t.Rows.Target = append(t.Rows.Target, Fixed(y))
		t.Rows.Fold = append(t.Rows.Fold, uint8(i%folds)) //nolint:gosec // At most 16.
	}
	return t
}
