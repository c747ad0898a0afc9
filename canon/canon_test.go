package canon

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

// sample has every kind of field that records use.
type sample struct {
	Text    string            `json:"text"`
	Number  int               `json:"number"`
	Big     Int               `json:"big"`
	Flag    bool              `json:"flag"`
	Bytes   []byte            `json:"bytes"`
	Digest  Digest            `json:"digest"`
	Perhaps *Int              `json:"perhaps"`
	Maybe   *string           `json:"maybe,omitempty"`
	Names   map[string]string `json:"names"`
	Parts   []sample          `json:"parts"`
	Note    string            `json:"a note,omitempty"`
	Inner   Raw               `json:"inner"`
}

func drawSample(t *rapid.T, depth int) sample {
	s := sample{
		Text: drawText(t), Number: rapid.IntRange(-maxSafe+1, maxSafe-1).Draw(t, "number"),
		Big: Int(rapid.Int64().Draw(t, "big")), Flag: rapid.Bool().Draw(t, "flag"),
		Bytes: rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "bytes"), Digest: drawDigest(t),
		Names: rapid.MapOfN(rapid.Custom(drawText), rapid.Custom(drawText), 0, 4).Draw(t, "names"),
		Note:  drawText(t), Inner: Raw(`null`),
	}
	if rapid.Bool().Draw(t, "perhaps") {
		s.Perhaps = &s.Big
	}
	if rapid.Bool().Draw(t, "maybe") {
		s.Maybe = &s.Text
	}
	if depth > 0 {
		s.Parts = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sample { return drawSample(t, depth-1) }), 0, 2).Draw(t, "parts")
		inner, err := Marshal(drawSample(t, 0))
		if err != nil {
			t.Fatal(err)
		}
		s.Inner = inner
	}
	return s
}

// drawText prefers what escapes and orders differently.
func drawText(t *rapid.T) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("az\"\\/\b\t\n\f\r\x00\x1f\x7f\u00e9\u2028\ud7ff\ue000\ufffd\uffff\U00010000\U0001F600<>&")), 0, 4, -1).Draw(t, "text")
}

func TestUnmarshalInvertsMarshal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSample(t, 2)
		data, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := sample{Text: "left over", Maybe: new(string), Names: map[string]string{"left": "over"}}
		if err := Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s reads back with difference (-want +got):\n%s", data, d)
		}
	})
}

func TestMarshalAgreesWithJCS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSample(t, 2)
		got, err := Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		s.Parts = emptyForNil(s.Parts)
		loose, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(loose)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

// emptyForNil undoes encoding/json's null for nil.
func emptyForNil(parts []sample) []sample {
	out := make([]sample, 0, len(parts))
	for _, p := range parts {
		p.Parts = emptyForNil(p.Parts)
		out = append(out, p)
	}
	return out
}

// Check accepts exactly the fixed points of the oracle.
func TestCheckAgreesWithJCS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, err := Marshal(drawSample(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case 1:
			data = append(data[:at], data[at+1:]...)
		case 2:
			data = append(data[:at:at], append([]byte{rapid.SampledFrom([]byte(" \n0e.-\"\\,{}[]u")).Draw(t, "byte")}, data[at:]...)...)
		}
		want, err := jcs.Transform(data)
		same := err == nil && bytes.Equal(want, data)
		if got := Check(data); got == nil && !same {
			t.Fatalf("Check accepts %q, jcs gives %q, %v", data, want, err)
		} else if got != nil && same && !strings.Contains(got.Error(), "2^53") && !strings.Contains(got.Error(), "without leading zeros") &&
			!strings.Contains(got.Error(), "want , or") {
			t.Fatalf("Check refuses %q: %v", data, got)
		}
	})
}

func TestEveryBitFlipIsSeen(t *testing.T) {
	note := "é\n"
	inner, err := Marshal(sample{Inner: Raw(`{"a":[1,2]}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := sample{
		Text: "x\u0001\"", Number: -17, Big: 1 << 60, Flag: true, Bytes: []byte{0, 255}, Digest: Sum(inner), Maybe: &note,
		Names: map[string]string{"en": "dose", "fr": "dose"}, Parts: []sample{{Inner: Raw(`0`)}}, Inner: inner,
	}
	data, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(data) {
		flipped := bytes.Clone(data)
		flipped[i/8] ^= 1 << (i % 8)
		var got sample
		if err := Unmarshal(flipped, &got); err != nil {
			if !errors.Is(err, ErrNotCanonical) || !reflect.DeepEqual(got, sample{}) {
				t.Errorf("bit %d: error %v leaves %+v", i, err, got)
			}
			continue
		}
		if cmp.Equal(want, got, cmpopts.EquateEmpty()) {
			t.Errorf("bit %d: %s reads as the same value", i, flipped)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	type record struct {
		A string         `json:"a"`
		B *int           `json:"b,omitempty"`
		C map[string]int `json:"c"`
	}
	const good = `{"a":"x","b":1,"c":{"k":2}}`
	if err := Unmarshal([]byte(good), new(record)); err != nil {
		t.Fatalf("%s: %v", good, err)
	}
	for name, text := range map[string]string{
		"empty":              ``,
		"space":              `{"a":"x", "c":{}}`,
		"space after":        `{"a":"x","c":{}} `,
		"second document":    `{"a":"x","c":{}}{}`,
		"other order":        `{"c":{},"a":"x"}`,
		"missing key":        `{"a":"x"}`,
		"unknown key":        `{"a":"x","c":{},"d":1}`,
		"other case":         `{"A":"x","c":{}}`,
		"Kelvin sign":        `{"a":"x","c":{},"\u212a":1}`,
		"repeated key":       `{"a":"x","a":"x","c":{}}`,
		"repeated map key":   `{"a":"x","c":{"k":1,"k":1}}`,
		"null for text":      `{"a":null,"c":{}}`,
		"null for map":       `{"a":"x","c":null}`,
		"null for omitted":   `{"a":"x","b":null,"c":{}}`,
		"needless escape":    `{"a":"\u0078","c":{}}`,
		"slash escape":       `{"a":"\/","c":{}}`,
		"upper-case escape":  `{"a":"\u001F","c":{}}`,
		"long escape":        `{"a":"\u000a","c":{}}`,
		"bare control":       "{\"a\":\"\n\",\"c\":{}}",
		"lone surrogate":     `{"a":"\ud800","c":{}}`,
		"surrogate pair":     `{"a":"\ud83d\ude00","c":{}}`,
		"surrogate in UTF-8": "{\"a\":\"\xed\xa0\x80\",\"c\":{}}",
		"overlong UTF-8":     "{\"a\":\"\xc1\xb8\",\"c\":{}}",
		"invalid UTF-8":      "{\"a\":\"\xff\",\"c\":{}}",
		"byte order mark":    "\xef\xbb\xbf" + good,
		"minus zero":         `{"a":"x","b":-0,"c":{}}`,
		"leading zero":       `{"a":"x","b":01,"c":{}}`,
		"fraction":           `{"a":"x","b":1.0,"c":{}}`,
		"exponent":           `{"a":"x","b":1e0,"c":{}}`,
		"2^53":               `{"a":"x","b":9007199254740992,"c":{}}`,
		"huge number":        `{"a":"x","b":` + strings.Repeat("9", 1000) + `,"c":{}}`,
		"unfinished":         `{"a":"x`,
		"trailing comma":     `{"a":"x","c":{},}`,
	} {
		got := record{A: "kept"}
		if err := Unmarshal([]byte(text), &got); !errors.Is(err, ErrNotCanonical) || got.A != "kept" {
			t.Errorf("%s: Unmarshal(%q) = %v, %+v; want ErrNotCanonical and the value untouched", name, text, err, got)
		}
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if err := Check(nest(MaxDepth)); err != nil {
		t.Error(err)
	}
	for _, n := range []int{MaxDepth + 1, 1_000_000} {
		if err := Check(nest(n)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%d levels: %v", n, err)
		}
	}
	type wrap struct {
		In Raw `json:"in"`
	}
	if _, err := Marshal(wrap{nest(MaxDepth - 1)}); err != nil {
		t.Error(err)
	}
	if _, err := Marshal(wrap{nest(MaxDepth)}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("raw document too deep: %v", err)
	}
	type ring struct {
		Next *ring `json:"next"`
	}
	r := &ring{}
	r.Next = r
	if _, err := Marshal(r); !errors.Is(err, ErrUnsupported) {
		t.Errorf("cycle: %v", err)
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"nil":           nil,
		"float":         1.5,
		"int64":         int64(1),
		"uint":          uint(1),
		"2^53":          maxSafe,
		"-2^53":         -maxSafe,
		"int keys":      map[int]string{1: "x"},
		"invalid UTF-8": "\xff",
		"invalid key":   map[string]int{"\xff": 1},
		"no tag":        struct{ A int }{},
		"no name": struct {
			A int `json:",omitempty"`
		}{},
		"dash": struct {
			A int `json:"-"`
		}{},
		"other option": struct {
			A int `json:"a,string"`
		}{},
		"any": struct {
			A any `json:"a"`
		}{},
		"empty raw":     Raw(nil),
		"spaced raw":    Raw(`[1, 2]`),
		"own JSON form": json.RawMessage(`1`),
	} {
		if data, err := Marshal(v); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: Marshal = %s, %v; want ErrUnsupported", name, data, err)
		}
	}
	for _, v := range []any{nil, sample{}, (*sample)(nil)} {
		if err := Unmarshal([]byte(`{}`), v); !errors.Is(err, ErrUnsupported) {
			t.Errorf("Unmarshal into %T: %v", v, err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	data, err := Marshal(sample{Text: "\n", Inner: Raw(`[{"k":"\u0001"}]`), Names: map[string]string{"\U0001F600": "", "\ue000": ""}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data) == nil {
			again, err := Marshal(Raw(data))
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("checked document %q writes as %q, %v", data, again, err)
			}
			if !json.Valid(data) {
				t.Fatalf("%q is canonical and not JSON", data)
			}
		}
		var s sample
		if Unmarshal(data, &s) == nil {
			if again, err := Marshal(s); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q reads and writes as %q, %v", data, again, err)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	s := sample{Inner: Raw(`{}`), Parts: make([]sample, 10_000)}
	for i := range s.Parts {
		s.Parts[i].Inner = Raw(`{}`)
	}
	data, err := Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := Unmarshal(data, new(sample)); err != nil {
			b.Fatal(err)
		}
	}
}
