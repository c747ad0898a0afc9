package template

import (
	"slices"

	"comity/pack"
)

// parties returns the invented members of a template, and who runs its log.
func parties(name string) (members []pack.FoundingParty, operator pack.FoundingParty) {
	switch name {
	case "vaccines":
		return list("state", "COAST", "Coast", "HIGHLANDS", "Highlands", "ISLANDS", "Islands", "PLAINS", "Plains", "RIVER", "River Valley"),
			runner("POOL", "Vaccine pool")
	case "grid":
		return list("operator", "EAST", "Eastern zone", "NORTH", "Northern zone", "SOUTH", "Southern zone", "WEST", "Western zone"),
			runner("COORDINATOR", "Coordination centre")
	case "emissions":
		return list("state", "ALPHA", "Alpha", "BETA", "Beta", "DELTA", "Delta", "GAMMA", "Gamma", "OMEGA", "Omega"),
			runner("REGISTRY", "Registry")
	default:
		return list("state", "CENTRE", "Central region", "EAST", "Eastern region", "NORTH", "Northern region", "SOUTH", "Southern region", "WEST", "Western region"),
			runner("DEPOT", "Depot")
	}
}

// list makes members of one kind from ids, each with its name behind it.
func list(kind string, idsAndNames ...string) []pack.FoundingParty {
	var members []pack.FoundingParty
	for pair := range slices.Chunk(idsAndNames, 2) {
		members = append(members, pack.FoundingParty{ID: pair[0], Kind: kind, Name: pair[1], Weight: "1"})
	}
	return members
}

// runner is a party that has no say: it runs the log and declares what there is.
func runner(id, name string) pack.FoundingParty {
	return pack.FoundingParty{ID: id, Kind: "agency", Name: name, Weight: "0"}
}

// lines are those of the grid, each in both directions.
func lines() []line {
	var all []line
	for _, l := range []line{
		{"east_south", "EAST", "SOUTH", "east_south"},
		{"north_east", "NORTH", "EAST", "north_east"},
		{"north_west", "NORTH", "WEST", "north_west"},
		{"south_west", "SOUTH", "WEST", "south_west"},
	} {
		all = append(all, line{l.Name + "_out", l.From, l.To, l.Capacity}, line{l.Name + "_back", l.To, l.From, l.Capacity})
	}
	return all
}
