package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"comity/schema"
)

// leaf reads one column of a row group after another, value by value.
type leaf struct {
	column int // Of the file.
	write  func(b []byte, v parquet.Value) ([]byte, error)
	text   []byte // Reused from row to row.

	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer [batch]parquet.Value // Valid as long as their page.
	have   int
	at     int
}

// next returns the next value of the row group.
func (l *leaf) next() (parquet.Value, error) {
	for l.at == l.have {
		if l.page != nil {
			n, err := l.values.ReadValues(l.buffer[:])
			if err != nil && !errors.Is(err, io.EOF) {
				return parquet.Value{}, err
			}
			l.at, l.have = 0, n
			if n > 0 {
				break
			}
			parquet.Release(l.page)
			l.page = nil
		}
		page, err := l.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return parquet.Value{}, fmt.Errorf("column %d ends before its row group", l.column+1)
		}
		if err != nil {
			return parquet.Value{}, err
		}
		l.page, l.values = page, page.Values()
	}
	l.at++
	return l.buffer[l.at-1], nil
}

// close ends the reading of a row group.
func (l *leaf) close() error {
	if l.page != nil {
		parquet.Release(l.page)
		l.page = nil
	}
	l.at, l.have = 0, 0
	if l.pages == nil {
		return nil
	}
	err := l.pages.Close()
	l.pages = nil
	return err
}

// checkPages walks through the headers of a column's pages before the decoder makes room
// for what they state: a few bytes can state billions of values.
func checkPages(in io.ReaderAt, size int64, c format.ColumnMetaData, rows int64) error {
	if rows < 0 || rows > schema.MaxRows || c.NumValues != rows {
		return fmt.Errorf("%d values in a row group of %d rows, at most %d", c.NumValues, rows, schema.MaxRows)
	}
	at := c.DataPageOffset
	if first := c.DictionaryPageOffset; first > 0 && first < at {
		at = first
	}
	end := at + c.TotalCompressedSize
	if at < int64(len(Magic)) || c.TotalCompressedSize < 0 || end < at || end > size {
		return fmt.Errorf("a column from byte %d to %d of %d", at, end, size)
	}
	buffer := make([]byte, maxHeader)
	for left := rows; left > 0; {
		if at >= end {
			return fmt.Errorf("pages end %d values early", left)
		}
		n, err := in.ReadAt(buffer[:min(maxHeader, end-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var h format.PageHeader
		var protocol thrift.CompactProtocol
		reader := protocol.NewReaderFromBytes(buffer[:n])
		if err := thrift.NewDecoder(reader).Decode(&h); err != nil {
			return fmt.Errorf("page at byte %d: %w", at, err)
		}
		values, err := valuesOf(h)
		if err != nil {
			return fmt.Errorf("page at byte %d: %w", at, err)
		}
		if values < 0 || values > left || h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPage || h.CompressedPageSize < 0 || h.CompressedPageSize > maxPage {
			return fmt.Errorf("page at byte %d states %d values in %d bytes (compressed %d); %d values are left, %d bytes possible", at, values, h.UncompressedPageSize, h.CompressedPageSize, left, maxPage)
		}
		left -= values
		at += int64(reader.BytesRead()) + int64(h.CompressedPageSize)
	}
	return nil
}

// valuesOf returns how many rows a page has, and refuses an encoding in which the text
// of a page grows with the square of its bytes.
func valuesOf(h format.PageHeader) (int64, error) {
	values, encoding := int64(0), format.Plain
	switch h.Type {
	case format.DataPage:
		values, encoding = int64(h.DataPageHeader.V.NumValues), h.DataPageHeader.V.Encoding
	case format.DataPageV2:
		values, encoding = int64(h.DataPageHeaderV2.V.NumValues), h.DataPageHeaderV2.V.Encoding
	default:
	}
	if encoding == format.DeltaByteArray {
		return 0, errors.New("encoding DELTA_BYTE_ARRAY is not read; write PLAIN or a dictionary")
	}
	return values, nil
}
