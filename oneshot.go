package comity

import (
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// The kinds of statement of a one-shot sum, in the order in which one round uses them
// (docs/format/secagg-once.md).
const (
	KindOpen      Kind = "open"      // Open: one sum is opened, on these terms.
	KindJoin      Kind = "join"      // Join: a member wants to be in and commits to a nonce.
	KindNonce     Kind = "nonce"     // Nonce: the nonce, after the deadline for joining.
	KindDeal      Kind = "deal"      // Deal: what a member's masks can be recovered from.
	KindComplaint Kind = "complaint" // Complaint: a share is not what its dealer stands for.
	KindCommit    Kind = "commit"    // Commit: the masked vector a member uploaded.
	KindSurvivors Kind = "survivors" // Survivors: whose vectors are in the sum.
	KindUnmask    Kind = "unmask"    // Unmask: one member's shares and fingerprint.
	KindResult    Kind = "result"    // Result: the sum and what it is recomputed from.
)

// Open says what is added once, under which plan and on what terms.
type Open struct {
	Round      string       `json:"round"`       // Unique in the body.
	Epoch      string       `json:"epoch"`       // Whose pair secrets mask it.
	Clause     string       `json:"clause"`      // The data clause that allows it.
	Plan       canon.Digest `json:"plan"`        // Of the plan that authorises it.
	Schema     canon.Digest `json:"schema"`      // Of the rows that enter.
	Lanes      int          `json:"lanes"`       // How many integers are added.
	Bound      canon.Int    `json:"bound"`       // The largest size of one integer of one member, its noise included.
	Noise      string       `json:"noise"`       // What each member adds to its own: "none", or a mechanism and its scale.
	Threshold  exact.Rat    `json:"threshold"`   // The share of a member's holders that recovers its masks: above 1/2, at most 1.
	MinMembers int          `json:"min_members"` // The fewest members whose sum may be opened, in each bucket.
	Bucket     int          `json:"bucket"`      // The least size of a bucket; 0 for one bucket.
	Degree     int          `json:"degree"`      // Neighbours of a member in a bucket above 60; 0 for the rule of the format.
	Layout     string       `json:"layout"`      // The round of this epoch whose nonces chose buckets and neighbours: its own name in the first.
	JoinBy     int          `json:"join_by"`     // Log time in Unix seconds, as are all deadlines; each is later than the one before.
	NonceBy    int          `json:"nonce_by"`
	DealBy     int          `json:"deal_by"`
	ComplainBy int          `json:"complain_by"`
	CommitBy   int          `json:"commit_by"`
	UnmaskBy   int          `json:"unmask_by"`
}

// Join is a member's wish to be in a round, with its part of the public coin.
type Join struct {
	Round       string       `json:"round"`
	NonceCommit canon.Digest `json:"nonce_commit"`
}

// Nonce opens what Join committed to. Who does not open it is not in.
type Nonce struct {
	Round string `json:"round"`
	Nonce []byte `json:"nonce"` // 32 bytes.
}

// Deal binds a member to its two secrets, to the table of its pair masks and to the
// shares of both that its holders were sent.
type Deal struct {
	Round    string       `json:"round"`
	Bucket   int          `json:"bucket"`
	Self     canon.Digest `json:"self"`     // Of its self mask.
	Recovery canon.Digest `json:"recovery"` // Of the key of its table.
	Table    canon.Digest `json:"table"`    // Of the sealed table.
	Shares   canon.Digest `json:"shares"`   // Root over the shares of its holders.
}

// Complaint says that a dealer's share is not what Deal stands for. With Key anybody
// can check it and the dealer is out; without, it is word against word and both are.
type Complaint struct {
	Round  string         `json:"round"`
	Bucket int            `json:"bucket"`
	Dealer party.ID       `json:"dealer"`
	Leaf   []byte         `json:"leaf,omitempty"` // The share as it was dealt.
	Path   []canon.Digest `json:"path,omitempty"` // From the leaf to the root in Deal.
	Key    []byte         `json:"key,omitempty"`  // What the leaf is sealed under; it opens nothing else.
}

// Commit binds a member to the masked vector that it uploaded.
type Commit struct {
	Round   string       `json:"round"`
	Bucket  int          `json:"bucket"`
	Dealers canon.Digest `json:"dealers"` // Of everybody it is masked with, and their deals.
	Masked  canon.Digest `json:"masked"`  // Of salt and masked vector.
}

// Survivors says whose vectors are in the sum. The first admissible one of a bucket counts.
type Survivors struct {
	Round   string       `json:"round"`
	Bucket  int          `json:"bucket"`
	Members []party.ID   `json:"members"` // In ascending order.
	Masked  canon.Digest `json:"masked"`  // Of the blob of the masked sum.
}

// Unmask is what a survivor gives once Survivors is witnessed, at most once a bucket:
// shares of the self masks of survivors and of the table keys of those who fell out,
// and the fingerprint of its own masked vector.
type Unmask struct {
	Round     string       `json:"round"`
	Bucket    int          `json:"bucket"`
	Survivors canon.Digest `json:"survivors"` // Of the Survivors that it answers.
	Size      int          `json:"size"`      // The witnessed log size whose root chose the places.
	Shares    [][]byte     `json:"shares"`    // 32 bytes, or none where the share never arrived; by dealer it holds for, ascending.
	Points    []canon.Int  `json:"points"`    // Values modulo 2^61-1.
}

// Result names the sum of a bucket and what anybody recomputes it from.
type Result struct {
	Round     string       `json:"round"`
	Bucket    int          `json:"bucket"`
	Survivors canon.Digest `json:"survivors"`
	Opening   canon.Digest `json:"opening"` // Blob: recovered secrets and tables.
	Sum       canon.Digest `json:"sum"`     // Blob: the sum.
}
