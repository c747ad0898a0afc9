package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"comity/console/account"
)

//go:embed text/*.json
var texts embed.FS

// catalogue is what the console says in one language: messages by key, with {0}, {1} for
// what is put in. The keys "language" and "direction" are the page's lang and dir.
type catalogue map[string]string

// languages are the catalogues that exist, the default first.
var languages = [...]string{"en"} //nolint:gochecknoglobals // A constant table.

// catalogues reads all catalogues.
func catalogues() (map[string]catalogue, error) {
	out := map[string]catalogue{}
	for _, tag := range languages {
		data, err := texts.ReadFile("text/" + tag + ".json")
		if err != nil {
			return nil, err
		}
		var c catalogue
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("text/%s.json: %w", tag, err)
		}
		out[tag] = c
	}
	return out, nil
}

// First-strong isolate and its end keep a number or name in its own direction.
const isolate, endIsolate = "\u2068", "\u2069"

// say returns the message of a key. One that is missing shows as its key; a test finds
// it before a reader does.
func (c catalogue) say(key string, parts ...any) string {
	text, ok := c[key]
	if !ok {
		return key
	}
	for i, p := range parts {
		value := fmt.Sprint(p)
		if c["direction"] == "rtl" {
			value = isolate + value + endIsolate
		}
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", value)
	}
	return text
}

// count returns the message for a number of things: KEY.one or KEY.other, with the
// number as {0}. Languages with more forms get their rule here.
func (c catalogue) count(key string, n int64, parts ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return c.say(key+form, append([]any{grouped(n)}, parts...)...)
}

// list joins texts with commas.
func (c catalogue) list(items []string) string { return strings.Join(items, c.say("comma")) }

// group names a group of people by the id that the charter gives it; one that the
// catalogue does not know keeps its id.
func (c catalogue) group(id string) string {
	if text, ok := c["group."+id]; ok {
		return text
	}
	return id
}

// rule names what kept a party from more: by the clause, where the catalogue knows it,
// else by its kind.
func (c catalogue) rule(rule account.Rule, clause string) string {
	if text, ok := c["rule."+clause]; ok {
		return text
	}
	return c.say("rule." + string(rule))
}

// sentence makes the first letter a capital.
func sentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[n:]
}
