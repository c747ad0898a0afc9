package fleet

import (
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/node"
	"comity/party"
)

// slowLine carries so many bytes a second each way and delays each by half a round trip.
type slowLine struct {
	rate  int
	delay time.Duration
}

// open returns an address at which another one is reached over the line.
func (s slowLine) open(t *testing.T, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	done := make(chan struct{})
	carrying.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			carrying.Go(func() { s.carry(near, far, done) })
			carrying.Go(func() { s.carry(far, near, done) })
		}
	})
	t.Cleanup(func() {
		close(done)
		_ = listener.Close()
		carrying.Wait()
	})
	return listener.Addr().String()
}

// carry moves bytes one way. What is on the way is bounded, so that senders feel the line.
func (s slowLine) carry(from, to net.Conn, done chan struct{}) {
	type packet struct {
		data []byte
		due  time.Time
	}
	const size, queue = 1400, 45 // 64 kB in the routers on the way.
	line := make(chan packet, queue)
	var both sync.WaitGroup
	both.Go(func() {
		defer to.Close()
		for p := range line {
			select {
			case <-time.After(time.Until(p.due)):
			case <-done:
			}
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close()
			}
		}
	})
	free := time.Now()
	for {
		data := make([]byte, size)
		n, err := from.Read(data)
		if n > 0 {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(s.rate))
			line <- packet{data[:n], free.Add(s.delay)}
			// The line takes the next packet when this one has left.
			select {
			case <-time.After(time.Until(free)):
			case <-done:
				_ = from.Close()
			}
		}
		if err != nil {
			break
		}
	}
	close(line)
	both.Wait()
}

// TestASlowLineFinishesATraining has one member on a line that needs longer for a sum
// than the charter gives somebody who is silent. COMITY_LINE_KBIT and COMITY_LINE_MS set
// rate and round trip (make soak: 400 and 300).
func TestASlowLineFinishesATraining(t *testing.T) {
	t.Parallel()
	number := func(name string, otherwise int) int {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	kbit, ms := number("COMITY_LINE_KBIT", 16_000), number("COMITY_LINE_MS", 10)
	line := slowLine{rate: kbit * 1000 / 8, delay: time.Duration(ms) * time.Millisecond / 2}
	s := small(t, 5)
	slow := s.Members[1].ID
	began := time.Now()
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 10 * time.Minute, StepSeconds: 1,
		Through: func(id party.ID, address string) string {
			if id != slow {
				return address
			}
			return line.open(t, address)
		},
		Progress: func(e node.Event) {
			if e.Phase == "train" && e.Done%20 == 0 {
				t.Logf("%s: %d of %d sums", time.Since(began).Round(time.Second), e.Done, e.Total)
			}
		},
	})
	began = time.Now()
	w := decide(t, f, 0)
	verifies(t, f, w)
	t.Logf("one of 5 members on %d kbit/s and %d ms: %d sums, %d bytes sent by each, decided in %s", kbit, ms, w.Steps, w.Sent, time.Since(began).Round(time.Second))
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			if len(r.Cohorts) != 1 {
				t.Errorf("the slow member was dropped: %v", r.Cohorts)
			}
		}
	})
	if len(w.Frozen.Absent) != 0 || w.Checks != 5 {
		t.Errorf("absent %v, %d of 5 checked", w.Frozen.Absent, w.Checks)
	}
}
