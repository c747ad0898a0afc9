package console

import (
	"encoding/json"
	"fmt"
	"strings"

	"comity/party"
)

// worldMap is the drawing that console/web/map.mjs makes: shapes in halves of a unit,
// dots in units, both from the upper left corner.
type worldMap struct {
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Places []mapPlace `json:"places"`
	byID   map[party.ID]int
}

// mapPlace is one shape, one dot, or both; ID is its ISO 3166-1 alpha-2 code, empty for
// land that has none.
type mapPlace struct {
	ID    party.ID `json:"id"`
	Shape string   `json:"d"`
	Dot   []int    `json:"at"`
}

func loadMap() (*worldMap, error) {
	data, err := files.ReadFile("web/dist/map.json")
	if err != nil {
		return nil, fmt.Errorf("%w; run make build", err)
	}
	m := &worldMap{byID: map[party.ID]int{}}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("web/dist/map.json: %w", err)
	}
	for i, p := range m.Places {
		if p.ID != "" {
			m.byID[p.ID] = i
		}
	}
	return m, nil
}

// has tells whether all places are on the map.
func (m *worldMap) has(places []party.ID) bool {
	for _, id := range places {
		if _, ok := m.byID[id]; !ok {
			return false
		}
	}
	return len(places) > 0
}

// land is one path of all shapes of other places, and dots the small ones.
func (m *worldMap) land(members map[party.ID]bool) (path string, dots [][]int) {
	var b strings.Builder
	for _, p := range m.Places {
		if members[p.ID] {
			continue
		}
		if p.Shape == "" {
			dots = append(dots, p.Dot)
			continue
		}
		// Every shape begins with a step from the origin; an absolute move returns there.
		b.WriteString("M0 0" + p.Shape)
	}
	return b.String(), dots
}
