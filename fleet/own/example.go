package own

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"comity/chance"
)

// documents are the two documents of the example.
//
//go:embed example/scenario.yaml example/charter.yaml
var documents embed.FS

// ErrOccupied says that a folder holds something already.
var ErrOccupied = fmt.Errorf("%w: folder is not empty", fs.ErrExist)

// Write makes an example of an own folder: eight invented members with four years of
// weekly numbers. It never overwrites: a folder with anything in it is ErrOccupied. If
// it fails it leaves no part of the example behind.
func Write(folder string) (err error) {
	entries, err := os.ReadDir(folder)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("write the example to %s: %w; it has %d entries; give a new or an empty folder", folder, ErrOccupied, len(entries))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write the example: %w", err)
	}
	made := err != nil
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the example: %w", err), takeBack(folder, made))
		}
	}()
	if err := os.MkdirAll(filepath.Join(folder, "members"), 0o750); err != nil {
		return err
	}
	files := generate()
	for _, name := range []string{ScenarioFile, CharterFile} {
		if files[name], err = documents.ReadFile("example/" + name); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// takeBack removes what Write wrote.
func takeBack(folder string, made bool) error {
	if made {
		return os.RemoveAll(folder)
	}
	return errors.Join(os.RemoveAll(filepath.Join(folder, "members")), remove(folder, ScenarioFile), remove(folder, CharterFile))
}

func remove(folder, name string) error {
	if err := os.Remove(filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// The calendar of the example.
const (
	exampleWeeks = 208
	exampleEnd   = "2026-11-08" // A Sunday, so that the first decision is that of 2026-11-18.
)

// generate makes the members' files: a wave each rainy season that travels from district
// to district, higher in some years, with reporting noise and now and then a week that is
// missing. Integers only, so that the files are the same on every machine.
func generate() map[string][]byte {
	end, err := time.Parse(time.DateOnly, exampleEnd)
	if err != nil {
		panic(err) // The constant above is a date.
	}
	seed := chance.Derive(chance.Seed{}, "comity/own/example@1")
	years := chance.NewStream(chance.Derive(seed, "years"))
	const whole = 1024
	var height, shift [6]int64 // By season: how high, and how many weeks later than usual.
	for i := range height {
		height[i], shift[i] = int64(whole/2+years.IntN(whole)), int64(years.IntN(9))-4
	}
	files := map[string][]byte{}
	for i, id := range strings.Split("XA XB XC XD XE XF XG XH", " ") {
		own := chance.NewStream(chance.Derive(seed, "member", id))
		level := int64(200 + own.IntN(600)) // Tenths of a case per 100,000 in a quiet week.
		drift := int64(0)
		var b strings.Builder
		b.WriteString("date,value\n")
		for week := range int64(exampleWeeks) {
			since := week + 26 - 43 - 2*int64(i) // From half a year before the usual peak of the first season on.
			season := (since + 52) / 52
			drift = drift*7/8 + int64(own.IntN(129)) - 64
			value := level * (whole + drift + hill((since+52)%52-26-shift[season])*height[season]/whole*4) / whole
			value = value * int64(whole*15/16+own.IntN(whole/8)) / whole
			date := end.AddDate(0, 0, -7*(exampleWeeks-1-int(week))).Format(time.DateOnly)
			if week < exampleWeeks-8 && own.IntN(60) == 0 {
				continue // Nobody reported.
			}
			fmt.Fprintf(&b, "%s,%d.%d\n", date, max(value, 0)/10, max(value, 0)%10)
		}
		files[filepath.Join("members", id+".csv")] = []byte(b.String())
	}
	return files
}

// hill is a wave of 17 weeks around 0, up to 1024: (1 - (x/9)^2)^2.
func hill(x int64) int64 {
	if x < -8 || x > 8 {
		return 0
	}
	part := 1024 - x*x*1024/81
	return part * part / 1024
}
