package forecast

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"comity/chance"
	"comity/modeler/learn"
)

// together adds the members' vectors in one step. If the step was lost after members
// committed to it, the same rows must not be added again with other members: the
// difference would show one member. The next attempt adds a fresh public sample.
func together(ctx context.Context, sum learn.Summer, step learn.Step, part func(attempt int) []int64) ([]int64, error) {
	name, attempt := step.Name, 0
	for {
		x := part(attempt)
		step.Name = fmt.Sprintf("%s/attempt/%d", name, attempt)
		total, err := sum.Sum(ctx, step, x)
		var restart *learn.Restart
		if errors.As(err, &restart) && restart.Attempt > attempt && restart.Attempt <= maxAttempt {
			attempt = restart.Attempt
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("sum %s: %w", step.Name, err)
		}
		if len(total) != len(x) {
			return nil, fmt.Errorf("%w: %s has %d numbers, want %d", ErrSum, step.Name, len(total), len(x))
		}
		return total, nil
	}
}

// maxAttempt bounds how often a hub can make members begin again.
const maxAttempt = 1<<16 - 1

// lot decides which rows an attempt adds: the first all, the others seven in ten.
func lot(seed chance.Seed, name string, attempt int) func(key uint64) bool {
	if attempt == 0 {
		return func(uint64) bool { return true }
	}
	sampler := chance.NewSampler(chance.Derive(seed, "forecast", name, strconv.Itoa(attempt)))
	return func(key uint64) bool { return sampler.Uint64(key) < math.MaxUint64/10*7 }
}

// rowKey names one row for the public coin, wherever it is stored: the first eight bytes
// of SHA-256 over place and target, each after its length, week and a number.
func rowKey(key seriesKey, w week, number int) uint64 {
	b := make([]byte, 0, 64)
	for _, text := range []string{string(key.place), key.target} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // At most maxTarget.
		b = append(b, text...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(w))      //nolint:gosec // From 1970 on.
	b = binary.BigEndian.AppendUint64(b, uint64(number)) //nolint:gosec // A lead or a vintage.
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}
