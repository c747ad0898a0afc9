//go:build unix

package highs

import (
	"context"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// withMemory has instances reserve addresses for all they may ever use, of which the
// system backs only what is touched: memory grows without a copy, and is given back the
// moment an instance ends. Without it a problem of 208,332 columns needs three times as
// much.
func withMemory(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(reserve))
}

// reserve returns memory of at most so many bytes. Where the system refuses, it is
// taken from the heap.
func reserve(_, most uint64) experimental.LinearMemory {
	all, err := syscall.Mmap(-1, 0, int(min(most, memoryPages*pageBytes)),
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return &heap{}
	}
	return &mapped{all: all}
}

// mapped is reserved memory.
type mapped struct{ all []byte }

// Reallocate returns the first bytes, nil for more than there are.
func (m *mapped) Reallocate(size uint64) []byte {
	if size > uint64(len(m.all)) {
		return nil
	}
	return m.all[:size]
}

// Free gives the memory back; nobody may touch it any more.
func (m *mapped) Free() {
	if m.all != nil {
		syscall.Munmap(m.all) //nolint:errcheck // It was mapped; there is nothing else to do.
		m.all = nil
	}
}

// heap is memory that the garbage collector owns.
type heap struct{ all []byte }

// Reallocate returns the bytes so far and zeros after them.
func (h *heap) Reallocate(size uint64) []byte {
	if size > uint64(cap(h.all)) {
		h.all = append(make([]byte, 0, size+size/4), h.all...)
	}
	h.all = h.all[:size]
	return h.all
}

// Free leaves the memory to the collector.
func (h *heap) Free() { h.all = nil }
