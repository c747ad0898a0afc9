package node

import (
	"os"
	"path/filepath"

	"comity/canon"
	"comity/durable"
	"comity/party"
)

// Home is the folder of one hub, or of one member; docs/format/home.md shows it.
// Nothing in it is needed that cannot be rebuilt, but keys, data, journals and log.
type Home string

func (h Home) path(parts ...string) string {
	return filepath.Join(append([]string{string(h)}, parts...)...)
}

// Log returns the folder of the log's tiles, which any web server can serve as it is.
func (h Home) Log() string { return h.path("log") }

// Charter returns the file of the sealed charter.
func (h Home) Charter() string { return h.path("charter.json") }

// Text returns the file of the charter as people read it.
func (h Home) Text() string { return h.path("charter.yaml") }

// Receipts returns the folder of the receipts.
func (h Home) Receipts() string { return h.path("receipts") }

// Member returns the home of one member of a consortium that runs on one machine.
func (h Home) Member(id party.ID) Home { return Home(h.path("members", string(id))) }

// Hub returns the folder of the operator's keys.
func (h Home) Hub() Home { return Home(h.path("hub")) }

// Data returns the folder of a member's rows, which never leave it.
func (h Home) Data() string { return h.path("data") }

// NodeKey returns the file of the key that signs statements.
func (h Home) NodeKey() string { return h.path("keys", "node.key") }

// WitnessKey returns the file of the key that cosigns checkpoints.
func (h Home) WitnessKey() string { return h.path("keys", "witness.key") }

// Transport returns the folder of the hub's TLS key.
func (h Home) Transport() string { return h.path("transport") }

// LogKey returns the file of the log's key.
func (h Home) LogKey() string { return h.path("keys", "log.key") }

// TransportKey returns the file of the NATS identity.
func (h Home) TransportKey() string { return h.path("keys", "transport.nk") }

// OfficerKey returns the file of the officers' n-th key, from 1. Real officers keep
// theirs elsewhere; a consortium on one machine has to hold them all.
func (h Home) OfficerKey(n string) string { return h.path("keys", "officer-"+n+".key") }

// Blob returns the file of a public blob, beside the tiles, by its digest.
func Blob(logFolder string, d canon.Digest) string {
	return filepath.Join(logFolder, "blob", d.Hex())
}

// writeFile replaces a file of a home, in folders made for it.
func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(name, data)
}

// storeBlob writes a public blob and returns its digest.
func storeBlob(logFolder string, data []byte) (canon.Digest, error) {
	d := canon.Sum(data)
	name := Blob(logFolder, d)
	if _, err := os.Stat(name); err == nil {
		return d, nil
	}
	return d, writeFile(name, data)
}
