// Package cel compiles what people type as a number in a charter into a sealed
// expression (comity.Expr).
//
// CEL is surface syntax only. Of it the charter takes whole numbers, exact ones as
// q("0.5"), inputs as party.population, + - * / and min, max and round(x, step).
// Every number is an exact rational, so 1/2 is a half and not zero. Everything else
// is refused, binary floating point first of all.
//
// Nothing is folded or reordered: the sealed tree has the operations that people
// typed, so that charter.Format shows them what they signed. Only the spelling of
// constants is lost: q("0.50") and q("1/2") are one number.
package cel

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"comity"
	"comity/exact"
	"comity/governor/charter"
)

// MaxSource bounds the text of one expression in bytes: charter.Format of the largest
// sealed expression fits.
const MaxSource = 96 << 10

// Compile returns the sealed form of source. It is a charter.Compiler: a refusal is a
// *charter.SourceError with its place in the source.
func Compile(source string) (comity.Expr, error) {
	e, _, err := compile(source)
	return e, err
}

// Evaluate computes source with the engine of CEL instead of charter.Eval: a second
// way to the same number, for those who trust neither. It asks for all inputs first.
func Evaluate(source string, input func(name string) (exact.Rat, error)) (exact.Rat, error) {
	e, checked, err := compile(source)
	if err != nil {
		return exact.Rat{}, err
	}
	env, err := environment()
	if err != nil {
		return exact.Rat{}, err
	}
	program, err := env.Program(checked)
	if err != nil {
		return exact.Rat{}, fmt.Errorf("plan expression: %w", err)
	}
	values, err := bind(charter.InputsOf(e), input)
	if err != nil {
		return exact.Rat{}, err
	}
	out, _, err := program.Eval(values)
	if err != nil {
		return exact.Rat{}, fmt.Errorf("evaluate expression: %w", err)
	}
	v, ok := out.(rational)
	if !ok {
		return exact.Rat{}, fmt.Errorf("%w: result of type %s", charter.ErrExpression, out.Type().TypeName())
	}
	return v.Rat, nil
}

// bind returns the variables of a program: one map for each namespace.
func bind(names []string, input func(name string) (exact.Rat, error)) (map[string]any, error) {
	values := map[string]any{}
	spaces := map[string]map[string]rational{}
	for _, space := range charter.Namespaces() {
		spaces[space] = map[string]rational{}
		values[space] = spaces[space]
	}
	for _, name := range names {
		v, err := input(name)
		if err != nil {
			return nil, err
		}
		space, value, _ := strings.Cut(name, ".")
		spaces[space][value] = rational{v}
	}
	return values, nil
}

// compile parses source, translates it, and lets CEL check the types.
func compile(source string) (comity.Expr, *cel.Ast, error) {
	if len(source) > MaxSource {
		return comity.Expr{}, nil, &charter.SourceError{Line: 1, Column: 1, Message: fmt.Sprintf("the expression has %d bytes, at most %d", len(source), MaxSource), Fix: "split the rule"}
	}
	env, err := environment()
	if err != nil {
		return comity.Expr{}, nil, err
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return comity.Expr{}, nil, refusal(issues, "not an expression: ")
	}
	c := &compiler{source: source, tree: parsed.NativeRep()}
	e, err := c.expr(c.tree.Expr())
	if err != nil {
		return comity.Expr{}, nil, err
	}
	if err := charter.CheckExpr(e); err != nil {
		return comity.Expr{}, nil, &charter.SourceError{Line: 1, Column: 1, Message: err.Error(), Fix: "split the rule"}
	}
	c.promote(c.tree.Expr())
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return comity.Expr{}, nil, refusal(issues, "types do not fit: ")
	}
	return e, checked, nil
}

// refusal returns the first issue of CEL with its place.
func refusal(issues *cel.Issues, prefix string) error {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	const most = 160 // The parser lists every token that could follow.
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "..."
	}
	return &charter.SourceError{
		Line: max(first.Location.Line(), 1), Column: max(first.Location.Column(), 0) + 1,
		Message: prefix + message, Fix: "check parentheses, quotes and operators",
	}
}

// compiler translates one parsed source.
type compiler struct {
	source string
	tree   *ast.AST
	nextID int64
}

const offered = "write numbers, inputs, + - * / and min, max, round(x, step)"

func (c *compiler) refuse(e ast.Expr, message, fix string) error {
	at := c.tree.SourceInfo().GetStartLocation(e.ID())
	return &charter.SourceError{Line: max(at.Line(), 1), Column: max(at.Column(), 0) + 1, Message: message, Fix: fix}
}

func (c *compiler) expr(e ast.Expr) (comity.Expr, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e)
	case ast.IdentKind:
		return comity.Expr{}, c.refuse(e, fmt.Sprintf("%.40s alone names no input", e.AsIdent()), "write where it comes from, as party."+clip(e.AsIdent()))
	case ast.SelectKind:
		return c.input(e)
	case ast.CallKind:
		return c.call(e)
	default:
		return comity.Expr{}, c.refuse(e, "a list, map or message is no number", offered)
	}
}

func (c *compiler) literal(e ast.Expr) (comity.Expr, error) {
	switch v := e.AsLiteral().(type) {
	case types.Int:
		n := exact.Int(int64(v))
		return comity.Expr{Op: "const", Value: &n}, nil
	case types.Double:
		text := c.spelling(e)
		return comity.Expr{}, c.refuse(e, text+" is binary floating point, in which most decimals do not exist", fmt.Sprintf("write q(%q) instead of %s", text, text))
	case types.String:
		return comity.Expr{}, c.refuse(e, "a text is no number", fmt.Sprintf("write q(%q) if it is one", clip(string(v))))
	default:
		return comity.Expr{}, c.refuse(e, fmt.Sprintf("a %s is no number", v.Type().TypeName()), offered)
	}
}

// spelling returns a number as it stands in the source.
func (c *compiler) spelling(e ast.Expr) string {
	span, ok := c.tree.SourceInfo().GetOffsetRange(e.ID())
	runes := []rune(c.source)
	if !ok || span.Start < 0 || span.Stop > int32(len(runes)) || span.Start >= span.Stop { //nolint:gosec // At most MaxSource.
		return "0.5"
	}
	return clip(string(runes[span.Start:span.Stop]))
}

func (c *compiler) input(e ast.Expr) (comity.Expr, error) {
	s := e.AsSelect()
	if s.IsTestOnly() || s.Operand().Kind() != ast.IdentKind {
		return comity.Expr{}, c.refuse(e, "an input has two words", "write it as party.population")
	}
	name := s.Operand().AsIdent() + "." + s.FieldName()
	out := comity.Expr{Op: "input", Name: name}
	if err := charter.CheckExpr(out); err != nil {
		return comity.Expr{}, c.refuse(e, fmt.Sprintf("%q cannot name an input", clip(name)), "use two lower-case words with a dot between")
	}
	return out, nil
}

// operation returns the sealed name of a function of CEL and how many arguments it has.
func operation(function string) (op string, least, most int) {
	switch function {
	case operators.Add:
		return "add", 2, 2
	case operators.Subtract:
		return "sub", 2, 2
	case operators.Multiply:
		return "mul", 2, 2
	case operators.Divide:
		return "div", 2, 2
	case "min", "max":
		return function, 2, charter.MaxArgs
	case "round":
		return function, 2, 2
	default:
		return "", 0, 0
	}
}

func (c *compiler) call(e ast.Expr) (comity.Expr, error) {
	call := e.AsCall()
	op, least, most := operation(call.FunctionName())
	switch {
	case call.IsMemberFunction():
		return comity.Expr{}, c.refuse(e, fmt.Sprintf("%.40s is called on a value", call.FunctionName()), "write the function first, as min(x, y)")
	case call.FunctionName() == exactNumber:
		return c.number(e)
	case call.FunctionName() == operators.Negate:
		return comity.Expr{}, c.refuse(e, "a minus sign before something else than a number", "write 0 - x")
	case op == "":
		return comity.Expr{}, c.refuse(e, readable(call.FunctionName())+" is not part of charter expressions", offered)
	case len(call.Args()) < least || len(call.Args()) > most:
		return comity.Expr{}, c.refuse(e, fmt.Sprintf("%s has %d arguments, takes %d to %d", op, len(call.Args()), least, most), offered)
	}
	out := comity.Expr{Op: op}
	for _, a := range call.Args() {
		arg, err := c.expr(a)
		if err != nil {
			return comity.Expr{}, err
		}
		out.Args = append(out.Args, arg)
	}
	return out, nil
}

// readable writes an operator as people type it.
func readable(function string) string {
	if symbol, ok := operators.FindReverse(function); ok && symbol != "" {
		return symbol
	}
	return clip(strings.Trim(function, "_@"))
}

// number reads q("0.5").
func (c *compiler) number(e ast.Expr) (comity.Expr, error) {
	args := e.AsCall().Args()
	if len(args) == 1 && args[0].Kind() == ast.LiteralKind {
		if text, ok := args[0].AsLiteral().(types.String); ok {
			if v, err := exact.Parse(string(text)); err == nil {
				return comity.Expr{Op: "const", Value: &v}, nil
			}
		}
	}
	return comity.Expr{}, c.refuse(e, "q does not hold one exact number in quotes", `write q("0.5") or q("2/3")`)
}

// promote makes every whole number an exact one, so that CEL checks and computes
// with one type: its own division of whole numbers would cut off the remainder.
func (c *compiler) promote(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		factory := ast.NewExprFactory()
		c.nextID = max(c.nextID, ast.MaxID(c.tree)) + 1
		inner := factory.NewLiteral(c.nextID, e.AsLiteral())
		e.SetKindCase(factory.NewCall(e.ID(), exactNumber, inner))
	case ast.CallKind:
		if e.AsCall().FunctionName() == exactNumber {
			return
		}
		for _, a := range e.AsCall().Args() {
			c.promote(a)
		}
	default: // An input; expr refused all the rest.
	}
}

func clip(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
