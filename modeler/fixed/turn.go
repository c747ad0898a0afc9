package fixed

// piFine is pi times 2^60 (OEIS A000796).
const piFine = 3622009729038561421

// Sin returns the sine of part/whole turns (of 360 degrees), at most 0.51 units off.
// A whole of zero or less, or above 2^60, is our own bug and panics.
func Sin(part, whole int64) Q16 { return sine(quarters(part, whole, 0)) }

// Cos returns the cosine of part/whole turns, at most 0.51 units off, and panics as Sin does.
func Cos(part, whole int64) Q16 { return sine(quarters(part, whole, 1)) }

// quarters splits part/whole turns, ahead by the given quarters, into whole quarter
// turns modulo 4 and the rest as a ratio below one quarter.
func quarters(part, whole, ahead int64) (quarter, rest, of int64) {
	if whole <= 0 || whole > 1<<60 {
		panic("fixed: a turn needs a whole between 1 and 2^60")
	}
	part %= whole
	if part < 0 {
		part += whole
	}
	return (4*part/whole + ahead) % 4, 4 * part % whole, whole
}

// sine returns the sine of quarter + rest/of quarter turns.
func sine(quarter, rest, of int64) Q16 {
	if quarter%2 == 1 {
		rest = of - rest // The second and fourth quarters run backwards.
	}
	// At most pi/2, in radians with 60 bits: rest/of of it.
	x := MulDiv(rest, piFine/2, of)
	square := MulDiv(x, x, 1<<fine)
	// Taylor, by Horner from the smallest term. The first left out, (pi/2)^25/25!, is
	// below 2^-67.
	sum := int64(1) << fine
	for i := int64(22); i >= 2; i -= 2 {
		sum = 1<<fine - RoundDiv(MulDiv(square, sum, 1<<fine), i*(i+1))
	}
	v := Q16(RoundDiv(MulDiv(x, sum, 1<<fine), 1<<(fine-16)))
	if quarter >= 2 {
		return -v
	}
	return v
}
