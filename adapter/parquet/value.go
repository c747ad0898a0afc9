package parquet

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// writer returns how values of a type are written as text: digits with a point, dates as
// YYYY-MM-DD, the shortest decimal that reads back as the same floating-point number
// (parquet format, "Logical Type Definitions").
func writer(t parquet.Type) func([]byte, parquet.Value) ([]byte, error) {
	var logical format.LogicalTypeValue
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case *format.DateType:
		return func(b []byte, v parquet.Value) ([]byte, error) {
			return time.Unix(int64(v.Int32())*24*60*60, 0).UTC().AppendFormat(b, time.DateOnly), nil
		}
	case *format.TimestampType:
		return timestamp(l.Unit.Value)
	case *format.DecimalType:
		return decimal(l.Scale)
	case *format.IntType:
		if !l.IsSigned {
			return func(b []byte, v parquet.Value) ([]byte, error) {
				if v.Kind() == parquet.Int32 {
					return strconv.AppendUint(b, uint64(v.Uint32()), 10), nil
				}
				return strconv.AppendUint(b, v.Uint64(), 10), nil
			}
		}
	case nil, *format.StringType, *format.EnumType, *format.JsonType:
	default:
		return func([]byte, parquet.Value) ([]byte, error) {
			return nil, fmt.Errorf("values of type %s are not read", logical)
		}
	}
	return physical
}

// physical writes a value of a type without further meaning.
func physical(b []byte, v parquet.Value) ([]byte, error) {
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(b, v.Boolean()), nil
	case parquet.Int32:
		return strconv.AppendInt(b, int64(v.Int32()), 10), nil
	case parquet.Int64:
		return strconv.AppendInt(b, v.Int64(), 10), nil
	case parquet.Float:
		return number(b, float64(v.Float()), 32)
	case parquet.Double:
		return number(b, v.Double(), 64)
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return append(b, v.ByteArray()...), nil
	default:
		return nil, errors.New("values of 96 bits are not read")
	}
}

// number writes a floating-point number. NaN is how many programs write a missing one.
func number(b []byte, x float64, bits int) ([]byte, error) {
	if math.IsNaN(x) {
		return b, nil
	}
	if math.IsInf(x, 0) {
		return nil, errors.New("the value is infinite")
	}
	return strconv.AppendFloat(b, x, 'g', -1, bits), nil
}

// timestamp writes midnight as a date and other times in full (RFC 3339).
func timestamp(unit format.TimeUnitValue) func([]byte, parquet.Value) ([]byte, error) {
	return func(b []byte, v parquet.Value) ([]byte, error) {
		var at time.Time
		switch unit.(type) {
		case *format.MilliSeconds:
			at = time.UnixMilli(v.Int64())
		case *format.MicroSeconds:
			at = time.UnixMicro(v.Int64())
		default:
			at = time.Unix(0, v.Int64())
		}
		at = at.UTC()
		if at.Equal(at.Truncate(24 * time.Hour)) {
			return at.AppendFormat(b, time.DateOnly), nil
		}
		return at.AppendFormat(b, time.RFC3339Nano), nil
	}
}

// decimal writes an unscaled integer with a point: big-endian two's complement, or 32 or
// 64 bits.
func decimal(scale int32) func([]byte, parquet.Value) ([]byte, error) {
	return func(b []byte, v parquet.Value) ([]byte, error) {
		if scale < 0 || scale > 38 {
			return nil, fmt.Errorf("a decimal of scale %d; 0 to 38 are possible", scale)
		}
		n := new(big.Int)
		switch v.Kind() {
		case parquet.Int32:
			n.SetInt64(int64(v.Int32()))
		case parquet.Int64:
			n.SetInt64(v.Int64())
		case parquet.ByteArray, parquet.FixedLenByteArray:
			raw := v.ByteArray()
			if len(raw) > 16 {
				return nil, fmt.Errorf("a decimal of %d bytes, at most 16", len(raw))
			}
			n.SetBytes(raw)
			if len(raw) > 0 && raw[0]&0x80 != 0 {
				n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
			}
		default:
			return nil, errors.New("a decimal in a floating-point column")
		}
		text := n.Text(10)
		if n.Sign() < 0 {
			b = append(b, '-')
			text = text[1:]
		}
		for len(text) <= int(scale) {
			text = "0" + text
		}
		whole := text[:len(text)-int(scale)]
		part := text[len(whole):]
		for len(part) > 0 && part[len(part)-1] == '0' {
			part = part[:len(part)-1]
		}
		b = append(b, whole...)
		if part != "" {
			b = append(append(b, '.'), part...)
		}
		return b, nil
	}
}
