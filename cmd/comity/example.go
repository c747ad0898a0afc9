package main

import (
	"errors"

	"comity/fleet/own"
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
