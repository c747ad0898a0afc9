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
func (h Home) Tables() string { return h.path("tables.yaml") }

// maxTables bounds the file.
const maxTables = 100

// OpenTable opens the rows of a clause as the home's tables say. Known are the schemas
// that packs declare. Without an entry for the clause the error wraps fs.ErrNotExist.
func OpenTable(ctx context.Context, home Home, known []schema.Schema, clause comity.DataClause) (schema.Schema, Table, error) {
	file := home.Tables()
	entry, err := tableOf(file, clause.ID)
	if err != nil {
		return schema.Schema{}, nil, err
	}
	s, err := schemaOf(string(home), known, entry["schema"])
	if err != nil {
		return s, nil, err
	}
	if s.ID != clause.Schema {
		return s, nil, &place.Error{File: file, Line: 1, Column: 1, Reason: fmt.Sprintf("table of %s has schema %s, the charter wants %s", clause.ID, s.ID, clause.Schema), Fix: "name the schema of the charter"}
	}
	t, err := dataset.Open(ctx, sourceOf(home, entry))
	if err != nil {
		return s, nil, err
	}
	return s, t, nil
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
	c.Path = entry["path"].Text
	if !filepath.IsAbs(c.Path) {
		c.Path = home.path(c.Path)
	}
	return c
}

// commandDeadline is how long a command may take to print its rows.
const commandDeadline = 5 * time.Minute

// tableOf reads the entry of a clause: its fields by name.
func tableOf(file, clause string) (map[string]charter.Node, error) {
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
	for _, item := range list.Items {
		entry := map[string]charter.Node{}
		for _, f := range item.Fields {
			if !slices.Contains([]string{"clause", "schema", "path", "table", "query", "command", "env"}, f.Key.Text) {
				return nil, bad(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), "use clause, schema, path, table, query, command, env")
			}
			entry[f.Key.Text] = f.Value
		}
		for _, name := range []string{"clause", "schema"} {
			if entry[name].Text == "" {
				return nil, bad(item, "the table has no "+name, "add it")
			}
		}
		if command := entry["command"]; (entry["path"].Text == "") == (len(command.Items) == 0) {
			return nil, bad(item, "the table has no path and no command, or both", "write one of them; a command is a list of words")
		}
		if entry["clause"].Text == clause {
			return entry, nil
		}
	}
	return nil, fmt.Errorf("%s: no table for clause %s: %w", file, clause, fs.ErrNotExist)
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
