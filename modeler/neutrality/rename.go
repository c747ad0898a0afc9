package neutrality

import (
	"bytes"
	"fmt"
	"slices"

	"comity/canon"
)

// Renaming is the test whether a name can matter.
type Renaming struct {
	Same    bool
	Digest  canon.Digest   // Of the model as parties are called.
	Changed []canon.Digest // Under other names, one for each permutation tried.
	// Names are the permutations: Names[k][i] is what party i was called in trial k.
	Names [][]string
}

// Rename trains as parties are called and then again under other names: each party gets
// those of the next ones, one after another, and then all in reverse. With up to four parties
// every party so has every name once; with more, three of the turns are tried. train gives party i the name
// names[i] wherever it appears, in the rows, in their order and in the protocol, and returns
// the model's bytes without names. A model in which a name is a feature, decides a tie,
// orders a sum or draws a lot differs.
func Rename(parties []string, train func(names []string) ([]byte, error)) (Renaming, error) {
	if len(parties) < 2 {
		return Renaming{}, fmt.Errorf("%w: %d parties; renaming needs two", ErrInput, len(parties))
	}
	first, err := train(slices.Clone(parties))
	if err != nil {
		return Renaming{}, fmt.Errorf("%w: as parties are called: %w", ErrTrain, err)
	}
	r := Renaming{Same: true, Digest: canon.Sum(first)}
	for _, names := range permutations(parties) {
		again, err := train(slices.Clone(names))
		if err != nil {
			return r, fmt.Errorf("%w: under the names %v: %w", ErrTrain, names, err)
		}
		r.Same = r.Same && bytes.Equal(first, again)
		r.Changed, r.Names = append(r.Changed, canon.Sum(again)), append(r.Names, names)
	}
	return r, nil
}

// turns bounds how often the names are passed on.
const turns = 3

func permutations(parties []string) [][]string {
	n := len(parties)
	var all [][]string
	for k := 1; k <= min(n-1, turns); k++ {
		by := k
		if n-1 > turns {
			by = 1 + (k-1)*(n-1)/turns
		}
		all = append(all, slices.Concat(parties[by:], parties[:by]))
	}
	reversed := slices.Clone(parties)
	slices.Reverse(reversed)
	return append(all, reversed)
}
