// Package node is one party, wired: the hub that sequences a body's log and adds
// masked vectors, and the member that holds rows, checks everything and signs.
//
// Neither is believed. The hub admits a statement only under the rules of package
// body; a member folds the same log with the same code, believes checkpoints only
// with the charter's threshold of witnesses, takes peers' keys only from that log,
// and answers what the hub asks only when its own state says that it is due.
package node

import (
	"errors"
	"log/slog"
	"time"
)

var (
	// ErrQuorum says that too few parties answered in time.
	ErrQuorum = errors.New("too few parties answered")
	// ErrBusy says that a queue is full or a home is in use.
	ErrBusy = errors.New("busy")
	// ErrDissent says that a member's replay gave another state than the hub's.
	ErrDissent = errors.New("members disagree")
	// ErrSplit says that the hub showed a log that its checkpoint does not describe.
	ErrSplit = errors.New("the log is not what its checkpoint says")
)

// Clock gives the time. It is used for deadlines and cosignature times, never for what
// a statement says.
type Clock func() time.Time

// Event is one line of progress for people: nothing depends on it.
type Event struct {
	Phase string // "found", "keys", "train", "picture", "allocate", "check", "receipts".
	Text  string
	Done  int // Of Total, when Total is known.
	Total int
}

// Progress receives events; it must not block.
type Progress func(Event)

// Messages between hub and members. Requests go up unless said otherwise.
const (
	msgSubmit      = "submit"      // A signed entry; the answer, which is empty, comes when it is logged.
	msgEntries     = "entries"     // entriesRequest; the answer is a list of entries.
	msgSealed      = "sealed"      // A list of sealedBox: pair secrets for peers.
	msgBoxes       = "boxes"       // Epoch; the answer is the list of boxes sealed to the asker.
	msgUpload      = "upload"      // A masked vector.
	msgReveal      = "reveal"      // A self-mask.
	msgAnswer      = "answer"      // stepRequest: what was shown of a step, for a member that missed it.
	msgPosition    = "position"    // In a stepRequest: how many steps are finished.
	msgDuty        = "duty"        // What is due now; the answer is a duty.
	msgBlob        = "blob"        // The hex digest of a public blob; the answer is its bytes.
	msgWitness     = "witness"     // Down, request: a C2SP add-checkpoint body.
	msgCheckpoint  = "checkpoint"  // Down: the newest witnessed checkpoint.
	msgDue         = "due"         // Down: due.
	msgCommitments = "commitments" // Down: what everybody committed to in a step.
	msgSum         = "sum"         // Down: the reveals and the sum of a step.
	msgLetter      = "letter"      // A letter of a question (letterBytes); the answer is one, or empty.
	msgFail        = "fail"        // Something this member found wrong, in words.
)

// due tells members what the hub waits for. A member does it when its own copy of the
// log, up to Size entries, says so too.
type due struct {
	What   string `json:"what"`   // "ratify", "keys", "boxes", "train", "cohort", "fingerprint", "forecast", "check", "consent", "answer".
	Size   int    `json:"size"`   // Log size at which it is due; a witnessed checkpoint covers it.
	Epoch  string `json:"epoch"`  // For keys and boxes.
	Round  string `json:"round"`  // For train and fingerprint.
	Period string `json:"period"` // For forecast and check.
}

// key names a duty regardless of the log size at which the hub asked.
func (d due) key() string { return d.What + " " + d.Epoch + " " + d.Round + " " + d.Period }

// duty is what is due now, with the newest checkpoint, for a member that was away.
type duty struct {
	Due        due    `json:"due"`
	Checkpoint []byte `json:"checkpoint"`
	Now        int64  `json:"now"` // The hub's clock, in seconds since 1970: to compare, nothing depends on it.
}

// Due names.
const (
	dueRatify      = "ratify"
	dueKeys        = "keys"
	dueBoxes       = "boxes"
	dueTrain       = "train"
	dueCohort      = "cohort"
	dueFingerprint = "fingerprint"
	dueForecast    = "forecast"
	dueCheck       = "check"
	dueConsent     = "consent"
	dueAnswer      = "answer"
)

// entriesRequest asks for log entries [From, To).
type entriesRequest struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// maxEntries bounds one answer in entries and bytes, within one transport message.
const (
	maxEntries      = 256
	maxEntriesBytes = 256 << 10 // 5 s on a line of 400 kbit/s.
)

// sealedBox is one pair secret on its way to a peer.
type sealedBox struct {
	Epoch string `json:"epoch"`
	From  string `json:"from"`
	To    string `json:"to"`
	Box   []byte `json:"box"`
}

// witnessAnswer is a C2SP tlog-witness HTTP answer on its way through the transport.
type witnessAnswer struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Body        []byte `json:"body"`
}

func orDiscard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
