package parquet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"comity/place"
)

// drain reads all rows and returns the error that ended them.
func drain(data []byte) error {
	r, err := NewRows("x", bytes.NewReader(data), int64(len(data)))
	for err == nil {
		_, err = r.Next()
	}
	return err
}

// Each byte of a file damaged in turn: the rows are read, or the error says where.
func TestDamaged(t *testing.T) {
	data := written(t, sample(3))
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0x55
		if err := drain(damaged); !errors.Is(err, io.EOF) && !errors.Is(err, place.ErrUnreadable) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

// A few bytes of this encoding can hold text without end.
func TestDeltaByteArray(t *testing.T) {
	var b bytes.Buffer
	w := parquet.NewWriter(&b, parquet.NewSchema("x", parquet.Group{"gauge": parquet.Encoded(parquet.String(), &parquet.DeltaByteArray)}))
	if _, err := w.WriteRows([]parquet.Row{{parquet.ByteArrayValue([]byte("Köln")).Level(0, 0, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := drain(b.Bytes()); !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), "DELTA_BYTE_ARRAY is not read") {
		t.Error(err)
	}
}

// A column of lists is left out; a file of nothing else is refused.
func TestOnlyNested(t *testing.T) {
	type row struct {
		Tags []string `parquet:"tags,list"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	if _, err := w.Write([]row{{[]string{"a"}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := drain(b.Bytes()); !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), "no column that is not nested") {
		t.Error(err)
	}
}
