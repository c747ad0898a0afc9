//go:build !unix

package highs

import "context"

// withMemory leaves memory to wazero, which copies it to grow.
func withMemory(ctx context.Context) context.Context { return ctx }
