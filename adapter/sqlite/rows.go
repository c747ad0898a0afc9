// Package sqlite reads the rows of a table or a query of an SQLite database, which it
// never changes.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	driver "modernc.org/sqlite"

	"comity/place"
	"comity/schema"
)

// Magic begins every database file (SQLite, "Database File Format", 1.3.1).
const Magic = "SQLite format 3\x00"

// Limits of a statement (SQLite, "Run-Time Limits"). No other file may be attached, so
// that a query reads this database and makes none.
const (
	limitLength   = 0 // SQLITE_LIMIT_LENGTH: bytes of a value.
	limitColumn   = 2 // SQLITE_LIMIT_COLUMN.
	limitAttached = 7 // SQLITE_LIMIT_ATTACHED.
	maxLength     = 1 << 20
	maxColumns    = 1000
	maxStatement  = 1 << 16 // Bytes of a query.
)

// Error points at a row and a column of a database.
type Error = place.Error

// Rows is the schema.Rows of a table or query. Close it.
type Rows struct {
	file   string
	db     *sql.DB
	rows   *sql.Rows
	header []schema.Heading
	values []any
	into   []any
	fields []schema.Field
	number int
}

// Table reads all rows of a table or view in the order that the database keeps; with an
// empty name, of the only table that there is. Errors are *Error.
func Table(ctx context.Context, file, table string) (*Rows, error) {
	return open(ctx, file, func(conn *sql.Conn) (string, error) {
		if table == "" {
			only, err := onlyTable(ctx, conn)
			if err != nil {
				return "", err
			}
			table = only
		}
		return "SELECT * FROM " + `"` + strings.ReplaceAll(table, `"`, `""`) + `"`, nil
	})
}

// Query reads the rows that one SELECT gives. A column takes the name that the query
// gives it, and a unit: AS "flow [m3/s]". Errors are *Error.
func Query(ctx context.Context, file, query string) (*Rows, error) {
	return open(ctx, file, func(*sql.Conn) (string, error) {
		word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
		if word = strings.ToUpper(word); word != "SELECT" && word != "WITH" && word != "VALUES" || len(query) > maxStatement {
			return "", fmt.Errorf("query begins with %.20q; write one SELECT of at most %d bytes", word, maxStatement)
		}
		// A statement inside another cannot be followed by a second one.
		return "SELECT * FROM (" + strings.TrimSuffix(strings.TrimSpace(query), ";") + "\n)", nil
	})
}

// open connects and starts the statement. ctx ends it.
func open(ctx context.Context, file string, statement func(*sql.Conn) (string, error)) (_ *Rows, err error) {
	r := &Rows{file: file}
	defer func() {
		if err != nil {
			_ = r.Close() // The first error tells more.
		}
	}()
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, r.fail(err)
	}
	address := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=busy_timeout(5000)"}
	if r.db, err = sql.Open("sqlite", address.String()); err != nil {
		return nil, r.fail(err)
	}
	r.db.SetMaxOpenConns(1)
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return nil, r.fail(err)
	}
	defer conn.Close() //nolint:errcheck // It goes back to the pool; closing the database reports.
	for _, l := range []struct{ id, value int }{{limitLength, maxLength}, {limitColumn, maxColumns}, {limitAttached, 0}} {
		if _, err := driver.Limit(conn, l.id, l.value); err != nil {
			return nil, r.fail(err)
		}
	}
	text, err := statement(conn)
	if err != nil {
		return nil, r.fail(err)
	}
	if err := conn.Close(); err != nil {
		return nil, r.fail(err)
	}
	rows, err := r.db.QueryContext(ctx, text) //nolint:rowserrcheck // Next does.
	if err != nil {
		return nil, r.fail(err)
	}
	r.rows = rows
	names, err := rows.Columns()
	if err != nil {
		return nil, r.fail(err)
	}
	r.values, r.into = make([]any, len(names)), make([]any, len(names))
	for i, name := range names {
		r.header = append(r.header, schema.NewHeading(name, i+1))
		r.fields = append(r.fields, schema.Field{Column: i + 1})
		r.into[i] = &r.values[i]
	}
	return r, nil
}

// onlyTable returns the name of the one table.
func onlyTable(ctx context.Context, conn *sql.Conn) (string, error) {
	rows, err := conn.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name LIMIT 10`)
	if err != nil {
		return "", err
	}
	defer rows.Close() //nolint:errcheck // Read to its end.
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%d tables (%s); name one, or write a query", len(names), strings.Join(names, ", "))
	}
	return names[0], nil
}

// Header returns the columns.
func (r *Rows) Header() []schema.Heading { return r.header }

// Place says which row was read last.
func (r *Rows) Place() schema.Place {
	return schema.Place{File: r.file, Line: r.number, Record: true}
}

// Next returns the cells of the next row, or io.EOF.
func (r *Rows) Next() ([]schema.Field, error) {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return nil, r.fail(err)
		}
		return nil, io.EOF
	}
	r.number++
	if err := r.rows.Scan(r.into...); err != nil {
		return nil, r.fail(err)
	}
	for i, v := range r.values {
		text, err := write(r.fields[i].Text[:0], v)
		if err != nil {
			return nil, &Error{File: r.file, Line: r.number, Column: i + 1, Reason: fmt.Sprintf("row %d, column %s: %v", r.number, r.header[i].Name, err), Fix: "let a query convert it"}
		}
		r.fields[i].Text = text
	}
	return r.fields, nil
}

// write appends a value as text; NULL is no text.
func write(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return b, nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		if math.IsInf(v, 0) {
			return nil, errors.New("the value is infinite")
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	case string:
		return append(b, v...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case time.Time: // The driver reads columns declared as dates and times.
		if at := v.UTC(); at.Equal(at.Truncate(24 * time.Hour)) {
			return at.AppendFormat(b, time.DateOnly), nil
		}
		return v.UTC().AppendFormat(b, time.RFC3339Nano), nil
	default:
		return nil, fmt.Errorf("a value of type %T is not read", v)
	}
}

// Close ends the statement and the connection.
func (r *Rows) Close() error {
	var err error
	if r.rows != nil {
		err = r.rows.Close()
	}
	if r.db != nil {
		err = errors.Join(err, r.db.Close())
	}
	return err
}

func (r *Rows) fail(cause error) error {
	return &Error{File: r.file, Line: max(r.number, 1), Column: 1, Reason: "the database does not answer: " + cause.Error(), Fix: "check the file, the table and the query", Cause: cause}
}

var _ schema.Rows = (*Rows)(nil)
