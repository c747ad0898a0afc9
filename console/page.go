package console

import (
	"bytes"
	"context"
	"embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comity/console/account"
	"comity/party"
)

//go:embed page/*.html
var templates embed.FS

// pageKind is one page: what it is called, where it stands, and what it shows. A page is
// added by one entry here, one template, and its words in the catalogues.
type pageKind struct {
	name string // Of its template, of its JSON and CSV, and of its words.
	path string // Pattern of its address.
	// draw returns what the template gets, or account.ErrNone when nothing is decided.
	draw func(context.Context, *request) (any, error)
	// data returns the account as JSON shows it.
	data func(*request) (any, error)
	// table returns the account as rows of a CSV file, the header first; nil has none.
	table func(*request) ([][]string, error)
}

// pages lists the pages in the order of the navigation.
func pages() []pageKind {
	return []pageKind{
		{"picture", "/{$}", drawPicture, pictureData, pictureTable},
		{"allocation", "/allocation", drawAllocation, allocationData, allocationTable},
		{"audit", "/audit", drawAudit, auditData, nil},
		{"members", "/members", drawMembers, membersData, membersTable},
	}
}

// theme is the pages in one language.
type theme struct {
	words     catalogue
	templates *template.Template
}

func loadThemes(files assets) (map[string]*theme, error) {
	all, err := catalogues()
	if err != nil {
		return nil, err
	}
	out := map[string]*theme{}
	for tag, words := range all {
		t, err := template.New("").Funcs(template.FuncMap{
			"say": words.say, "count": words.count, "date": words.date, "short": words.shortDate, "moment": words.moment,
			"grouped": grouped, "bytes": words.bytesText, "decimal": words.decimal, "percent": percent, "rate": rate,
			"int64": func(n int) int64 { return int64(n) }, "add": func(a, b int) int { return a + b }, "minus": func(a, b any) int64 { return whole(a) - whole(b) },
			"tenth": func(n int64) int64 { return n / 10 },
			"file":  func(name string) string { return files[name].path },
		}).ParseFS(templates, "page/*.html")
		if err != nil {
			return nil, err
		}
		out[tag] = &theme{words, t}
	}
	return out, nil
}

// request is one look at one page.
type request struct {
	*server
	*theme
	query url.Values
	page  pageKind
	book  account.Book
	now   Now
	at    time.Time
}

func (s *server) request(r *http.Request, p pageKind) *request {
	query := r.URL.Query()
	theme, ok := s.themes[query.Get("lang")]
	if !ok {
		theme = s.themes[languages[0]]
	}
	return &request{server: s, theme: theme, query: query, page: p, book: s.book(), now: s.cfg.Now(), at: s.cfg.Clock()}
}

// language is the tag of the page's catalogue.
func (q *request) language() string { return q.words["language"] }

// name is what the charter calls a party.
func (q *request) name(id party.ID) string { return q.book.Name(id, q.language()) }

// link returns the page's own address with some parameters changed; "" takes one away.
func (q *request) link(change ...string) string {
	values := url.Values{}
	for _, key := range []string{"lang", "week", "view", "place", "party", "sort", "supply"} {
		if v := q.query.Get(key); v != "" {
			values.Set(key, v)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		if change[i+1] == "" {
			values.Del(change[i])
		} else {
			values.Set(change[i], change[i+1])
		}
	}
	path := "/" + q.page.name
	if q.page.name == "picture" {
		path = "/"
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// to returns the address of another page in the same language.
func (q *request) to(name string, change ...string) string {
	other := *q
	other.page.name, other.query = name, url.Values{"lang": q.query["lang"]}
	return other.link(change...)
}

// frame is what stands on every page; Page is the page's own.
type frame struct {
	Language, Direction string
	Title, Label        string
	Source              string
	Name                string
	Nav                 []navEntry
	Status              statusLine
	Rehearsal           *Rehearsal
	Empty               bool // Nothing is decided yet.
	Renews              bool // The page loads itself again until something is.
	Still               string
	JSON, CSV           string
	Permanent           string
	Page                any
}

type navEntry struct {
	Name, Link string
	Current    bool
}

// renewSeconds is how often a page without a decision loads itself again: often enough
// to follow a training of ten seconds.
const renewSeconds = 3

func (q *request) frame() frame {
	f := frame{
		Language: q.language(), Direction: q.words["direction"], Title: q.cfg.Title, Label: q.cfg.Label, Source: sentence(q.cfg.Source),
		Name: q.page.name, Status: q.statusLine(), Rehearsal: q.now.Rehearsal, JSON: "/" + q.page.name + ".json", Permanent: q.link(),
	}
	if week := q.query.Get("week"); week != "" {
		f.JSON += "?" + url.Values{"week": {week}}.Encode()
	}
	if q.page.table != nil {
		f.CSV = f.JSON[:len("/"+q.page.name)] + ".csv" + f.JSON[len("/"+q.page.name+".json"):]
	}
	for _, p := range pages() {
		f.Nav = append(f.Nav, navEntry{Name: q.words.say("nav." + p.name), Link: q.to(p.name), Current: p.name == q.page.name})
	}
	return f
}

// page draws one page. One that cannot be made whole is not begun.
func (s *server) page(p pageKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := s.request(r, p)
		f := q.frame()
		var err error
		f.Page, err = p.draw(r.Context(), q)
		template := p.name
		switch {
		case errors.Is(err, account.ErrNone) && q.query.Get("week") != "":
			w.WriteHeader(http.StatusNotFound)
			template = "missing"
		case errors.Is(err, account.ErrNone):
			template, f.Empty = "empty", true
			f.Renews = !q.query.Has("still") && f.Rehearsal == nil
			f.Still = q.link() + map[bool]string{true: "?still", false: ""}[f.Renews]
			if f.Renews {
				w.Header().Set("Refresh", strconv.Itoa(renewSeconds))
			}
		case err != nil:
			http.Error(w, q.words.say("error", err), http.StatusInternalServerError)
			return
		}
		var out bytes.Buffer
		if err := q.templates.ExecuteTemplate(&out, template+".html", f); err != nil {
			http.Error(w, q.words.say("error", err), http.StatusInternalServerError)
			return
		}
		send(w, r, "text/html; charset=utf-8", out.Bytes(), nil)
	}
}

// labelled is a JSON document with the label that its numbers carry.
type labelled struct {
	Schema string `json:"schema"`
	Label  string `json:"label,omitempty"`
	Source string `json:"source"`
	Data   any    `json:"data"`
}

func (s *server) document(p pageKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := s.request(r, p)
		data, err := p.data(q)
		if q.refused(w, err) {
			return
		}
		writeJSON(w, r, labelled{"comity/console/" + p.name + "@1", q.cfg.Label, q.cfg.Source, data})
	}
}

// table serves the account as CSV (RFC 4180).
func (s *server) table(p pageKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := s.request(r, p)
		rows, err := p.table(q)
		if q.refused(w, err) {
			return
		}
		var out bytes.Buffer
		if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		send(w, r, "text/csv; charset=utf-8", out.Bytes(), nil)
	}
}

// refused answers a request for data that are not there.
func (q *request) refused(w http.ResponseWriter, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, account.ErrNone):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return true
}

func writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, r, "application/json", append(data, '\n'), nil)
}

// whole lets templates subtract what is int or int64.
func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}
