// Package parallel shares out work whose parts may run in any order because only exact
// integer results come of them.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each runs do for 0 to n-1 on all processors and returns the error of the lowest one.
func Each(n int, do func(i int) error) error {
	if n == 1 {
		return do(0)
	}
	errs := make([]error, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
