package template_test

import (
	"bytes"
	"errors"
	"testing"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/allocator/program"
	"comity/governor/charter"
	"comity/pack/template"
)

func TestEveryTemplateLintsCleanAndLowers(t *testing.T) {
	for _, name := range template.Names() {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			if _, _, err := charter.Seal(c); err != nil {
				t.Fatal(err)
			}
			p, err := program.Lower(inputs(t, name, c))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Needs) < 4 || len(p.Stages) != len(c.Objective.Stages) || len(p.Absent) > 0 {
				t.Errorf("%d needs, %d stages, %v absent", len(p.Needs), len(p.Stages), p.Absent)
			}
			t.Logf("%d columns, %d rows, %d limits", len(p.Columns), len(p.Rows), len(p.Limits))
		})
	}
}

func TestTemplatesAreTheSameInEveryRun(t *testing.T) {
	for _, name := range template.Names() {
		first, err := template.Charter(name)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := template.Charter(name); err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}

func TestUnknownTemplate(t *testing.T) {
	for _, name := range []string{"", "vaccine", "parts", "../template", "vaccines.yaml"} {
		if _, err := template.Charter(name); !errors.Is(err, template.ErrUnknown) {
			t.Errorf("charter %q: %v", name, err)
		}
		if _, err := template.Inputs(name); !errors.Is(err, template.ErrUnknown) {
			t.Errorf("inputs %q: %v", name, err)
		}
	}
}

// TestNothingInATemplateIsIgnored: a key that is misspelt is refused, wherever it stands.
// The parameters of a recipe are left out: their names belong to the task.
func TestNothingInATemplateIsIgnored(t *testing.T) {
	for _, name := range template.Names() {
		source, err := template.Charter(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			root, err := yaml.Read(name+".yaml", source)
			if err != nil {
				t.Fatal(err)
			}
			key := nth(&root, new(i))
			if key == nil {
				if i < 100 {
					t.Errorf("%s has %d keys, expected more than a hundred", name, i)
				}
				break
			}
			was := key.Text
			key.Text += "x"
			if _, problems := charter.Read(root, cel.Compile); len(problems) == 0 {
				t.Errorf("%s:%d: %s instead of %s is accepted", name, key.Line, key.Text, was)
			}
		}
	}
}

// nth returns the key that comes after n others.
func nth(node *charter.Node, n *int) *charter.Node {
	for i := range node.Items {
		if key := nth(&node.Items[i], n); key != nil {
			return key
		}
	}
	for i := range node.Fields {
		f := &node.Fields[i]
		if *n == 0 {
			return &f.Key
		}
		if *n--; f.Key.Text == "recipe" {
			continue
		}
		if key := nth(&f.Value, n); key != nil {
			return key
		}
	}
	return nil
}

func read(t testing.TB, name string) comity.Charter {
	t.Helper()
	source, err := template.Charter(name)
	if err != nil {
		t.Fatal(err)
	}
	root, err := yaml.Read(name+".yaml", source)
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	c, problems := charter.Read(root, cel.Compile)
	if err := problems.Err(name + ".yaml"); err != nil {
		t.Fatal(err)
	}
	return c
}

func inputs(t testing.TB, name string, c comity.Charter) program.Inputs {
	t.Helper()
	data, err := template.Inputs(name)
	if err != nil {
		t.Fatal(err)
	}
	in, err := csv.ReadInputs(name+".csv", bytes.NewReader(data), c)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
