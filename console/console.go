// Package console shows a consortium to people: one plain page that works without
// scripts, the receipts, and the log's own files for whoever wants to check.
package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var files embed.FS

// Status is what the page shows.
type Status struct {
	Title     string   `json:"title"`
	Label     string   `json:"label"` // "SYNTHETIC" or empty.
	Source    string   `json:"source"`
	Body      string   `json:"body"`
	Words     string   `json:"words"`
	Digest    string   `json:"charter"`
	Phase     string   `json:"phase"` // What is going on now, in words.
	Done      int      `json:"done"`  // Of Total, when Total is known.
	Total     int      `json:"total"`
	Running   bool     `json:"running"` // Something is going on; the page renews itself.
	Members   int      `json:"members"`
	Online    int      `json:"online"`
	LogSize   int      `json:"log_size"`
	Witness   string   `json:"witnesses"` // "21 of 30 needed".
	Period    string   `json:"period"`
	Unit      string   `json:"unit"`
	Allocated string   `json:"allocated"`
	Gap       string   `json:"gap"`
	Checks    int      `json:"checks"`
	Summary   []string `json:"summary"`  // Three sentences.
	Commands  []string `json:"commands"` // What anybody can type to check.
	Rows      []Row    `json:"rows"`
	Receipts  []string `json:"receipts"` // File names; New finds them.
	Failures  []string `json:"failures"`
}

// Row is one party in the table.
type Row struct {
	Party    string     `json:"party"`
	Name     string     `json:"name"`
	Amount   string     `json:"amount"`
	Per1000  string     `json:"per_1000"` // Of population.
	Forecast []Forecast `json:"forecast"`
}

// Forecast is one series in words: the median and the middle 90 % four weeks ahead.
type Forecast struct {
	Target string `json:"target"`
	Last   string `json:"last_date"`
	Date   string `json:"date"`
	Low    string `json:"low"`
	Median string `json:"median"`
	High   string `json:"high"`
}

// Config says what to serve.
type Config struct {
	Status   func() Status
	Receipts string // Folder.
	Log      string // Folder of tiles and blobs.
	Charter  string // File of the sealed charter.
}

// refreshSeconds is how often the page renews itself while something is going on: often
// enough to follow a training of ten seconds.
const refreshSeconds = 2

// view is what the template draws.
type view struct {
	Status
	Still bool   // The reader asked the page not to renew itself.
	Host  string // As the reader typed it.
}

// Refreshes tells whether the page renews itself.
func (v view) Refreshes() bool { return v.Running && !v.Still }

// New returns the handler of the page. Nothing it serves is secret: the log, its blobs
// and the receipts are what every party holds.
func New(cfg Config) (http.Handler, error) {
	page, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("console page: %w", err)
	}
	status := func() Status {
		st := cfg.Status()
		st.Receipts = receipts(cfg.Receipts)
		return st
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		st := status()
		shown := view{Status: st, Still: r.URL.Query().Has("still"), Host: r.Host}
		if st.Running && !shown.Still {
			w.Header().Set("Refresh", strconv.Itoa(refreshSeconds))
		}
		var out bytes.Buffer // A page that cannot be made whole is not begun.
		if err := page.Execute(&out, shown); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = out.WriteTo(w) // The reader may be gone.
	})
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status()) // The reader may be gone.
	})
	mux.HandleFunc("GET /charter.json", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, cfg.Charter)
	})
	mux.HandleFunc("GET /receipts/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if !slices.Contains(receipts(cfg.Receipts), name) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		http.ServeFile(w, r, filepath.Join(cfg.Receipts, name))
	})
	mux.Handle("GET /log/", http.StripPrefix("/log/", logFiles(cfg.Log)))
	return secure(mux), nil
}

// logFiles serves what C2SP tlog-tiles names, and the blobs, and no other file.
func logFiles(folder string) http.Handler {
	serve := http.FileServer(http.Dir(folder))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if path != "checkpoint" && !strings.HasPrefix(path, "tile/") && !strings.HasPrefix(path, "blob/") || strings.HasSuffix(path, "/") {
			http.NotFound(w, r)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// receipts lists the receipt files by time.
func receipts(folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".proof") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// secure lets a page load nothing from elsewhere, and keeps other sites from framing it.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Server returns a server with limits for a page that anybody on the machine may open.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
}
