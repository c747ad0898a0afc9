// Package highs solves linear programmes with HiGHS, compiled to WebAssembly and run
// inside this process: no cgo, no file, no network, no clock.
//
// The module is the npm package highs 1.15.3 (HiGHS 1.15.1, MIT licence), fetched by
// the build and accepted only with the digest below. WebAssembly arithmetic is
// IEEE 754 without fused operations, the module sees a clock that stands still and no
// randomness, and every programme gets a fresh instance, so that an answer depends on
// the programme alone. What it answers is still only a proposal: package
// allocator/certificate decides.
package highs

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/tetratelabs/wazero"

	"comity/allocator/solve"
)

//go:embed highs.wasm
var module []byte

// Licence is that of the module, which must go with every copy of it.
//
//go:embed highs.LICENSE
var Licence string

// moduleDigest is the SHA-256 of build/highs.wasm in npm highs 1.15.3. The tables in
// exports.go and host.go belong to exactly these bytes.
const moduleDigest = "528be4365bea1d4188988646b244263f50320df55782e14d6af5bce7cd45c840"

const (
	// memoryPages limits an instance to 2 GiB: 32,768 pages of 64 KiB. The largest
	// problem measured, 208,332 columns, needs a seventh of it.
	memoryPages = 32768
	// defaultIterations bounds the simplex steps for one programme. The largest
	// problem measured needs 60,000.
	defaultIterations = 5_000_000
	// large is the number of coefficients from which on an instance takes some hundred
	// megabytes, of which the garbage collector knows nothing.
	large = 1 << 20
	// defaultNodes bounds the branching for one whole-number programme.
	defaultNodes = 20_000
)

var (
	// ErrModule says that the embedded WebAssembly is not the pinned one.
	ErrModule = errors.New("not the pinned highs.wasm")
	// ErrProgramme says that a programme is malformed or holds NaN.
	ErrProgramme = errors.New("malformed linear programme")
	// ErrEngine says that HiGHS failed: out of memory, at a limit, or with an exception.
	ErrEngine = errors.New("HiGHS failed")
)

// Config bounds an Engine.
type Config struct {
	// Cache is a folder for compiled code, shared between processes. A cold
	// compilation takes about 2 s of processor time, a cached one 50 ms. Empty: none.
	Cache string
	// Iterations bounds the simplex steps for one programme; 0 means 5,000,000.
	Iterations int
	// Nodes bounds the branching for one whole-number programme; 0 means 20,000.
	Nodes int
}

// Engine is HiGHS, compiled once. It may be used from several goroutines; each
// programme runs in an instance of its own.
type Engine struct {
	config Config

	mu       sync.Mutex // Guards the following; held while compiling.
	cache    wazero.CompilationCache
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	running  map[*programme]bool
}

// programme is one that runs. Its memory must not be taken from under it.
type programme struct {
	stop context.CancelFunc
	done chan struct{}
}

// New returns an engine that compiles at the first Warm or Solve.
func New(c Config) (*Engine, error) {
	if c.Iterations < 0 || c.Nodes < 0 || c.Iterations > 1<<30 || c.Nodes > 1<<30 {
		return nil, fmt.Errorf("configure HiGHS: iterations %d, nodes %d: use 0 to 2^30", c.Iterations, c.Nodes)
	}
	if c.Iterations == 0 {
		c.Iterations = defaultIterations
	}
	if c.Nodes == 0 {
		c.Nodes = defaultNodes
	}
	return &Engine{config: c}, nil
}

// Warm compiles the module, unless that is done. Call it from a goroutine at the
// start of a process, so that the first Solve need not wait for all of it.
func (e *Engine) Warm(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.compiled != nil {
		return nil
	}
	if err := checkModule(module); err != nil {
		return err
	}
	config := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(memoryPages)
	var cache wazero.CompilationCache
	if e.config.Cache != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(e.config.Cache); err != nil {
			return fmt.Errorf("open the cache of compiled code in %s: %w", e.config.Cache, err)
		}
		config = config.WithCompilationCache(cache)
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	err := linkHost(ctx, runtime)
	var compiled wazero.CompiledModule
	if err == nil {
		compiled, err = runtime.CompileModule(ctx, module)
	}
	if err != nil {
		err = fmt.Errorf("compile HiGHS: %w", err)
		if cache != nil {
			err = errors.Join(err, cache.Close(ctx))
		}
		return errors.Join(err, runtime.Close(ctx))
	}
	e.cache, e.runtime, e.compiled = cache, runtime, compiled
	return nil
}

// checkModule accepts the pinned bytes only.
func checkModule(code []byte) error {
	if sum := sha256.Sum256(code); hex.EncodeToString(sum[:]) != moduleDigest {
		return fmt.Errorf("%w: digest %x, want %s; run make to fetch it again", ErrModule, sum, moduleDigest)
	}
	return nil
}

// Close stops programmes that still run, waits for them, and frees the compiled code.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runtime == nil {
		return nil
	}
	for p := range e.running {
		p.stop()
		<-p.done
	}
	e.running = nil
	err := e.runtime.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	e.cache, e.runtime, e.compiled = nil, nil, nil
	return err
}

// Solve solves one programme from scratch. A whole-number programme that reaches a
// limit returns the best point found so far. It fails with ErrProgramme if lp is
// malformed, with the context's error if that ends first, and with ErrEngine if
// HiGHS stops without an answer.
func (e *Engine) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	var solution solve.Solution
	err := e.run(ctx, lp, func(ctx context.Context, s *session) (err error) {
		solution, err = s.solve(ctx, lp, e.config)
		return err
	})
	if err != nil {
		return solve.Solution{}, err
	}
	return solution, nil
}

// run does something with one programme in an instance of its own.
func (e *Engine) run(ctx context.Context, lp solve.LP, do func(context.Context, *session) error) error {
	if err := check(lp); err != nil {
		return err
	}
	if err := e.Warm(ctx); err != nil {
		return err
	}
	bounded, stop := context.WithCancel(ctx)
	defer stop()
	p := &programme{stop, make(chan struct{})}
	e.mu.Lock()
	if e.compiled == nil {
		e.mu.Unlock()
		return fmt.Errorf("%w: the engine is closed", ErrEngine)
	}
	runtime, compiled := e.runtime, e.compiled
	if e.running == nil {
		e.running = map[*programme]bool{}
	}
	e.running[p] = true
	e.mu.Unlock()
	if len(lp.Value) >= large {
		debug.FreeOSMemory() // What is garbage by now and HiGHS's own need not be held at once.
	}
	err := execute(bounded, runtime, compiled, do)
	close(p.done)
	e.mu.Lock()
	delete(e.running, p)
	e.mu.Unlock()
	if ctx.Err() != nil {
		return fmt.Errorf("solve %d columns, %d rows: %w", len(lp.Cost), len(lp.RowLower), ctx.Err())
	}
	return err
}

// execute makes an instance, which serves once: an abort inside leaves nothing behind.
func execute(ctx context.Context, runtime wazero.Runtime, compiled wazero.CompiledModule, do func(context.Context, *session) error) error {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	instance, err := runtime.InstantiateModule(withMemory(ctx), compiled, config)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEngine, err)
	}
	defer instance.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Its memory is gone either way.
	return do(ctx, &session{module: instance})
}
