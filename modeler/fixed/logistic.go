package fixed

// Logistic returns 1/(1 + e^-x), at most 0.51 units off; Logistic(-x) is exactly
// One - Logistic(x).
func Logistic(x Q16) Q16 {
	p := Q16(RoundDiv(LogisticFine(x), 1<<(logisticDigits-16)))
	if x < 0 {
		// The fine values of x and -x add up to one exactly, but both could be ties.
		return One - Logistic(x.Abs())
	}
	return p
}

// logisticDigits is how many binary digits LogisticFine has after the point.
const logisticDigits = 40

// LogisticFine returns 2^40/(1 + e^-x), at most one unit off. The values of x and -x add
// up to 2^40 exactly.
func LogisticFine(x Q16) int64 {
	mantissa, shift := expParts(-x.Abs())
	// e^-|x| is at most one, so the shift is down; 62 of it leave nothing.
	small := mantissa >> min(62, -shift)
	p := MulDiv(1<<logisticDigits, 1<<fine, 1<<fine+small)
	if x < 0 {
		return 1<<logisticDigits - p
	}
	return p
}

// Softplus returns ln(1 + e^x), at most 1.1 units off, and x itself from about 12 on.
func Softplus(x Q16) Q16 {
	return max(x, 0) + Log(One+Exp(-x.Abs()))
}
