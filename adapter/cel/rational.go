package cel

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"comity/exact"
	"comity/governor/charter"
)

// exactNumber is the function that reads an exact number: q("0.5").
const exactNumber = "q"

// typeName names the one type that values of charter expressions have.
const typeName = "comity.Rat"

// rational is an exact number as a value of CEL.
type rational struct{ exact.Rat }

// ConvertToNative refuses: no Go type but exact.Rat holds it.
func (r rational) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%w: %s as %s", charter.ErrExpression, typeName, t)
}

// ConvertToType refuses: charters convert nothing.
func (r rational) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("no conversion of %s to %s", typeName, t.TypeName())
}

// Equal compares numbers.
func (r rational) Equal(other ref.Val) ref.Val {
	o, ok := other.(rational)
	return types.Bool(ok && r.Cmp(o.Rat) == 0)
}

// Type returns the type of exact numbers.
func (r rational) Type() ref.Type { return types.NewOpaqueType(typeName) }

// Value returns the number.
func (r rational) Value() any { return r.Rat }

// environment declares what a charter expression may use, and nothing else: no
// standard library, no macros.
func environment() (*cel.Env, error) {
	number := types.NewOpaqueType(typeName)
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxSource),
		// Of the productions of the grammar, of which one level of charter.MaxDepth
		// takes two at most: a call or parenthesis, and the expression in it.
		cel.ParserRecursionLimit(10 * charter.MaxDepth),
		cel.Function(exactNumber,
			cel.Overload("q_string", []*cel.Type{cel.StringType}, number, cel.UnaryBinding(parse)),
			cel.Overload("q_int", []*cel.Type{cel.IntType}, number, cel.UnaryBinding(promoted))),
		binary(number, operators.Add, "add_rat", func(x, y exact.Rat) (exact.Rat, error) { return x.Add(y), nil }),
		binary(number, operators.Subtract, "sub_rat", func(x, y exact.Rat) (exact.Rat, error) { return x.Sub(y), nil }),
		binary(number, operators.Multiply, "mul_rat", func(x, y exact.Rat) (exact.Rat, error) { return x.Mul(y), nil }),
		binary(number, operators.Divide, "div_rat", exact.Rat.Quo),
		binary(number, "round", "round_rat", charter.Round),
		extreme(number, "min", -1),
		extreme(number, "max", 1),
	}
	for _, space := range charter.Namespaces() {
		options = append(options, cel.Variable(space, cel.MapType(cel.StringType, number)))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("declare charter expressions: %w", err)
	}
	return env, nil
}

// binary declares one operation on two numbers.
func binary(number *cel.Type, function, overload string, compute func(x, y exact.Rat) (exact.Rat, error)) cel.EnvOption {
	return cel.Function(function, cel.Overload(overload, []*cel.Type{number, number}, number, cel.BinaryBinding(func(l, r ref.Val) ref.Val {
		x, ok := l.(rational)
		y, also := r.(rational)
		if !ok || !also {
			return types.NewErr("%s of something that is no number", function)
		}
		v, err := compute(x.Rat, y.Rat)
		if err != nil {
			return types.WrapErr(err)
		}
		return rational{v}
	})))
}

// extreme declares min (sign -1) or max (sign 1) of up to charter.MaxArgs numbers.
func extreme(number *cel.Type, function string, sign int) cel.EnvOption {
	compute := func(args ...ref.Val) ref.Val {
		best, ok := args[0].(rational)
		for _, a := range args[1:] {
			next, also := a.(rational)
			ok = ok && also
			if ok && next.Cmp(best.Rat) == sign {
				best = next
			}
		}
		if !ok {
			return types.NewErr("%s of something that is no number", function)
		}
		return best
	}
	var overloads []cel.FunctionOpt
	params := []*cel.Type{number}
	for n := 2; n <= charter.MaxArgs; n++ {
		params = append(params, number)
		id := fmt.Sprintf("%s_rat_%d", function, n)
		bound := cel.FunctionBinding(compute)
		if n == 2 { // CEL dispatches two arguments by its own kind of binding.
			bound = cel.BinaryBinding(func(l, r ref.Val) ref.Val { return compute(l, r) })
		}
		overloads = append(overloads, cel.Overload(id, params[:n:n], number, bound))
	}
	return cel.Function(function, overloads...)
}

func parse(v ref.Val) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return types.NewErr("q of something that is no text")
	}
	r, err := exact.Parse(string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return rational{r}
}

func promoted(v ref.Val) ref.Val {
	n, ok := v.(types.Int)
	if !ok {
		return types.NewErr("q of something that is no whole number")
	}
	return rational{exact.Int(int64(n))}
}
