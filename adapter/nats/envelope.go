package nats

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// An answer is one status byte and a body: 0 and the handler's bytes, or 1, the length
// of a code in one byte, the code, and a text.
const (
	answerGood = 0
	answerBad  = 1
)

const (
	maxCode = 64   // Bytes of a code.
	maxText = 4096 // Bytes of an error's text: it goes to a log or a screen.
	// envelope is what an answer may take beyond its body.
	envelope = 2 + maxCode + maxText
)

// Codes that the transport itself answers with.
const (
	CodeFailed   = "failed"    // The handler's error had no code.
	CodeBusy     = "busy"      // The member has too many requests open.
	CodeTooLarge = "too_large" // The handler's answer exceeds the largest payload.
	codeNobody   = "nobody"    // A piece of a kind that is not handled.
)

// RemoteError is an error of the handler at the other end. A handler that returns one
// chooses its code; all other errors arrive with CodeFailed.
type RemoteError struct {
	Code string // For programs: up to 64 bytes.
	Text string // For people: up to 4,096 bytes.
}

// Error returns the text.
func (e *RemoteError) Error() string { return e.Text }

// encodeAnswer writes what a handler returned. It cuts off what is too long.
func encodeAnswer(body []byte, err error, most int) []byte {
	if err == nil && len(body) > most {
		err = &RemoteError{CodeTooLarge, fmt.Sprintf("answer of %d bytes, at most %d", len(body), most)}
	}
	if err == nil {
		return append([]byte{answerGood}, body...)
	}
	code := CodeFailed
	if remote, ok := errors.AsType[*RemoteError](err); ok {
		code = clip(remote.Code, maxCode)
	}
	out := append([]byte{answerBad, byte(len(code))}, code...) //nolint:gosec // Clipped to maxCode.
	return append(out, clip(err.Error(), maxText)...)
}

// decodeAnswer reads an answer; whatever is not one is an error of the peer.
func decodeAnswer(data []byte) ([]byte, error) {
	if len(data) >= 1 && data[0] == answerGood {
		return data[1:], nil
	}
	if len(data) < 2 || data[0] != answerBad || int(data[1]) > maxCode || len(data) < 2+int(data[1]) {
		return nil, &RemoteError{CodeFailed, fmt.Sprintf("answer of %d bytes has no valid status", len(data))}
	}
	code, text := data[2:2+data[1]], data[2+data[1]:]
	return nil, &RemoteError{clip(string(code), maxCode), clip(string(text), maxText)}
}

// clip bounds a text and makes it safe to show: a peer wrote it.
func clip(s string, most int) string {
	s = s[:min(len(s), most)]
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) { // Cf can turn the order of a line around.
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
