package fleet

import (
	"fmt"
	"path/filepath"
	"strconv"

	"comity"
	"comity/canon"
	"comity/node"
)

// declaresFile holds the plain numbers that a member declares each week.
func declaresFile(home node.Home) string { return filepath.Join(string(home), "declares.json") }

// Declares returns the numbers that a home's owner declares, by name. Errors: ErrHome.
func Declares(home node.Home) (map[string]canon.Int, error) {
	var all map[string]canon.Int
	return all, loadJSON(declaresFile(home), &all)
}

// declares is what a member says under a clause: the numbers of its file, and what it
// received as its own copy of the log says.
func declares(home node.Home, periods int) func(comity.DataClause, string, int64) (map[string]canon.Int, error) {
	return func(c comity.DataClause, _ string, received int64) (map[string]canon.Int, error) {
		own, err := Declares(home)
		if err != nil {
			return nil, err
		}
		out := map[string]canon.Int{}
		for _, name := range c.Values {
			keys := []string{name}
			if c.ByPeriod {
				keys = nil
				for t := range periods {
					keys = append(keys, name+"/"+strconv.Itoa(t+1))
				}
			}
			for _, key := range keys {
				v, ok := own[key]
				if name == "received" {
					v, ok = canon.Int(received), true
				}
				if !ok {
					return nil, fmt.Errorf("%s:1:1: %w: no number for %q, which clause %s asks for; add it", declaresFile(home), ErrHome, key, c.ID)
				}
				out[key] = v
			}
		}
		return out, nil
	}
}
