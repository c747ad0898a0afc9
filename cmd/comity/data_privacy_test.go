package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/conformance"
)

// compute runs the command and returns its exit code and document.
func compute(t *testing.T, file string) (int, privacyData, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"data", "privacy", "--reference", file, "--json"}, &out, &errs)
	var d struct {
		Schema string
		Error  failure
		Data   privacyData
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if code == 0 && d.Schema != "comity/data-privacy@1" {
		t.Errorf("schema %s", d.Schema)
	}
	return code, d.Data, d.Error.Message
}

func TestConformancePrivacyCommand(t *testing.T) {
	for _, file := range conformance.Glob(t, "privacy*/*.csv") {
		code, d, message := compute(t, file)
		if code != 0 || len(d.Rows) == 0 || d.Failed != 0 || d.Passed != len(d.Rows) {
			t.Errorf("%s: exit code %d, %s %+v", file, code, message, d)
		}
	}
}

func TestDataPrivacyShowsWhatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.csv")
	rows := "id,mechanism,scale,quantity,at_order,expected,rel_tol\nright,gaussian,2,rdp,4,0.5,1e-9\nwrong,gaussian,2,rdp,4,0.6,1e-9\nunknown,skellam,2,rdp,4,0.5,1e-9\n"
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	code, d, _ := compute(t, file)
	if code != 0 || len(d.Rows) != 3 || d.Passed != 1 || d.Failed != 2 {
		t.Fatalf("exit code %d, %+v", code, d)
	}
	if r := d.Rows[1]; r.Pass || !strings.HasPrefix(r.Computed, "0.5") || r.Expected != "0.6" || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	if r := d.Rows[2]; r.Pass || r.Computed != "" || !strings.Contains(r.Reason, "skellam") {
		t.Errorf("%+v", r)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"data", "privacy", "--reference", file}, &out, &errs); code != 0 || !strings.Contains(out.String(), "1 of 3 rows agree") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}

func TestDataPrivacyRefusesFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("id,mechanism,scale,quantity,expected\na,gaussian,wide,rdp,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, message := compute(t, file)
	if code != 20 || !strings.HasPrefix(message, file+":2:12: ") {
		t.Errorf("exit code %d: %s", code, message)
	}
	if code, _, message := compute(t, file+".none"); code != 20 {
		t.Errorf("exit code %d: %s", code, message)
	}
}
