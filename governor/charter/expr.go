package charter

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/exact"
)

// Bounds of a sealed expression. The largest expression of the vaccine charter has
// 14 nodes; a rule that needs more than these is not one that people can negotiate.
const (
	MaxNodes = 500 // Operations, inputs and constants together.
	MaxDepth = 24  // Of the tree: two levels of JSON each, of the 64 that a canonical document may have.
	MaxBits  = 512 // Of a numerator or denominator, at every step.
	MaxArgs  = 8   // Of min and max.
	maxName  = 64  // Characters of an input's name.
)

var (
	// ErrExpression says that a tree is not a sealed expression.
	ErrExpression = errors.New("not a charter expression")
	// ErrTooLarge says that an expression or one of its numbers passes a bound.
	ErrTooLarge = errors.New("expression too large")
	// ErrStep says that round was given a step that is not positive.
	ErrStep = errors.New("rounding step not positive")
)

// Eval computes e exactly. It asks input for each named input as it comes to it and
// returns input's error as it is, exact.ErrDivision for a zero divisor, ErrStep for
// round(x, step) with step <= 0, and ErrTooLarge for more than MaxNodes nodes or a
// number of more than MaxBits bits.
func Eval(e comity.Expr, input func(name string) (exact.Rat, error)) (exact.Rat, error) {
	if err := CheckExpr(e); err != nil {
		return exact.Rat{}, err
	}
	return eval(e, input)
}

func eval(e comity.Expr, input func(name string) (exact.Rat, error)) (exact.Rat, error) {
	var v exact.Rat
	var err error
	switch e.Op {
	case "const":
		v = *e.Value
	case "input":
		if v, err = input(e.Name); err != nil {
			return exact.Rat{}, err
		}
	default:
		args := make([]exact.Rat, len(e.Args))
		for i, a := range e.Args {
			if args[i], err = eval(a, input); err != nil {
				return exact.Rat{}, err
			}
		}
		if v, err = apply(e.Op, args); err != nil {
			return exact.Rat{}, fmt.Errorf("in %s: %w", clip(Format(e)), err)
		}
	}
	if bits := size(v); bits > MaxBits {
		return exact.Rat{}, fmt.Errorf("%w: %s has %d bits, at most %d", ErrTooLarge, clip(Format(e)), bits, MaxBits)
	}
	return v, nil
}

// apply computes one operation; CheckExpr made sure of the number of arguments.
func apply(op string, x []exact.Rat) (exact.Rat, error) {
	switch op {
	case "add":
		return x[0].Add(x[1]), nil
	case "sub":
		return x[0].Sub(x[1]), nil
	case "mul":
		return x[0].Mul(x[1]), nil
	case "div":
		return x[0].Quo(x[1])
	case "min":
		return slices.MinFunc(x, exact.Rat.Cmp), nil
	case "max":
		return slices.MaxFunc(x, exact.Rat.Cmp), nil
	case "round":
		return Round(x[0], x[1])
	default:
		return exact.Rat{}, fmt.Errorf("%w: operation %q", ErrExpression, op)
	}
}

// Round returns the multiple of step nearest to x, the upper one of two equally near:
// step * floor(x/step + 1/2). It fails with ErrStep unless step > 0.
func Round(x, step exact.Rat) (exact.Rat, error) {
	if step.Sign() <= 0 {
		return exact.Rat{}, fmt.Errorf("%w: %s", ErrStep, step)
	}
	quotient, err := x.Quo(step)
	if err != nil {
		return exact.Rat{}, err
	}
	half, err := exact.Ratio(1, 2)
	if err != nil {
		return exact.Rat{}, err
	}
	whole := new(big.Rat).SetInt(quotient.Add(half).Floor())
	return exact.FromBig(whole).Mul(step), nil
}

func size(x exact.Rat) int {
	v := x.Big()
	return max(v.Num().BitLen(), v.Denom().BitLen())
}

// CheckExpr refuses a tree that is not well formed: an unknown operation, a wrong
// number of arguments, a part that does not belong, or a bound passed.
func CheckExpr(e comity.Expr) error {
	nodes := 0
	return check(e, 1, &nodes)
}

func check(e comity.Expr, depth int, nodes *int) error {
	if *nodes++; *nodes > MaxNodes {
		return fmt.Errorf("%w: more than %d parts", ErrTooLarge, MaxNodes)
	}
	if depth > MaxDepth {
		return fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, MaxDepth)
	}
	if err := checkParts(e); err != nil {
		return err
	}
	for _, a := range e.Args {
		if err := check(a, depth+1, nodes); err != nil {
			return err
		}
	}
	return nil
}

// checkParts refuses a node that has other parts than its operation uses.
func checkParts(e comity.Expr) error {
	least, most := 2, 2
	switch e.Op {
	case "const", "input":
		least, most = 0, 0
	case "min", "max":
		most = MaxArgs
	case "add", "sub", "mul", "div", "round":
	default:
		return fmt.Errorf("%w: operation %.20q is none of const input add sub mul div min max round", ErrExpression, e.Op)
	}
	switch {
	case len(e.Args) < least || len(e.Args) > most:
		return fmt.Errorf("%w: %s has %d arguments, takes %d to %d", ErrExpression, e.Op, len(e.Args), least, most)
	case (e.Value != nil) != (e.Op == "const"):
		return fmt.Errorf("%w: a value belongs to const and to nothing else, here %s", ErrExpression, e.Op)
	case e.Op == "const" && (size(*e.Value) > MaxBits || len(e.Value.String()) > exact.MaxText):
		return fmt.Errorf("%w: a constant of more than %d characters", ErrTooLarge, exact.MaxText)
	case (e.Name != "") != (e.Op == "input"):
		return fmt.Errorf("%w: a name belongs to input and to nothing else, here %s", ErrExpression, e.Op)
	case e.Op == "input" && !isInputName(e.Name):
		return fmt.Errorf("%w: %.80q cannot name an input; write two words with a dot between", ErrExpression, e.Name)
	}
	return nil
}

// isInputName accepts a namespace, a dot and a name: "party.population".
func isInputName(name string) bool {
	space, rest, ok := strings.Cut(name, ".")
	return ok && len(name) <= maxName && IsWord(space) && IsWord(rest)
}

// IsWord accepts a lower-case letter followed by up to 63 lower-case letters, digits
// and underscores: what names a value, a group or a parameter. The words that the
// language of expressions keeps for itself (cel-spec, "Syntax") are not accepted.
func IsWord(s string) bool {
	switch s {
	case "in", "true", "false", "null":
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// InputsOf returns the names that e uses, ascending, each once.
func InputsOf(e comity.Expr) []string {
	var names []string
	var walk func(e comity.Expr)
	walk = func(e comity.Expr) {
		if e.Op == "input" {
			names = append(names, e.Name)
		}
		for _, a := range e.Args {
			walk(a)
		}
	}
	walk(e)
	slices.Sort(names)
	return slices.Compact(names)
}

func clip(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
