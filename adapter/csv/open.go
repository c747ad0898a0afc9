package csv

import "os"

// Open opens a file or a pipe for reading. Errors are *Error.
func Open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "cannot be opened: " + cause(err), Fix: "check the name and the permissions", Cause: err}
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		_ = f.Close() // The first error tells more.
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "not a file", Fix: "give a .csv or .csv.gz file", Cause: err}
	}
	return f, nil
}

// IsDate tells whether a text is a date as these files write it: YYYY-MM-DD, 1970 to 2999.
func IsDate(text string) bool {
	_, err := date([]byte(text))
	return err == nil
}
