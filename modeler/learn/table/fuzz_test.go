package table_test

import (
	"strings"
	"testing"

	"comity/modeler/learn/learntest"
	"comity/modeler/learn/table"
)

// Whatever cells say, they are refused, or become rows that learners take and that the sums
// account for.
func FuzzTable(f *testing.F) {
	for _, text := range []string{
		"1,a,0\n2,b,1\n", "1e308,2020-01-01,yes\n-1e308,,no\n", " , ,1\n0,-0,2\n", "inf,x,1\n", "5e-324,NA,1\n-5e-324,?,3\nx,y,z\n",
		"1,1,1e300\n1,2,-1e300\n", "1,1,1e-320\n1,2,0\n", "a,a,9007199254740993\nb,b,9007199254740992\n",
	} {
		f.Add(text, uint8(255), "")
	}
	f.Fuzz(func(t *testing.T, text string, bins uint8, task string) {
		for line := range strings.Lines(text) {
			if strings.Count(line, ",") != 2 { // Readers refuse such rows.
				return
			}
		}
		tab, err := table.Read(learntest.NewFile("a,b,y\n"+text), table.Want{Target: "y"})
		if err != nil {
			return
		}
		cfg := &table.Config{Columns: []string{"a", "b"}, Target: "y", Task: table.Task(task), Bins: int(bins)}
		log := &learntest.Log{}
		frame, err := table.Survey(t.Context(), cfg, tab, log)
		if err != nil {
			return
		}
		if tab, err = tab.Keyed([]string{"a", "b", "y"}); err != nil {
			t.Fatal(err)
		}
		rows, err := frame.Rows(tab, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Check(frame.Features(), 1, 1); err != nil {
			t.Error(err)
		}
		for i, y := range rows.Target {
			if err := frame.Target.Loss.Accepts(y); err != nil || y < frame.Least || y > frame.Most {
				t.Errorf("row %d: target %d of %d to %d: %v", i, y, frame.Least, frame.Most, err)
			}
		}
		again, err := table.Survey(t.Context(), cfg, nil, &learntest.Replay{Entries: log.Entries})
		if err != nil || again.Trace != frame.Trace {
			t.Errorf("replayed: %v", err)
		}
	})
}
