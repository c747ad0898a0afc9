package csv_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/governor/jury"
)

const (
	quotasText = "category,feature,min,max,min_flex\nage,young,1,2,0\nage,old,0,2,0\n"
	poolText   = "id,age,home\na,young,1\nb,old,1\nc,old,\n"
)

func TestReadPool(t *testing.T) {
	quotas, err := csv.ReadQuotas("q.csv", strings.NewReader(quotasText))
	if err != nil {
		t.Fatal(err)
	}
	other, err := csv.ReadQuotas("q.csv", strings.NewReader("feature,value,min,max\nage,young,1,2\nage,old,0,2\n"))
	if err != nil || fmt.Sprint(other) != fmt.Sprint(quotas) {
		t.Errorf("two forms of one file: %v and %v, %v", quotas, other, err)
	}
	pool, err := csv.ReadPool("p.csv", strings.NewReader(poolText), quotas, "home")
	if err != nil {
		t.Fatal(err)
	}
	pool.Size = 2
	if err := pool.Check(); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(pool.People) != "[[0] [1] [1]]" || pool.Households[0] != pool.Households[1] || pool.Households[1] == pool.Households[2] {
		t.Errorf("people %v, households %v", pool.People, pool.Households)
	}
}

func TestBadPools(t *testing.T) {
	quotas, err := csv.ReadQuotas("q.csv", strings.NewReader(quotasText))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, household, want string }{
		{"id\na\n", "", "p.csv:1:1: no column age"},
		{"id,Age\na,old\n", "", `p.csv:1:4: no column age; rename column "Age" to age`},
		{"id,age\na,middle\n", "", `p.csv:2:3: age "middle" has no quota; correct the cell`},
		{"id,age\na\n", "", "p.csv:2:1: row of 1 cells under a header of 2"},
		{"age\n", "", "p.csv:1:1: nobody in the pool"},
		{"", "", "p.csv:1:1: the file is empty"},
		{"age\nold\n", "home", "p.csv:1:1: no column home"},
		{"age\nold\n", "age", "p.csv:1:1: column age is a category of the quotas"},
	} {
		_, err := csv.ReadPool("p.csv", strings.NewReader(c.text), quotas, c.household)
		if !errors.Is(err, csv.ErrUnreadable) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestBadQuotas(t *testing.T) {
	const header = "category,feature,min,max\n"
	for _, c := range []struct{ text, want string }{
		{"category,min,max\na,1,2\n", "q.csv:1:1: no column feature"},
		{"feature,min,max\na,1,2\n", "q.csv:1:1: no column category and no column value"},
		{header, "q.csv:1:1: no quota"},
		{header + "a,,1,2\n", "q.csv:2:1: quota without category or feature"},
		{header + "a,x,one,2\n", `q.csv:2:5: "one" is no number of people`},
		{header + "a,x,-1,2\n", `q.csv:2:5: "-1" is no number of people`},
		{header + "a,x,+1,2\n", `q.csv:2:5: "+1" is no number of people`},
		{header + "a,x,1,99999999999999999999\n", `q.csv:2:7: "99999999999999999999" is no number of people`},
		{header + "a,x,3,2\n", "q.csv:2:7: max 2 is below min 3"},
		{header + "a,x,1,2\na,x,1,2\n", `q.csv:3:3: second quota for a "x"`},
	} {
		_, err := csv.ReadQuotas("q.csv", strings.NewReader(c.text))
		if !errors.Is(err, csv.ErrUnreadable) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func FuzzReadQuotas(f *testing.F) {
	f.Add(quotasText)
	f.Add("feature,value,min,max\na,x,1,2\n")
	f.Fuzz(func(t *testing.T, text string) {
		quotas, err := csv.ReadQuotas("q.csv", strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, csv.ErrUnreadable) {
				t.Fatalf("%v is no ErrUnreadable", err)
			}
			return
		}
		for _, q := range quotas {
			if q.Min < 0 || q.Max < q.Min || q.Category == "" || q.Feature == "" {
				t.Fatalf("quota %+v", q)
			}
		}
	})
}

func FuzzReadPool(f *testing.F) {
	f.Add(poolText, "home")
	f.Add("age\nold\n", "")
	quotas := []jury.Quota{{Category: "age", Feature: "young", Min: 0, Max: 9}, {Category: "age", Feature: "old", Min: 0, Max: 9}}
	f.Fuzz(func(t *testing.T, text, household string) {
		pool, err := csv.ReadPool("p.csv", strings.NewReader(text), quotas, household)
		if err != nil {
			if !errors.Is(err, csv.ErrUnreadable) {
				t.Fatalf("%v is no ErrUnreadable", err)
			}
			return
		}
		pool.Size = 1
		if err := pool.Check(); err != nil {
			t.Fatalf("a pool that was read is refused: %v", err)
		}
	})
}
