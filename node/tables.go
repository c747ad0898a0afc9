package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/adapter/query"
	"comity/adapter/yaml"
	"comity/dataset"
	"comity/governor/charter"
	"comity/place"
	"comity/schema"
	"comity/schema/written"
)

// Tables returns the file in which a member says where its rows are. Paths in it are
// relative to its folder.
//
//	tables:
//	  - clause: d.visits
//	    schema: visits.yaml      # or an id that a pack declares: health/visits@1
//	    path: data/visits.csv    # CSV, Parquet, SQLite, or a folder of them
//	    table: visits            # of an SQLite database, where there are several; or
//	    query: SELECT ...        # for one, instead of a table
//	  - clause: d.stays
//	    schema: stays.yaml
//	    command: [psql, --csv, -c, "SELECT ..."]  # in place of path: prints CSV
//	    env: [PGSERVICE, PGPASSFILE]              # what it may see of the environment
//	  - clause: d.beds
//	    schema: beds.yaml
//	    federation: ../regions   # in place of path: home of the body that this member is the hub of
func (h Home) Tables() string { return h.path("tables.yaml") }

// maxTables bounds the file.
const maxTables = 100

// OpenTable opens the rows of a clause as the home's tables say. Known are the schemas
// that packs declare. Without a table for the clause the error wraps fs.ErrNotExist.
func OpenTable(ctx context.Context, home Home, known []schema.Schema, clause comity.DataClause) (schema.Schema, Table, error) {
	entry, s, err := tableOf(home, known, clause)
	if err != nil {
		return s, nil, err
	}
	if entry["federation"].Text != "" {
		return s, nil, fmt.Errorf("%s: the rows of clause %s lie in a federation: %w", home.Tables(), clause.ID, fs.ErrNotExist)
	}
	t, err := dataset.Open(ctx, sourceOf(home, entry))
	if err != nil {
		return s, nil, err
	}
	return s, t, nil
}

// Federation returns the home of the body whose sum a member adds under a clause, and what
// its rows are. Where the member has rows of its own or none the error wraps
// fs.ErrNotExist.
func Federation(home Home, known []schema.Schema, clause comity.DataClause) (schema.Schema, Home, error) {
	entry, s, err := tableOf(home, known, clause)
	if err != nil {
		return s, "", err
	}
	if entry["federation"].Text == "" {
		return s, "", fmt.Errorf("%s: the rows of clause %s lie here: %w", home.Tables(), clause.ID, fs.ErrNotExist)
	}
	return s, Home(home.relative(entry["federation"].Text)), nil
}

// Federations lists the homes of all bodies whose sums a member adds, each once.
func Federations(home Home) ([]Home, error) {
	entries, err := readTables(home.Tables())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Home
	for _, entry := range entries {
		if name := entry["federation"].Text; name != "" && !slices.Contains(all, Home(home.relative(name))) {
			all = append(all, Home(home.relative(name)))
		}
	}
	return all, err
}

// relative finds a path of the tables.
func (h Home) relative(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return h.path(path)
}

// tableOf finds the entry of a clause, its fields by name, and its schema.
func tableOf(home Home, known []schema.Schema, clause comity.DataClause) (map[string]charter.Node, schema.Schema, error) {
	file := home.Tables()
	entries, err := readTables(file)
	if err != nil {
		return nil, schema.Schema{}, err
	}
	i := slices.IndexFunc(entries, func(e map[string]charter.Node) bool { return e["clause"].Text == clause.ID })
	if i < 0 {
		return nil, schema.Schema{}, fmt.Errorf("%s: no table for clause %s: %w", file, clause.ID, fs.ErrNotExist)
	}
	at := entries[i]["schema"]
	s, err := schemaOf(string(home), known, at)
	if err == nil && s.ID != clause.Schema {
		err = &place.Error{File: file, Line: at.Line, Column: at.Column, Reason: fmt.Sprintf("table of %s has schema %s, the charter wants %s", clause.ID, s.ID, clause.Schema), Fix: "name the schema of the charter"}
	}
	return entries[i], s, err
}

// sourceOf says where the rows of an entry are.
func sourceOf(home Home, entry map[string]charter.Node) dataset.Config {
	c := dataset.Config{Table: entry["table"].Text, Query: entry["query"].Text}
	if command, ok := entry["command"]; ok {
		c.Command = &query.Config{Deadline: commandDeadline, Bytes: query.MaxBytes}
		for _, word := range command.Items {
			c.Command.Argv = append(c.Command.Argv, word.Text)
		}
		for _, name := range entry["env"].Items {
			if value, ok := os.LookupEnv(name.Text); ok {
				c.Command.Env = append(c.Command.Env, name.Text+"="+value)
			}
		}
		return c
	}
	c.Path = home.relative(entry["path"].Text)
	return c
}

// commandDeadline is how long a command may take to print its rows.
const commandDeadline = 5 * time.Minute

// readTables reads the entries of the file, their fields by name.
func readTables(file string) ([]map[string]charter.Node, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	root, err := yaml.Read(file, data)
	if err != nil {
		return nil, err
	}
	bad := func(n charter.Node, reason, fix string) error {
		return &place.Error{File: file, Line: n.Line, Column: n.Column, Reason: reason, Fix: fix}
	}
	list, ok := root.Get("tables")
	if !ok || len(root.Fields) != 1 || list.Shape != charter.Sequence || len(list.Items) > maxTables {
		return nil, bad(root, fmt.Sprintf("the file is one list named tables, of at most %d items", maxTables), "write tables: and under it - clause:, schema:, path:")
	}
	var all []map[string]charter.Node
	for _, item := range list.Items {
		entry := map[string]charter.Node{}
		for _, f := range item.Fields {
			if !slices.Contains([]string{"clause", "schema", "path", "table", "query", "command", "env", "federation"}, f.Key.Text) {
				return nil, bad(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), "use clause, schema, path, table, query, command, env, federation")
			}
			entry[f.Key.Text] = f.Value
		}
		for _, name := range []string{"clause", "schema"} {
			if entry[name].Text == "" {
				return nil, bad(item, "the table has no "+name, "add it")
			}
		}
		if reason, fix := misplaced(entry); reason != "" {
			return nil, bad(item, reason, fix)
		}
		if slices.ContainsFunc(all, func(e map[string]charter.Node) bool { return e["clause"].Text == entry["clause"].Text }) {
			return nil, bad(item, fmt.Sprintf("a second table for clause %.40s", entry["clause"].Text), "join the tables in one folder")
		}
		all = append(all, entry)
	}
	return all, nil
}

// misplaced is why an entry does not say where its rows are in one way, and what to write.
func misplaced(entry map[string]charter.Node) (reason, fix string) {
	ways := 0
	for _, given := range []bool{entry["path"].Text != "", len(entry["command"].Items) > 0, entry["federation"].Text != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return "the table has no path, command or federation, or several of them", "write one of them; a command is a list of words"
	}
	for _, part := range []string{"table", "query"} {
		if entry[part].Text != "" && entry["path"].Text == "" {
			return part + " is part of a database at a path", "leave it out, or write path: FILE"
		}
	}
	if len(entry["env"].Items) > 0 && len(entry["command"].Items) == 0 {
		return "env is what a command sees", "leave it out, or write command:"
	}
	return "", ""
}

// schemaOf finds a schema by id among those known, or reads the file of that name.
func schemaOf(folder string, known []schema.Schema, name charter.Node) (schema.Schema, error) {
	if i := slices.IndexFunc(known, func(s schema.Schema) bool { return s.ID == name.Text }); i >= 0 {
		return known[i], nil
	}
	if strings.Contains(name.Text, "@") && filepath.Ext(name.Text) == "" {
		return schema.Schema{}, fmt.Errorf("schema %s: no pack declares it: %w", name.Text, place.ErrUnreadable)
	}
	file := name.Text
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return schema.Schema{}, fmt.Errorf("%w: schema file %s is missing", place.ErrUnreadable, file)
	}
	if err != nil {
		return schema.Schema{}, err
	}
	root, err := yaml.Read(file, data)
	if err != nil {
		return schema.Schema{}, err
	}
	return written.Read(file, root)
}
