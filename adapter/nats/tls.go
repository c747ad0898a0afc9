package nats

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"comity/canon"
	"comity/party"
)

// tlsKeyFile holds the seed of the hub's TLS key in base64. The certificate is made
// anew at each start; the pin is of the key and stays.
const tlsKeyFile = "tls.key"

// hubTLS returns the server's TLS settings and the pin of its key, which it makes when
// the folder has none.
func hubTLS(folder string) (*tls.Config, canon.Digest, error) {
	key, err := tlsKey(filepath.Join(folder, tlsKeyFile))
	if err != nil {
		return nil, canon.Digest{}, err
	}
	// Nobody reads the certificate's names and dates: members compare the key.
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "comity hub"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("make TLS certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("make TLS certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}},
	}, canon.Sum(leaf.RawSubjectPublicKeyInfo), nil
}

// PinOf returns the pin of the TLS key in a hub's folder, which it makes if there is
// none: invitations name the pin before the hub has run.
func PinOf(folder string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("transport folder: %w", err)
	}
	_, pin, err := hubTLS(folder)
	return pin.String(), err
}

func tlsKey(path string) (ed25519.PrivateKey, error) {
	line, err := party.LoadSecret(path)
	if errors.Is(err, os.ErrNotExist) {
		seed := make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(seed); err != nil {
			return nil, fmt.Errorf("draw TLS key: %w", err)
		}
		line = base64.StdEncoding.EncodeToString(seed)
		err = party.SaveSecret(path, line)
	}
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s:1:1: want %d bytes in base64; remove it and hand out the new pin", party.ErrKeyFile, path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// memberTLS accepts the one peer that holds the key of the pin. Chains, names and dates
// say nothing here, so the library's own check of them is off.
func memberTLS(pin canon.Digest) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection compares the key itself.
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return fmt.Errorf("%w: no certificate", ErrPin)
			}
			if got := canon.Sum(state.PeerCertificates[0].RawSubjectPublicKeyInfo); got != pin {
				return fmt.Errorf("%w: its key has pin %s, the invitation says %s; ask for a new invitation", ErrPin, got, pin)
			}
			return nil
		},
	}
}
