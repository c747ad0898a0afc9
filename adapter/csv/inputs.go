package csv

import (
	"errors"
	"fmt"
	"io"

	"comity"
	"comity/allocator/program"
	"comity/exact"
	"comity/party"
)

// maxInputs bounds the numbers of a rehearsal: 200 parties with 100 values in 52 periods.
const maxInputs = 1 << 20

// ReadInputs reads the numbers with which a charter is tried out: party, name and value,
// a row for each number. Names are those of expressions, as party.population,
// supply.doses and picture.ratio_w2; a value that is declared for every period has its
// number behind it, as party.load/3. Values are whole or, for a ratio of the picture,
// exact as 0.75 or 3/4. Errors are *Error; one about a number points at it and wraps the
// reason of program.InputsFrom.
func ReadInputs(name string, in io.Reader, c comity.Charter) (program.Inputs, error) {
	t, at, err := open(name, in, []string{"party", "name", "value"}, 3)
	if err != nil {
		return program.Inputs{}, err
	}
	type place struct{ line, column int }
	var given []program.Given
	var places []place
	err = t.each(func(cells []cell) error {
		if len(given) == maxInputs {
			return t.fail(1, fmt.Sprintf("more than %d numbers", maxInputs), "try out a smaller plan")
		}
		value, err := exact.Parse(string(cells[at[2]].text))
		if err != nil {
			return t.fail(cells[at[2]].column, fmt.Sprintf("%q is no exact number", clip(cells[at[2]].text)), "write digits, as 1200, 0.75 or 3/4")
		}
		given = append(given, program.Given{Party: party.ID(cells[at[0]].text), Name: string(cells[at[1]].text), Value: value})
		places = append(places, place{t.line, cells[at[1]].column})
		return nil
	})
	if err != nil {
		return program.Inputs{}, err
	}
	inputs, err := program.InputsFrom(c, given)
	if wrong := new(program.GivenError); errors.As(err, &wrong) {
		p := places[wrong.Index]
		return inputs, &Error{File: name, Line: p.line, Column: p.column, Reason: err.Error(), Fix: "see the data clauses of the charter", Cause: err}
	}
	if err != nil {
		return inputs, &Error{File: name, Line: 1, Column: 1, Reason: err.Error(), Fix: "see the data clauses of the charter", Cause: err}
	}
	return inputs, nil
}
