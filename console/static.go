package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// The folder web/dist is made by console/web/build.mjs ("make build").
//
//go:embed style.css icon.svg web/dist/verify.js web/dist/live.js web/dist/map.json web/dist/verifier.html
var files embed.FS

// asset is one file that never changes: its name carries its digest, so browsers keep it.
type asset struct {
	path    string
	kind    string
	content []byte
	gzipped []byte
}

// assets are the files of the pages, by short name.
type assets map[string]asset

func loadAssets() (assets, error) {
	out := assets{}
	for _, f := range []struct{ name, file, kind string }{
		{"style.css", "style.css", "text/css; charset=utf-8"},
		{"icon.svg", "icon.svg", "image/svg+xml"},
		{"verify.js", "web/dist/verify.js", "text/javascript; charset=utf-8"},
		{"live.js", "web/dist/live.js", "text/javascript; charset=utf-8"},
	} {
		data, err := files.ReadFile(f.file)
		if err != nil {
			return nil, fmt.Errorf("%w; run make build", err)
		}
		digest := sha256.Sum256(data)
		a := asset{path: "/static/" + hex.EncodeToString(digest[:6]) + "/" + f.name, kind: f.kind, content: data}
		if a.gzipped, err = compress(data); err != nil {
			return nil, err
		}
		out[f.name] = a
	}
	return out, nil
}

// ServeHTTP serves the files under /static/.
func (s assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	a, ok := s[name]
	if !ok || a.path != r.URL.Path {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	send(w, r, a.kind, a.content, a.gzipped)
}

// send writes a body, compressed if the reader takes that; gzipped may be nil.
func send(w http.ResponseWriter, r *http.Request, kind string, body, gzipped []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if gzipped == nil {
			var err error
			if gzipped, err = compress(body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		h.Set("Content-Encoding", "gzip")
		body = gzipped
	}
	_, _ = w.Write(body) // The reader may be gone.
}

func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close() // Writes the rest.
	return out.Bytes(), err
}
