package nats

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAnswersArriveAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		if got, err := decodeAnswer(encodeAnswer(body, nil, len(body))); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("body %x arrives as %x, %v", body, got, err)
		}
		plain := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) }))
		sent := &RemoteError{plain.Filter(func(s string) bool { return len(s) <= maxCode }).Draw(t, "code"), plain.Draw(t, "text")}
		_, err := decodeAnswer(encodeAnswer(body, fmt.Errorf("wrapped: %w", sent), len(body)))
		got, ok := errors.AsType[*RemoteError](err)
		if !ok || got.Code != sent.Code || got.Text != "wrapped: "+sent.Text {
			t.Fatalf("error %+v arrives as %+v", sent, got)
		}
	})
}

func TestLongErrorsAreCut(t *testing.T) {
	data := encodeAnswer(nil, &RemoteError{strings.Repeat("c", 1000), strings.Repeat("\u00e9", 1<<20)}, 0)
	if len(data) > envelope {
		t.Errorf("%d bytes, at most %d", len(data), envelope)
	}
	if _, err := decodeAnswer(data); !utf8.ValidString(err.Error()) {
		t.Errorf("a character was cut: %q", err.Error()[4000:])
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeAnswer([]byte("body"), nil, 10))
	f.Add(encodeAnswer(nil, &RemoteError{"409", "text\x1b[2J"}, 10))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodeAnswer(data)
		if err == nil {
			if !bytes.Equal(encodeAnswer(body, nil, len(body)), data) {
				t.Fatalf("%x reads as body %x", data, body)
			}
			return
		}
		if e, ok := errors.AsType[*RemoteError](err); !ok || len(e.Text) > maxText || len(e.Code) > maxCode || strings.ContainsRune(e.Text, 0x1b) {
			t.Fatalf("%x reads as %+v", data, err)
		}
	})
}
