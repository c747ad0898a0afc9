package console

import (
	"bytes"
	"net/http"
	"time"

	"comity/canon"
)

// statusLine stands on every page: what goes on, how long the log is, and when the
// witnesses last looked at it.
type statusLine struct {
	Phase       string
	Done, Total int
	Size        int
	Cosigned    int
	Needed      int
	Age         string // Empty before the first checkpoint.
	Trouble     string // The checkpoint does not check.
	Online, All int
	Failures    []Failure
}

func (q *request) statusLine() statusLine {
	c := q.book.Checkpoint(q.cfg.Log)
	line := statusLine{
		Phase: q.now.Phase, Done: q.now.Done, Total: q.now.Total, Size: q.book.View.Size,
		Cosigned: c.Cosigned, Needed: q.book.Charter.Transparency.Witnesses.Threshold, Trouble: c.Trouble,
		Online: len(q.now.Connected), All: len(q.book.Contributors()), Failures: q.now.Failures,
	}
	if c.Newest > 0 {
		line.Age = q.words.age(q.at.Sub(time.Unix(c.Newest, 0)))
	}
	return line
}

// status serves the status line alone, for the script that keeps it fresh.
func (s *server) status(w http.ResponseWriter, r *http.Request) {
	q := s.request(r, pages()[0])
	var out bytes.Buffer
	if err := q.templates.ExecuteTemplate(&out, "status", q.frame()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, r, "text/html; charset=utf-8", out.Bytes(), nil)
}

// statusDocument is what goes on, for programs.
func (s *server) statusDocument(w http.ResponseWriter, r *http.Request) {
	q := s.request(r, pages()[0])
	writeJSON(w, r, struct {
		Now
		Title   string       `json:"title"`
		Label   string       `json:"label,omitempty"`
		Body    string       `json:"body"`
		Charter canon.Digest `json:"charter"`
		Words   string       `json:"words"`
		Size    int          `json:"log_size"`
		Decided []string     `json:"decided"`
	}{
		q.now, q.cfg.Title, q.cfg.Label, q.book.View.Body, q.book.View.Charter, q.book.View.Charter.Words(),
		q.book.View.Size, q.book.Decided(),
	})
}
