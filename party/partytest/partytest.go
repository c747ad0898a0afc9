// Package partytest makes keys for tests: the same for the same name in every run, so
// that golden files can hold what they sign. Nothing else may use them.
package partytest

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"testing"

	"comity/canon"
	"comity/party"
)

// Key makes the key pair that has this name in every run.
func Key(t testing.TB, name string) party.Key {
	t.Helper()
	seed := canon.Sum([]byte(name))
	k, err := party.NewKey(name, bytes.NewReader(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Transport makes a NATS user NKey for a name, to which nobody has the secret: base32 of
// a prefix, 32 bytes and their CRC-16/XMODEM (nats-io/nkeys, README).
func Transport(name string) string {
	seed := canon.Sum([]byte(name + ".transport"))
	data := append([]byte{20 << 3}, seed[:]...)
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*0x1021
		}
	}
	return base32.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(data, crc))
}
