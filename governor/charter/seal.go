package charter

import (
	"errors"
	"fmt"

	"comity"
	"comity/canon"
)

// MaxSealed bounds a sealed charter: 1 MiB, thirty times that of thirty parties.
const MaxSealed = 1 << 20

// ErrSealed says that bytes are not a sealed charter.
var ErrSealed = errors.New("not a sealed charter")

// Seal returns the canonical bytes of c, which parties sign, and their digest. It
// refuses a charter that Lint has a problem with (ErrRefused).
func Seal(c comity.Charter) (sealed []byte, digest canon.Digest, err error) {
	if err := Lint(c).Err(fmt.Sprintf("charter %q", clip(c.ID))); err != nil {
		return nil, canon.Digest{}, err
	}
	sealed, err = canon.Marshal(c)
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("seal charter %s: %w", c.ID, err)
	}
	if len(sealed) > MaxSealed {
		return nil, canon.Digest{}, fmt.Errorf("seal charter %s: %w: %d bytes, at most %d", c.ID, ErrSealed, len(sealed), MaxSealed)
	}
	return sealed, canon.Sum(sealed), nil
}

// Open reads what Seal wrote and nothing else: other bytes are ErrSealed, canonical
// bytes of a charter that breaks a rule are ErrRefused.
func Open(sealed []byte) (comity.Charter, canon.Digest, error) {
	if len(sealed) > MaxSealed {
		return comity.Charter{}, canon.Digest{}, fmt.Errorf("%w: %d bytes, at most %d", ErrSealed, len(sealed), MaxSealed)
	}
	var c comity.Charter
	if err := canon.Unmarshal(sealed, &c); err != nil {
		return comity.Charter{}, canon.Digest{}, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	if err := Lint(c).Err(fmt.Sprintf("charter %q", clip(c.ID))); err != nil {
		return comity.Charter{}, canon.Digest{}, err
	}
	return c, canon.Sum(sealed), nil
}
