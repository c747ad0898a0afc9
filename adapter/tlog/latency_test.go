package tlog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestThirtyWitnesses appends single entries under the design's quorum of 21 of 30
// and logs how long each takes to be witnessed.
func TestThirtyWitnesses(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(interval.String(), func(t *testing.T) {
			s := newSetting(t, 30, 21)
			s.config.Interval = interval
			l := s.open(t)
			var integrated, witnessed []time.Duration
			for i := range 5 {
				start := time.Now()
				index, err := l.Append(t.Context(), entry(i))
				if err != nil {
					t.Fatal(err)
				}
				integrated = append(integrated, time.Since(start))
				checkpoint, err := l.Witnessed(t.Context(), index)
				if err != nil {
					t.Fatal(err)
				}
				witnessed = append(witnessed, time.Since(start))
				if i == 0 {
					t.Logf("checkpoint with 21 cosignatures: %d bytes", len(checkpoint))
				}
			}
			t.Logf("interval %v: integrated %s; witnessed %s", interval, spread(integrated), spread(witnessed))
		})
	}
}

func spread(d []time.Duration) string {
	slices.Sort(d)
	return fmt.Sprintf("median %v, worst %v", d[len(d)/2].Round(time.Millisecond), d[len(d)-1].Round(time.Millisecond))
}

func BenchmarkAppendUntilWitnessed(b *testing.B) {
	for _, c := range []struct{ interval, batch time.Duration }{
		{100 * time.Millisecond, 5 * time.Millisecond},
		{100 * time.Millisecond, 20 * time.Millisecond},
		{100 * time.Millisecond, 50 * time.Millisecond},
		{200 * time.Millisecond, 20 * time.Millisecond},
		{200 * time.Millisecond, 50 * time.Millisecond},
	} {
		b.Run(fmt.Sprintf("30witnesses/interval=%v/batch=%v", c.interval, c.batch), func(b *testing.B) {
			s := newSetting(b, 30, 21)
			s.config.Interval, s.config.Batch = c.interval, c.batch
			l := s.open(b)
			for i := 0; b.Loop(); i++ {
				index, err := l.Append(b.Context(), entry(i))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := l.Witnessed(b.Context(), index); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendAll(b *testing.B) {
	l := newSetting(b, 0, 0).open(b)
	batch := make([][]byte, 1024)
	for i := range batch {
		batch[i] = fmt.Appendf(nil, `{"entry":%d,"payload":"%01000d"}`, i, i)
	}
	for b.Loop() {
		if _, err := l.AppendAll(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "entries/s")
}
