package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// What one repeat took, in time and in CPU time of the whole process, and what came out of it.
type taken struct {
	ns, cpuNs float64
	result    uint64
}

type stopwatch struct {
	cpuStart float64
	start    time.Time
}

func startWatch() stopwatch {
	cpuStart := processCPUNs()
	return stopwatch{cpuStart, time.Now()}
}

func (watch stopwatch) stop(result uint64) taken {
	ns := float64(time.Since(watch.start))
	return taken{ns, processCPUNs() - watch.cpuStart, result}
}

// Computes for so long.
func spinFor(duration time.Duration) {
	for start := time.Now(); time.Since(start) < duration; {
	}
}

type run struct {
	Contestant string               `json:"contestant"`
	Case       string               `json:"case"`
	Workers    int                  `json:"workers"`
	Count      uint64               `json:"count"`
	UserNs     int64                `json:"user_ns"`
	Figures    map[string][]float64 `json:"figures"`
	repeats    int
}

// One more value of a figure.
func (run *run) note(figure string, value float64) {
	run.Figures[figure] = append(run.Figures[figure], value)
}

func (run *run) check(result, expected uint64) {
	if result != expected {
		panic(fmt.Sprintf("%d instead of %d: a task was lost or done twice", result, expected))
	}
}

// Figures "ns" and "cpu_ns" of each repeat, per operation; one repeat comes first that does not
// count.
func (run *run) measure(operations, expected uint64, repeat func() taken) {
	for i := 0; i <= run.repeats; i++ {
		took := repeat()
		run.check(took.result, expected)
		if i > 0 {
			run.note("ns", took.ns/float64(operations))
			run.note("cpu_ns", took.cpuNs/float64(operations))
		}
	}
}

// Figures "p50_ns" and "p99_ns" of the latencies that each repeat returns.
func (run *run) measureLatencies(repeat func() []float64) {
	for i := 0; i < run.repeats; i++ {
		latencies := repeat()
		run.check(uint64(len(latencies)), run.Count)
		sort.Float64s(latencies)
		last := float64(len(latencies) - 1)
		run.note("p50_ns", latencies[int(0.50*last)])
		run.note("p99_ns", latencies[int(0.99*last)])
	}
}

// CPU time of this process in nanoseconds.
func processCPUNs() float64 {
	const clockProcessCPUTimeID = 2
	var now syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockProcessCPUTimeID,
		uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		panic(errno)
	}
	return float64(now.Nano())
}

func userNs() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano()
}

// Memory of this process in bytes, as the kernel counts it.
func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		panic(err)
	}
	return float64(pages * os.Getpagesize())
}

func fail(why string, status int) {
	fmt.Fprintf(os.Stderr, "go: %s\n", why)
	os.Exit(status)
}

// Flags, the case, one line of JSON. Status 2 for bad flags, 3 for a case that is not in the table.
func main() {
	flags := flag.NewFlagSet("go", flag.ContinueOnError)
	flags.SetOutput(new(strings.Builder))
	name := flags.String("case", "", "what to measure")
	workers := flags.Int("workers", 2, "threads that run goroutines")
	count := flags.Uint64("count", 10000, "tasks, yields or samples of a repeat")
	repeats := flags.Int("repeats", 5, "measured repeats")
	if err := flags.Parse(os.Args[1:]); err != nil {
		fail(err.Error(), 2)
	}
	if flags.NArg() > 0 || *workers < 1 || *count < 1 || *repeats < 1 {
		fail("--workers, --count, --repeats: at least 1", 2)
	}
	function, found := cases[*name]
	if !found {
		fail(fmt.Sprintf("has no case %q", *name), 3)
	}
	runtime.GOMAXPROCS(*workers)
	run := &run{"go", *name, *workers, *count, 0, map[string][]float64{}, *repeats}
	function(run)
	run.UserNs = userNs()
	line, err := json.Marshal(run)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
