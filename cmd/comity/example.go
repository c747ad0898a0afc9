package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"comity/fleet"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/node"
	"comity/pack"
)

// exampleData is the JSON form of a written example.
type exampleData struct {
	Folder string `json:"folder"`
	Run    string `json:"run"`
}

// writeExample writes an example of a folder for --data.
func (c *upCommand) writeExample(t *terminal) error {
	if err := own.Write(c.Example); errors.Is(err, own.ErrOccupied) {
		return usageError{err}
	} else if err != nil {
		return err
	}
	run := command("up", "--data", c.Example)
	return t.result("example", exampleData{Folder: c.Example, Run: run},
		"Wrote an example of your own data to "+c.Example+": read scenario.yaml and charter.yaml there,\n"+
			"put your own numbers into members/, and run it with\n  "+run+"\n")
}

// sameRules refuses to go on in a home under other rules than the folder's: those in force
// cannot be changed by editing a file.
func (c *upCommand) sameRules(h node.Home, s pack.Scenario) error {
	if c.Data == "" || !own.Is(c.Data) {
		return nil
	}
	sealed, err := os.ReadFile(h.Charter())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	founded, _, err := charter.Open(sealed)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", h.Charter(), fleet.ErrHome, err)
	}
	if err := own.SameRules(founded, s); err != nil {
		return fmt.Errorf("%s: %w: %w; take the change back, or found anew with another --home", h, fleet.ErrHome, err)
	}
	return nil
}
