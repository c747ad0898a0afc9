package charter

import (
	"strings"

	"comity"
)

// Format writes e as people type it. Compiling the text gives e again.
func Format(e comity.Expr) string {
	var b strings.Builder
	format(&b, e, 0)
	return b.String()
}

// Binding strength: a part that binds less than its place demands gets parentheses.
const (
	bindsSum     = 1
	bindsProduct = 2
	bindsAtom    = 3
)

func format(b *strings.Builder, e comity.Expr, demanded int) {
	strength, sign := bindsAtom, ""
	switch e.Op {
	case "add":
		strength, sign = bindsSum, " + "
	case "sub":
		strength, sign = bindsSum, " - "
	case "mul":
		strength, sign = bindsProduct, " * "
	case "div":
		strength, sign = bindsProduct, " / "
	}
	switch {
	case sign == "" || len(e.Args) != 2:
		formatAtom(b, e)
	case strength < demanded:
		b.WriteByte('(')
		format(b, e, 0)
		b.WriteByte(')')
	default:
		// Operators of one strength group from the left, so the right side needs
		// parentheses already at equal strength.
		format(b, e.Args[0], strength)
		b.WriteString(sign)
		format(b, e.Args[1], strength+1)
	}
}

func formatAtom(b *strings.Builder, e comity.Expr) {
	switch {
	case e.Op == "input":
		b.WriteString(e.Name)
	case e.Op == "const" && e.Value != nil:
		text := e.Value.String()
		if e.Value.IsInt() && e.Value.Sign() >= 0 && len(text) <= maxPlainDigits {
			b.WriteString(text)
			return
		}
		b.WriteString(`q("` + text + `")`)
	default:
		b.WriteString(e.Op)
		b.WriteByte('(')
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			format(b, a, 0)
		}
		b.WriteByte(')')
	}
}

// maxPlainDigits is how long a whole number may be to fit every reader's 63 bits.
const maxPlainDigits = 18
