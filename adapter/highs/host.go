package highs

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// errAbort ends an instance that throws, exits or aborts.
var errAbort = errors.New("aborted inside WebAssembly")

const (
	errnoNoEntry = -2  // ENOENT: there are no files.
	errnoNoCall  = -38 // ENOSYS: there are no such system calls.
	wasiBadFile  = 8   // EBADF of WASI.
	wasiSeek     = 70  // ESPIPE of WASI.
	pageBytes    = 65536
)

// imported is one function that the pinned module imports from module "a", under its
// minified name (wasmImports in build/highs.js).
type imported struct {
	name, c string
	call    api.GoModuleFunc
	params  []api.ValueType
	results []api.ValueType
}

// linkHost gives the module a world without files, time, chance or environment.
func linkHost(ctx context.Context, runtime wazero.Runtime) error {
	builder := runtime.NewHostModuleBuilder("a")
	for _, f := range imports() {
		builder.NewFunctionBuilder().WithGoModuleFunction(f.call, f.params, f.results).Export(f.name)
	}
	_, err := builder.Instantiate(ctx)
	return err
}

func imports() []imported {
	i32, i64, f64 := api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF64
	none, one, float := []api.ValueType(nil), []api.ValueType{i32}, []api.ValueType{f64}
	two, three, four := []api.ValueType{i32, i32}, []api.ValueType{i32, i32, i32}, []api.ValueType{i32, i32, i32, i32}
	return []imported{
		{"a", "___cxa_throw", abort("C++ exception"), three, none},
		{"b", "_exit", abort("exit"), one, none},
		{"c", "_emscripten_get_now", patience, none, float},
		{"d", "_fd_close", answer(0), one, one},
		{"e", "___syscall_fcntl64", answer(errnoNoCall), three, one},
		{"f", "_fd_write", swallow, four, one},
		{"g", "_fd_read", answer(wasiBadFile), four, one},
		{"h", "___syscall_ioctl", answer(errnoNoCall), three, one},
		{"i", "___syscall_openat", answer(errnoNoEntry), four, one},
		{"j", "_emscripten_date_now", patience, none, float},
		{"k", "__abort_js", abort("abort"), none, none},
		{"l", "__setitimer_js", answer(0), []api.ValueType{i32, f64}, one},
		{"m", "__tzset_js", nothing, four, none},
		{"n", "_environ_get", answer(0), two, one},
		{"o", "_environ_sizes_get", emptyEnvironment, two, one},
		{"p", "_clock_time_get", standingClock, []api.ValueType{i32, i64, i32}, one},
		{"q", "_emscripten_resize_heap", grow, one, one},
		{"r", "_proc_exit", abort("exit"), one, none},
		{"s", "__emscripten_runtime_keepalive_clear", nothing, none, none},
		{"t", "_fd_seek", answer(wasiSeek), []api.ValueType{i32, i64, i32, i32}, one},
	}
}

// answer returns a constant.
func answer(value int32) api.GoModuleFunc {
	return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = api.EncodeI32(value) }
}

// patience is a clock that stands still. HiGHS reads it in every phase and iteration to
// keep its time limit; an ended context stops it there. The runtime could check at every
// loop instead, which makes all loops three to five times slower.
func patience(ctx context.Context, _ api.Module, stack []uint64) {
	if err := ctx.Err(); err != nil {
		panic(fmt.Errorf("%w: %w", errAbort, err))
	}
	stack[0] = 0
}

// abort stops the call into the module with an error; wazero turns the panic into it.
func abort(why string) api.GoModuleFunc {
	return func(context.Context, api.Module, []uint64) { panic(fmt.Errorf("%w: %s", errAbort, why)) }
}

func nothing(context.Context, api.Module, []uint64) {}

// swallow pretends to write: output is off, and what comes anyway is nobody's business.
func swallow(_ context.Context, m api.Module, stack []uint64) {
	vectors, count, written := api.DecodeU32(stack[1]), api.DecodeU32(stack[2]), api.DecodeU32(stack[3])
	var total uint32
	for k := range count {
		size, ok := m.Memory().ReadUint32Le(vectors + 8*k + 4)
		if !ok {
			break
		}
		total += size
	}
	store(m, written, total)
	stack[0] = 0
}

func emptyEnvironment(_ context.Context, m api.Module, stack []uint64) {
	store(m, api.DecodeU32(stack[0]), 0)
	store(m, api.DecodeU32(stack[1]), 0)
	stack[0] = 0
}

func standingClock(ctx context.Context, m api.Module, stack []uint64) {
	if err := ctx.Err(); err != nil {
		panic(fmt.Errorf("%w: %w", errAbort, err))
	}
	if !m.Memory().WriteUint64Le(api.DecodeU32(stack[2]), 0) {
		panic(fmt.Errorf("%w: clock outside memory", errAbort))
	}
	stack[0] = 0
}

// grow enlarges the memory by a fifth, or to what is asked, within memoryPages.
func grow(_ context.Context, m api.Module, stack []uint64) {
	want, have := uint64(api.DecodeU32(stack[0])), uint64(m.Memory().Size())
	goal := min(max(want, have+have/5), memoryPages*pageBytes)
	stack[0] = 0
	if want <= have {
		stack[0] = 1
		return
	}
	if goal < want {
		return
	}
	if _, ok := m.Memory().Grow(uint32((goal - have + pageBytes - 1) / pageBytes)); ok {
		stack[0] = 1
	}
}

func store(m api.Module, at, value uint32) {
	if !m.Memory().WriteUint32Le(at, value) {
		panic(fmt.Errorf("%w: address %d outside memory", errAbort, at))
	}
}
