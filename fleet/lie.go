package fleet

import (
	"comity/modeler/learn"
	"comity/node"
	"comity/party"
)

// Cheat makes parties of a consortium lie on purpose, to show who notices; see package
// cheat. All that it leaves out, and all of a nil one, is honest.
type Cheat struct {
	Hub *node.HubRehearsal
	// Charter returns the sealed charter that the hub founds the log with, in the place
	// of the one that every member's officers received.
	Charter func(sealed []byte) ([]byte, error)
	// Distort returns the vector that a member adds in the place of x.
	Distort func(id party.ID, step learn.Step, x []int64) []int64
	// Notice hears what an honest member found wrong, and at which duty.
	Notice func(id party.ID, duty string, err error)
}

func (c *Cheat) hub(sealed []byte) ([]byte, *node.HubRehearsal, error) {
	switch {
	case c == nil:
		return sealed, nil, nil
	case c.Charter == nil:
		return sealed, c.Hub, nil
	}
	other, err := c.Charter(sealed)
	return other, c.Hub, err
}

func (c *Cheat) distort(id party.ID) func(learn.Step, []int64) []int64 {
	if c == nil || c.Distort == nil {
		return nil
	}
	return func(step learn.Step, x []int64) []int64 { return c.Distort(id, step, x) }
}

func (c *Cheat) notice(id party.ID) func(string, error) {
	if c == nil || c.Notice == nil {
		return nil
	}
	return func(duty string, err error) { c.Notice(id, duty, err) }
}
