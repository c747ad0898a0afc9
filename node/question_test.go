package node

import (
	"bytes"
	"testing"

	"comity"
	"comity/verifier/federation"
)

// TestAQuestionIsOverForMembers moves the time past the last phase, after which nothing that a
// member says is admitted, whatever the hub still makes of it.
func TestAQuestionIsOverForMembers(t *testing.T) {
	asked := federation.Round{}
	open := federation.Round{Open: &comity.Open{JoinBy: 10, UnmaskBy: 60}, Survivors: &comity.Survivors{}}
	answered := open
	answered.Result = &comity.Result{}
	for name, c := range map[string]struct {
		round federation.Round
		now   int
		want  bool
	}{
		"asked": {asked, 100, false}, "in time": {open, 59, false}, "too late": {open, 60, true}, "answered": {answered, 20, true},
	} {
		if got := over(federation.Board{Round: c.round, Now: c.now}); got != c.want {
			t.Errorf("%s: over is %t, want %t", name, got, c.want)
		}
	}
}

func FuzzParseLetter(f *testing.F) {
	f.Add(letterBytes("2026-11-18/ages", federation.Letter{Kind: federation.Bundle, Data: []byte{1, 2}}))
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		round, l, err := parseLetter(data)
		if err != nil {
			return
		}
		if again := letterBytes(round, l); !bytes.Equal(again, data) {
			t.Fatalf("%x is read as a letter that is written %x", data, again)
		}
	})
}
