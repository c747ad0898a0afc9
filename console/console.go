// Package console shows a consortium to people: who is in danger and how sure that is,
// who gets what and why, whether it is true, and who takes part. Pages are drawn on the
// server and complete without scripts; numbers come from package account, words from
// one catalogue file per language.
//
// Nothing it serves is secret: the log, its blobs and the receipts are what every party
// holds. It sets no cookie, asks for no account and loads nothing from elsewhere.
package console

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"time"

	"comity/allocator/solve"
	"comity/body"
	"comity/console/account"
	"comity/party"
)

// Config says what to show. All numbers come from the log's state; Now adds what a log
// cannot know.
type Config struct {
	// Look runs a function on the state while it cannot move; node.Hub.Look does.
	Look func(func(*body.State))
	Now  func() Now

	Title  string // "Respiratory vaccine pool".
	Label  string // "SYNTHETIC", or empty where rows were observed; stands beside every number.
	Source string // Where the rows come from, in one sentence.

	Log      string // Folder of tiles and blobs.
	Receipts string // Folder.
	Charter  string // File of the sealed charter.

	// Solver divides again when somebody asks what if; nil leaves the question out.
	Solver solve.Solver

	Clock func() time.Time // Required.
}

// Now is what goes on in the process that serves the pages.
type Now struct {
	Phase     string     `json:"phase"` // In words; empty between steps.
	Done      int        `json:"done"`  // Of Total, when Total is known.
	Total     int        `json:"total"`
	Connected []party.ID `json:"connected"`
	Failures  []Failure  `json:"failures"`
	Summary   []string   `json:"summary"`  // What was shared, gained and checked, in sentences.
	Commands  []string   `json:"commands"` // What anybody on this machine can type to check.
	Score     *Score     `json:"score,omitempty"`
	Rehearsal *Rehearsal `json:"rehearsal,omitempty"`
}

// Score says how forecasts of earlier weeks stood up to what was reported later. Only who
// knows all rows can tell: rows that are simulated or public.
type Score struct {
	Weeks    int `json:"weeks"`     // Earlier decisions of which something can be scored.
	Scored   int `json:"forecasts"` // One place, target and date each.
	Within50 int `json:"within_50"` // Of them, truths inside the middle 50 %.
	Within90 int `json:"within_90"`
}

// Rehearsal is a lie that was told on purpose, and what became of it.
type Rehearsal struct {
	Title     string     `json:"title"`
	Tried     string     `json:"tried"` // One sentence, as the others.
	Caught    bool       `json:"caught"`
	By        string     `json:"by"` // Who noticed, in words.
	Noticed   []party.ID `json:"noticed"`
	Check     string     `json:"check"`   // What refused it.
	Refusal   string     `json:"refusal"` // The words of the check.
	WouldHave string     `json:"would_have"`
}

// Failure is something that a party reported as wrong.
type Failure struct {
	Party party.ID `json:"party"`
	Text  string   `json:"text"`
}

// server holds what all pages need.
type server struct {
	cfg    Config
	themes map[string]*theme // By language.
	assets assets
	world  *worldMap
	whatIf *whatIf
}

// New returns the handler of the console.
func New(cfg Config) (http.Handler, error) {
	if cfg.Clock == nil {
		return nil, errors.New("console: no clock")
	}
	s := &server{cfg: cfg}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if s.world, err = loadMap(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if s.themes, err = loadThemes(s.assets); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if cfg.Solver != nil {
		s.whatIf = newWhatIf(cfg.Solver)
	}
	mux := http.NewServeMux()
	for _, p := range pages() {
		mux.HandleFunc("GET "+p.path, s.page(p))
		mux.HandleFunc("GET /"+p.name+".json", s.document(p))
		if p.table != nil {
			mux.HandleFunc("GET /"+p.name+".csv", s.table(p))
		}
	}
	mux.HandleFunc("GET /what-if", s.whatIfAnswer)
	mux.HandleFunc("GET /what-if.json", s.whatIfDocument)
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("GET /status.json", s.statusDocument)
	mux.Handle("GET /static/", s.assets)
	mux.HandleFunc("GET /verifier.html", s.verifier)
	mux.HandleFunc("GET /charter.json", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, cfg.Charter) })
	mux.HandleFunc("GET /receipts/{name}", s.receipt)
	mux.Handle("GET /log/", http.StripPrefix("/log/", logFiles(cfg.Log)))
	return secure(mux), nil
}

// book is the log's state as it is now.
func (s *server) book() account.Book {
	return account.Open(s.cfg.Look, account.Blobs(filepath.Join(s.cfg.Log, "blob")))
}

// receipt serves one file of the receipts that exist.
func (s *server) receipt(w http.ResponseWriter, r *http.Request) {
	files, err := account.Receipts(s.cfg.Receipts)
	if err != nil {
		http.Error(w, "receipts cannot be listed", http.StatusInternalServerError)
		return
	}
	for _, f := range files {
		if f.File == r.PathValue("name") {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", `attachment; filename="`+f.File+`"`)
			http.ServeFile(w, r, filepath.Join(s.cfg.Receipts, f.File))
			return
		}
	}
	http.NotFound(w, r)
}

// verifier serves the verifier as one file to keep. It is sent as a download because its
// script stands inside it, which pages of this server may not have.
func (s *server) verifier(w http.ResponseWriter, r *http.Request) {
	data, err := files.ReadFile("web/dist/verifier.html")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="verifier.html"`)
	send(w, r, "text/html; charset=utf-8", data, nil)
}

// logFiles serves what C2SP tlog-tiles names, and the blobs, and no other file.
func logFiles(folder string) http.Handler {
	serve := http.FileServer(http.Dir(folder))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		public := name == "checkpoint" || strings.HasPrefix(name, "tile/") || strings.HasPrefix(name, "blob/")
		// A name that path.Clean changes, such as tile/../x, is of another file than it says.
		if !public || name != path.Clean(name) || strings.Contains(name, "/.") {
			http.NotFound(w, r)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// secure lets a page load nothing from elsewhere and run nothing that stands in it, and
// keeps other sites from framing it.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Server returns a server with limits for pages that anybody on the machine may open.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
}
