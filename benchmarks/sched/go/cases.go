// Go's goroutines: a contestant of benchmarks/sched. main() itself is one, so nothing here comes
// from outside of the scheduler.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	busy      = 4 * time.Millisecond   // of the task that wakes another
	calm      = time.Millisecond       // between the samples of busy_*
	settle    = 100 * time.Millisecond // before memory or CPU time is looked at
	lookAgain = 100 * time.Microsecond // at the sleepers that come and go
)

// A goroutine that waits for its turn takes 2.6 KB.
const mostGoroutines = 2_000_000

// The sum of 0 .. n-1: what n tasks that return their numbers add up to.
func sumBelow(n uint64) uint64 { return n * (n - 1) / 2 }

func sumOf(numbers []uint64) uint64 {
	sum := uint64(0)
	for _, number := range numbers {
		sum += number
	}
	return sum
}

// Starts a goroutine for each i, which stores i in results[i] by `task`, and waits for all.
func measureTasks(run *run, task func(results []uint64, i int)) {
	if run.Count > mostGoroutines {
		fail("so many goroutines need too much memory", 3)
	}
	run.measure(run.Count, sumBelow(run.Count), func() taken {
		results := make([]uint64, run.Count)
		watch := startWatch()
		var group sync.WaitGroup
		group.Add(len(results))
		for i := range results {
			i := i
			go func() {
				task(results, i)
				group.Done()
			}()
		}
		group.Wait()
		took := watch.stop(0)
		took.result = sumOf(results)
		return took
	})
}

func spawnJoin(run *run) {
	measureTasks(run, func(results []uint64, i int) { results[i] = uint64(i) })
}

func createAndYield(run *run) {
	measureTasks(run, func(results []uint64, i int) {
		var bytes [8]byte
		bytes[i%len(bytes)] = 1
		runtime.Gosched()
		results[i] = uint64(i) * uint64(bytes[i%len(bytes)])
	})
}

func createAndYield9000(run *run) {
	measureTasks(run, func(results []uint64, i int) {
		var bytes [9000]byte
		bytes[i%len(bytes)] = 1
		runtime.Gosched()
		results[i] = uint64(i) * uint64(bytes[i%len(bytes)])
	})
}

func fork(n uint64) uint64 {
	if n < 2 {
		return n
	}
	left := make(chan uint64, 1)
	go func() { left <- fork(n - 1) }()
	right := fork(n - 2)
	return <-left + right
}

func fibonacci(n uint64) uint64 {
	a, b := uint64(0), uint64(1)
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func forkJoin(run *run) {
	n := run.Count
	forks := fibonacci(n+1) - 1
	if forks == 0 {
		forks = 1
	}
	run.measure(forks, fibonacci(n), func() taken {
		watch := startWatch()
		return watch.stop(fork(n))
	})
}

func measureYields(run *run, tasks uint64) {
	run.measure(tasks*run.Count, tasks*run.Count, func() taken {
		done := make([]uint64, tasks)
		watch := startWatch()
		var group sync.WaitGroup
		group.Add(len(done))
		for i := range done {
			i := i
			go func() {
				for yields := uint64(0); yields < run.Count; yields++ {
					runtime.Gosched()
					done[i]++
				}
				group.Done()
			}()
		}
		group.Wait()
		return watch.stop(sumOf(done))
	})
}

func busyWake(run *run) {
	run.measureLatencies(func() []float64 {
		latencies := make([]float64, 0, run.Count)
		for i := uint64(0); i < run.Count; i++ {
			wake, started := make(chan struct{}, 1), make(chan time.Time, 1)
			go func() {
				<-wake
				started <- time.Now()
			}()
			time.Sleep(calm) // it waits by then
			woken := time.Now()
			wake <- struct{}{}
			spinFor(busy)
			latencies = append(latencies, float64((<-started).Sub(woken)))
		}
		return latencies
	})
}

func busySpawn(run *run) {
	run.measureLatencies(func() []float64 {
		latencies := make([]float64, 0, run.Count)
		for i := uint64(0); i < run.Count; i++ {
			time.Sleep(calm)
			started := make(chan time.Time, 1)
			posted := time.Now()
			go func() { started <- time.Now() }()
			spinFor(busy)
			latencies = append(latencies, float64((<-started).Sub(posted)))
		}
		return latencies
	})
}

func idleCPU(run *run) {
	time.Sleep(settle)
	before := processCPUNs()
	time.Sleep(time.Duration(run.Count) * time.Millisecond)
	run.note("cpu_us", (processCPUNs()-before)/1e3)
}

func memory(run *run) {
	if run.Count > mostGoroutines {
		fail("so many goroutines need too much memory", 3)
	}
	count := float64(run.Count)
	var asleep, ended atomic.Uint64
	bytesBefore := residentBytes()
	began := time.Now()
	until := began.Add(500*time.Millisecond + time.Duration(run.Count)*16*time.Microsecond)
	for i := uint64(0); i < run.Count; i++ {
		go func() {
			asleep.Add(1)
			time.Sleep(time.Until(until))
			ended.Add(1)
		}()
	}
	for asleep.Load() < run.Count {
		time.Sleep(lookAgain)
	}
	startNs := float64(time.Since(began))
	time.Sleep(settle)
	bytes := residentBytes() - bytesBefore
	if time.Now().After(until) {
		panic("the first tasks woke before the last ones slept")
	}
	time.Sleep(time.Until(until))
	for ended.Load() < run.Count {
		time.Sleep(lookAgain)
	}
	run.note("end_ns", float64(time.Since(until))/count)
	run.note("bytes", bytes/count)
	run.note("start_ns", startNs/count)
}

var cases = map[string]func(*run){
	"busy_spawn":            busySpawn,
	"busy_wake":             busyWake,
	"coroutine_fib":         forkJoin, // a fork is a goroutine either way
	"create_and_yield":      createAndYield,
	"create_and_yield_9000": createAndYield9000,
	"fork_join":             forkJoin,
	"idle_cpu":              idleCPU,
	"memory":                memory,
	"scope_loop":            spawnJoin, // a WaitGroup has no handles
	"spawn_join":            spawnJoin,
	"task_switch":           func(run *run) { measureYields(run, 10) },
	"yield":                 func(run *run) { measureYields(run, 2) },
}
