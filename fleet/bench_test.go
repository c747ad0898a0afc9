package fleet

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"comity"
	"comity/node"
	"comity/packs/health"
	"comity/verifier/federation"
)

// cpu is the processor time of this process in seconds: other work on the machine changes
// wall time, but hardly this.
func cpu(b *testing.B) float64 {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// BenchmarkQuestion is a question from asking to the verified answer: the hub, its log and
// all members with their witnesses, folders and TLS connections in one process. The first
// question of a period exchanges keys too, the second does not. With five members it is
// mostly waiting, with thirty mostly checking.
func BenchmarkQuestion(b *testing.B) {
	for _, members := range []int{5, 30} {
		b.Run(fmt.Sprintf("%d-members", members), func(b *testing.B) {
			names := []string{"first", "second"}
			var wall, used [2]float64
			for b.Loop() {
				b.StopTimer()
				f := start(b, Config{Home: node.Home(b.TempDir()), Scenario: small(b, members)})
				b.StartTimer()
				for i, name := range names {
					began, before := time.Now(), cpu(b)
					f.answers(b, byAge(name), members)
					wall[i] += time.Since(began).Seconds()
					used[i] += cpu(b) - before
				}
				b.StopTimer()
				if err := f.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			for i, name := range names {
				b.ReportMetric(wall[i]/float64(b.N), "s-"+name)
				b.ReportMetric(used[i]/float64(b.N), "cpu-s-"+name)
			}
		})
	}
}

// answers asks a question and requires that everybody's numbers are in the answer.
func (f *Fleet) answers(b *testing.B, q comity.Question, members int) {
	b.Helper()
	q, err := node.Terms(f.hub.Charter(), q, health.Visits())
	if err != nil {
		b.Fatal(err)
	}
	board, _, err := f.Ask(b.Context(), q, health.Visits())
	if err != nil || board.Phase() != federation.Answered || len(board.Survivors.Members) != members {
		b.Fatalf("%s, survivors %v, %v", board.Phase(), board.Survivors, err)
	}
}

// BenchmarkLevels is a question of 27 hospitals, three levels deep and in one flat body.
func BenchmarkLevels(b *testing.B) {
	world := wardTier()
	top := node.Home(b.TempDir())
	leaves := world.raise(b, top, "W", 3, 3, 3)
	for _, body := range []struct {
		name string
		*Fleet
	}{
		{"three-deep", world.start(b, Config{Home: top})},
		{"flat", start(b, Config{Home: node.Home(b.TempDir()), Scenario: wardsOf(b, "flat", leaves)})},
	} {
		b.Run(body.name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				q := meanBeds()
				q.Round += "-" + strconv.Itoa(n)
				if _, _, err := ask(b, body.Fleet, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
