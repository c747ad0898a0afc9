package measure

import (
	"fmt"
	"math/big"
	"strings"

	"comity/exact"
)

// power returns 10^n.
func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// down returns the largest number with so many decimals that is not above x.
func down(x exact.Rat, decimals int) exact.Rat {
	unit := power(decimals)
	scaled := x.Mul(exact.FromBig(new(big.Rat).SetInt(unit)))
	return exact.FromBig(new(big.Rat).SetFrac(scaled.Floor(), unit))
}

// decimal writes x with so many decimals, the nearest; of two equally near the one above.
func decimal(x exact.Rat, decimals int) string {
	unit := power(decimals)
	half, _ := exact.Ratio(1, 2) // Not a division by 0.
	n := x.Mul(exact.FromBig(new(big.Rat).SetInt(unit))).Add(half).Floor()
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
		n = new(big.Int).Neg(n)
	}
	whole, rest := new(big.Int).QuoRem(n, unit, new(big.Int))
	if decimals == 0 {
		return sign + whole.String()
	}
	digits := rest.String()
	return fmt.Sprintf("%s%s.%s%s", sign, whole, strings.Repeat("0", decimals-len(digits)), digits)
}
