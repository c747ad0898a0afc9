package solve_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"

	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
)

// seconds returns the processor time of this process.
func seconds(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// stopwatch counts what the first programme takes, the plain one.
type stopwatch struct {
	solve.Solver
	b     *testing.B
	plain float64
	asked int
}

func (w *stopwatch) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	from := seconds(w.b)
	s, err := w.Solver.Solve(ctx, lp)
	if w.asked++; w.asked == 1 {
		w.plain = seconds(w.b) - from
	}
	return s, err
}

// BenchmarkRollout reports processor seconds: of the plain linear programme, of all, and
// their ratio; the certified gap in millionths; what checking takes, and its bytes.
func BenchmarkRollout(b *testing.B) {
	for _, o := range []rollout{
		{200, 20, 12, false, 0, 0},
		{200, 20, 12, false, 500, 0},
		{200, 20, 12, false, 5000, 0},
		{200, 20, 12, false, 5000, 30},
		{200, 20, 12, true, 0, 0},
		{200, 20, 12, true, 500, 0},
		{200, 20, 12, true, 5000, 0},
		{200, 20, 12, true, 5000, 30},
		{60, 12, 8, true, 500, 30},
		{868, 20, 12, false, 500, 0},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d/rough=%t/coarse=%d/twins=%d", o.countries, o.groups, o.periods, o.rough, o.coarse, o.twins), func(b *testing.B) {
			p := o.problem(42)
			for b.Loop() {
				watch := &stopwatch{Solver: engine(b), b: b}
				start := seconds(b)
				got, err := solve.Allocate(b.Context(), p, watch, canon.Digest{})
				if err != nil {
					b.Fatal(err)
				}
				all := seconds(b) - start
				start = seconds(b)
				if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 10_000)); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric((seconds(b)-start)*1e3, "check-ms")
				gap, _ := first(got).Gap.Big().Float64()
				worth, _ := first(got).Value.Big().Float64()
				b.ReportMetric(watch.plain, "plain-s")
				b.ReportMetric(all, "all-s")
				b.ReportMetric(all/watch.plain, "ratio")
				b.ReportMetric(gap/worth*1e6, "gap-ppm")
				b.ReportMetric(float64(zipped(b, got.Certificate)), "bytes")
			}
		})
	}
}

// tight are programmes whose fractions two more columns of each party do not round, and one
// whose rounding was searched for long: the slowest of 500 drawn ones.
func tight() []drawn {
	return []drawn{
		{rollout{60, 12, 8, true, 500, 30}, 42},
		{rollout{65, 9, 8, true, 500, 30}, 1},
		{rollout{43, 14, 9, true, 500, 10}, 9},
		{rollout{56, 11, 9, true, 0, 28}, 2},
		{rollout{54, 9, 8, true, 0, 10}, 6},
	}
}

type drawn struct {
	rollout
	seed uint64
}

// BenchmarkTight reports processor seconds, the certified gap in millionths, and how many
// columns the largest whole-number programme has.
func BenchmarkTight(b *testing.B) {
	for _, o := range tight() {
		b.Run(fmt.Sprintf("%dx%dx%d/coarse=%d/twins=%d/seed=%d", o.countries, o.groups, o.periods, o.coarse, o.twins, o.seed), func(b *testing.B) {
			p := o.problem(o.seed)
			for b.Loop() {
				watch := &roundings{Solver: engine(b)}
				start := seconds(b)
				got, err := solve.Allocate(b.Context(), p, watch, canon.Digest{})
				if err != nil {
					b.Fatal(err)
				}
				gap, _ := first(got).Gap.Big().Float64()
				worth, _ := first(got).Value.Big().Float64()
				b.ReportMetric(seconds(b)-start, "cpu-s")
				b.ReportMetric(gap/worth*1e6, "gap-ppm")
				b.ReportMetric(float64(watch.widest), "columns")
			}
		})
	}
}

// zipped returns the size of a record's canonical form, compressed.
func zipped(b *testing.B, record any) int {
	b.Helper()
	data, err := canon.Marshal(record)
	if err != nil {
		b.Fatal(err)
	}
	n := &counter{}
	z := gzip.NewWriter(n)
	if _, err := z.Write(data); err != nil {
		b.Fatal(err)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return n.bytes
}

type counter struct{ bytes int }

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) { c.bytes += len(p); return len(p), nil }
