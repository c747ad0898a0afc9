package own_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"comity/adapter/yaml"
	"comity/fleet/own"
	"comity/governor/charter"
)

// FuzzScenario: whatever stands in scenario.yaml, a refusal says where.
func FuzzScenario(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("example", own.ScenarioFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("name: a\nmembers: [{id: \"AA\", needs: {a: [1, 2]}}]\n"))
	f.Add([]byte("targets: [a, {b: c}]\nsupply: {x: -1}\noperator: {id: \"XX\", kind: firm}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := own.ReadDocument(data); err != nil && !errors.Is(err, yaml.ErrUnreadable) {
			t.Fatalf("%v is no ErrUnreadable", err)
		}
	})
}

// FuzzCharter: whatever stands in charter.yaml, a refusal says where, and what is accepted
// is a charter once it is founded.
func FuzzCharter(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("example", own.CharterFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.ReplaceAll(data, []byte(": founding"), []byte(":\n   founding")))
	f.Add(bytes.ReplaceAll(data, []byte("from: members"), []byte("from: [\"XA\", {{.ID}}]")))
	f.Add([]byte("{parties: founding, transparency: founding, id: founding}"))
	folder := example(f)
	s, err := own.Read(folder, own.When{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		template, err := own.ReadCharter(data, s, folder)
		if err != nil {
			if !errors.Is(err, yaml.ErrUnreadable) && !errors.Is(err, charter.ErrRefused) {
				t.Fatalf("%v does not say that the charter is refused", err)
			}
			return
		}
		s := s
		s.Charter = template
		founded(t, s)
	})
}
