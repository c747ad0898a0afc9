package fleet

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/node"
	"comity/party"
)

// line is a telephone line between a member and the hub that a test can cut.
type line struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, to: to}
	t.Cleanup(func() {
		l.setCut(true)
		_ = listener.Close()
	})
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			l.carry(from)
		}
	}()
	return l
}

func (l *line) carry(from net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to, err := net.Dial("tcp", l.to)
	if l.cut || err != nil {
		_ = from.Close()
		return
	}
	l.conns = append(l.conns, from, to)
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, err := io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
			if err != nil && !errors.Is(err, net.ErrClosed) {
				_ = pair[1].Close()
			}
		}()
	}
}

// setCut ends what is being said and keeps the line dead, or lets it work again.
func (l *line) setCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}

func TestAConnectionThatIsCutAndHealedChangesNothing(t *testing.T) {
	t.Parallel()
	s := small(t, 5)
	lines := map[party.ID]*line{}
	var mu sync.Mutex
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 20 * time.Second,
		Through: func(id party.ID, address string) string {
			mu.Lock()
			defer mu.Unlock()
			lines[id] = newLine(t, address)
			return lines[id].listener.Addr().String()
		},
		Progress: func(e node.Event) {
			if e.Phase != "train" || e.Done != 10 && e.Done != 40 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i, m := range s.Members {
				if i%2 == e.Done/40 { // Some at the tenth sum, the others at the fortieth.
					cut := lines[m.ID]
					cut.setCut(true)
					time.AfterFunc(1500*time.Millisecond, func() { cut.setCut(false) })
				}
			}
		},
	})
	w := decide(t, f, 0)
	verifies(t, f, w)
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			if len(r.Cohorts) != 1 {
				t.Errorf("members were dropped although they were back in time: %v", r.Cohorts)
			}
		}
	})
}

func TestAMemberThatComesLateTakesPart(t *testing.T) {
	t.Parallel()
	s := small(t, 6)
	late := s.Members[4].ID
	var l *line
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 4 * time.Second,
		Through: func(id party.ID, address string) string {
			if id != late {
				return address
			}
			l = newLine(t, address)
			return l.listener.Addr().String()
		},
	})
	l.setCut(true) // After founding it is away for the first week.
	first := decide(t, f, 0)
	verifies(t, f, first)
	if !slices.Contains(first.Frozen.Absent, late) {
		t.Errorf("%s was away and is not absent: %v", late, first.Frozen.Absent)
	}
	l.setCut(false)
	second := decide(t, f, 1)
	verifies(t, f, second)
	if slices.Contains(second.Frozen.Absent, late) {
		t.Errorf("%s is back and still absent", late)
	}
}
