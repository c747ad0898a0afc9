package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/allocator/linear"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/packs/health/campaign"
	"comity/party"
	"comity/quantity"
)

type healthAllocateCommand struct {
	Data     string `required:"" placeholder:"DIR" help:"Folder with population_by_age.csv, severity_by_age.csv, countries.csv and vaccinations_weekly*.csv; .gz is fine."`
	Supply   string `required:"" placeholder:"SHARE" help:"Courses, as a share of all people: 0.03 or 3/100."`
	Strategy string `required:"" placeholder:"NAME" help:"PROP, OBS (as doses were given), OPT (fewest deaths), OPT2F (a health worker counts twice) or FLOOR3 (3 % of each country first)."`
}

// healthAllocateData is the JSON form of a campaign's division.
type healthAllocateData struct {
	Strategy campaign.Strategy            `json:"strategy"`
	Supply   string                       `json:"supply_courses"`
	Used     string                       `json:"courses_used"`
	Deaths   string                       `json:"deaths_averted"` // Exact.
	Workers  string                       `json:"hw_courses"`
	Served   int                          `json:"countries_served"`
	Gap      string                       `json:"gap"` // Certified, of the strategy's own aim.
	Doses    map[party.ID]quantity.Amount `json:"doses"`
	Seconds  string                       `json:"seconds"`
}

// Run divides a stock of courses by one strategy.
func (c *healthAllocateCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	share, err := exact.Parse(c.Supply)
	if err != nil || share.Sign() < 0 {
		return usageError{fmt.Errorf("--supply %q: give a share of all people from 0, as 0.03 or 3/100", c.Supply)}
	}
	facts, err := readCampaign(c.Data)
	if err != nil {
		return err
	}
	supply := facts.Supply(share)
	p, err := facts.Problem(campaign.Strategy(c.Strategy), supply)
	if errors.Is(err, campaign.ErrStrategy) {
		return usageError{err}
	} else if err != nil {
		return fmt.Errorf("%s: %w", c.Data, err)
	}
	var result solve.Result
	if err := withEngine(ctx, highs.Config{}, func(engine *highs.Engine) error {
		// A comparison has no beacon; the lot decides only between countries alike in every number.
		result, err = solve.Allocate(ctx, p, engine, canon.Sum([]byte(c.Strategy)))
		return err
	}); err != nil {
		return err
	}
	effect, err := facts.Effect(p, result.Units)
	if err != nil {
		return err
	}
	deaths := linear.NewRatio(effect.Deaths.Big())
	d := healthAllocateData{
		Strategy: campaign.Strategy(c.Strategy), Supply: strconv.FormatInt(supply, 10), Used: strconv.FormatInt(effect.Courses, 10),
		Deaths: exactly(&deaths), Workers: strconv.FormatInt(effect.Workers, 10), Served: effect.Served,
		Gap: result.Certificate.Stages[0].Gap.String(), Doses: map[party.ID]quantity.Amount{},
		Seconds: strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64),
	}
	for _, s := range result.Parties {
		d.Doses[s.Party] = s.Amount
	}
	averted := effect.Deaths.Floor().Int64()
	text := fmt.Sprintf("%s of %s courses in %s avert %s deaths (direct effect); %s of them go to health workers.\nCertified gap %s: nothing feasible is better by more.\n",
		grouped(effect.Courses), grouped(supply), count(effect.Served, "country"), grouped(averted), grouped(effect.Workers), d.Gap)
	return t.result("health-allocate", d, text)
}

// readCampaign reads the four tables of a folder.
func readCampaign(dir string) (f campaign.Facts, err error) {
	f.Terms = campaign.Usual()
	for _, table := range []struct {
		name string
		read func(name string, in io.Reader) error
	}{
		{"population_by_age", func(name string, in io.Reader) (err error) {
			f.Countries, f.Bands, err = csv.ReadPopulation(name, in)
			return err
		}},
		{"severity_by_age", func(name string, in io.Reader) error { return csv.ReadFatality(name, in, f.Bands) }},
		{"countries", func(name string, in io.Reader) error { return csv.ReadHealthWorkers(name, in, f.Countries) }},
		{"vaccinations_weekly", func(name string, in io.Reader) (err error) {
			f.AllDoses, err = csv.ReadDosesGiven(name, in, f.Countries)
			return err
		}},
	} {
		file, err := onlyFile(dir, table.name)
		if err == nil {
			err = readFrom(file, table.read)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// onlyFile finds the one table of a folder whose name starts so.
func onlyFile(dir, name string) (string, error) {
	var found []string
	for _, end := range []string{"*.csv", "*.csv.gz"} {
		files, err := filepath.Glob(filepath.Join(dir, name+end))
		if err != nil {
			return "", usageError{fmt.Errorf("--data %s: %w", dir, err)}
		}
		found = append(found, files...)
	}
	if len(found) != 1 {
		return "", usageError{fmt.Errorf("%s has %d files %s*.csv (%s); one is needed", dir, len(found), name, strings.Join(found, ", "))}
	}
	return found[0], nil
}
