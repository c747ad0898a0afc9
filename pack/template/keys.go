package template

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// Nothing up the sleeve: the 32 bytes of every key are a hash of its name, so anybody
// can make them again, and whoever held a private half would have inverted SHA-256.

// standIn returns the bytes of the key of that name.
func standIn(name string) [32]byte {
	return sha256.Sum256([]byte("comity/template: nobody holds the private half of " + name))
}

// signing is a verifier key of signature type 0x01 (c2sp.org/signed-note).
func signing(name string) string { return encode(name, 0x01) }

// witness is a verifier key of signature type 0x04 (c2sp.org/tlog-cosignature).
func witness(name string) string { return encode(name, 0x04) }

// encode writes NAME+HASH+BASE64 (c2sp.org/signed-note, "Verifier keys").
func encode(name string, kind byte) string {
	public := standIn(name)
	data := append([]byte{kind}, public[:]...)
	hash := sha256.Sum256(append([]byte(name+"\n"), data...))
	return name + "+" + hex.EncodeToString(hash[:4]) + "+" + base64.StdEncoding.EncodeToString(data)
}

// transport is a NATS user NKey: base32 of a prefix, 32 bytes and their CRC-16/XMODEM
// (nats-io/nkeys, README).
func transport(name string) string {
	public := standIn(name + ".transport")
	data := append([]byte{20 << 3}, public[:]...) // The prefix byte that base32 writes as U.
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*0x1021
		}
	}
	return base32.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(data, crc))
}
