package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"comity/durable"
	"comity/fleet"
	"comity/node"
	"comity/pack"
)

// source says what a home was founded on, so that later commands need not be told again.
type source struct {
	Scenario string `json:"scenario"`
	Data     string `json:"data"`   // Folder of observed rows, absolute; empty for a synthetic world.
	Origin   string `json:"origin"` // Of the first week; empty for a synthetic world.
}

// sourceName is the file of a home that holds its source.
const sourceName = "source.json"

func (s source) save(home node.Home) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(home), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(string(home), sourceName), append(data, '\n'))
}

// loadSource reads the source of a home. Errors: fs.ErrNotExist, fleet.ErrHome.
func loadSource(home node.Home) (s source, err error) {
	file := filepath.Join(string(home), sourceName)
	data, err := readBounded(file, maxSource)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s:1:1: %w: %w; name the data again with comity up --home %s --data DIR", file, fleet.ErrHome, err, quoted(string(home)))
	}
	return s, nil
}

// maxSource bounds a source file in bytes: one path and two short words.
const maxSource = 1 << 16

// source is what a run of this command line is founded on.
func (c *upCommand) source(s pack.Scenario) (source, error) {
	if c.Data == "" {
		return source{Scenario: c.Scenario}, nil
	}
	data, err := filepath.Abs(c.Data)
	return source{Scenario: c.Scenario, Data: data, Origin: s.Start}, err
}

// recall completes a command line that resumes a home with what the home was founded on.
// What was typed wins, but the first week stays what it was.
func (c *upCommand) recall() error {
	if c.Home == "" {
		return nil
	}
	from, err := loadSource(node.Home(c.Home))
	if errors.Is(err, fs.ErrNotExist) || c.Data != "" && errors.Is(err, fleet.ErrHome) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Data == "" {
		c.Data = from.Data
		if c.Scenario == defaultScenario {
			c.Scenario = from.Scenario
		}
	}
	if c.Data != "" && c.Origin == "" {
		c.Origin = from.Origin
	}
	return nil
}

// scenarioBelow returns the scenario of a home that a member is the hub of.
func scenarioBelow(home node.Home) (pack.Scenario, error) {
	up := &upCommand{Scenario: defaultScenario, Home: string(home), Weeks: 1}
	if err := up.recall(); err != nil {
		return pack.Scenario{}, err
	}
	return up.scenario()
}

// founded refuses a home in which nothing was founded.
func founded(home node.Home) error {
	_, err := os.Stat(home.Charter())
	if errors.Is(err, fs.ErrNotExist) && fleet.Drafted(home) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w: nothing was founded in it; found first: %s", home, fleet.ErrHome, command("init", "--home", string(home)))
	}
	return err
}
