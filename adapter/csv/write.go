package csv

import (
	"encoding/csv"
	"fmt"
	"io"

	"comity/durable"
)

// WriteRows writes lines of cells, the header first, whole or not at all.
func WriteRows(path string, rows [][]string) error {
	err := durable.Write(path, func(file io.Writer) error {
		w := csv.NewWriter(file)
		if err := w.WriteAll(rows); err != nil {
			return err
		}
		return w.Error()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
