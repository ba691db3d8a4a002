//! tokio: the multi-threaded runtime, and as tokio_local a LocalSet on the runtime of one thread.

use crate::driver::{ns_between, ns_since, process_cpu_ns, resident_bytes, spin_for, touch};
use crate::driver::{Case, Run, Stopwatch, Taken};
use crate::workloads::*;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::{yield_now, JoinHandle, LocalSet};

fn runtime(run: &Run) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(run.workers()).enable_all().build().expect("threads can be started")
}

/// Runs the task on a worker, which block_on() by itself does not.
fn on_worker<T: Send + 'static>(
    runtime: &Runtime,
    task: impl Future<Output = T> + Send + 'static,
) -> T {
    runtime.block_on(runtime.spawn(task)).unwrap()
}

fn on_one_thread<T>(task: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, task)
}

async fn join_all(handles: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.unwrap();
    }
    sum
}

async fn spawn_and_join(count: u64) -> Taken {
    let watch = Stopwatch::start();
    let sum = join_all((0..count).map(|i| tokio::spawn(async move { i })).collect()).await;
    watch.stop(sum)
}

fn spawn_join(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure(count, sum_below(count), || on_worker(&runtime, spawn_and_join(count)));
}

fn spawn_outside(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure(count, sum_below(count), || runtime.block_on(spawn_and_join(count)));
}

fn spawn_local(run: &mut Run) {
    let count = run.count();
    run.measure(count, sum_below(count), || {
        on_one_thread(async move {
            let watch = Stopwatch::start();
            let task = |i| tokio::task::spawn_local(async move { i });
            let sum = join_all((0..count).map(task).collect()).await;
            watch.stop(sum)
        })
    });
}

/// Handles are dropped but for the last task's, which runs last.
fn spawn_local_run(run: &mut Run) {
    let count = run.count();
    run.measure(count, count, || {
        on_one_thread(async move {
            let watch = Stopwatch::start();
            let ran = Rc::new(Cell::new(0));
            let task = |_| {
                let ran = ran.clone();
                tokio::task::spawn_local(async move { ran.set(ran.get() + 1) })
            };
            (1..count).for_each(|i| drop(task(i)));
            task(0).await.unwrap();
            watch.stop(ran.get())
        })
    });
}

fn fork(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let right = tokio::spawn(fork(n - 2));
        let left = fork(n - 1).await;
        left + right.await.unwrap()
    })
}

fn coroutine_fib(run: &mut Run) {
    let runtime = runtime(run);
    measure_fibonacci(run, |n| {
        on_worker(&runtime, async move {
            let watch = Stopwatch::start();
            watch.stop(fork(n).await)
        })
    });
}

async fn yield_often(yields: u64) -> u64 {
    let mut done = 0;
    while done < yields {
        yield_now().await;
        done += 1;
    }
    done
}

fn measure_yields(run: &mut Run, tasks: u64) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure(tasks * count, tasks * count, || {
        on_worker(&runtime, async move {
            let watch = Stopwatch::start();
            let done = join_all((0..tasks).map(|_| tokio::spawn(yield_often(count))).collect());
            watch.stop(done.await)
        })
    });
}

fn measure_local_yields(run: &mut Run, tasks: u64) {
    let count = run.count();
    run.measure(tasks * count, tasks * count, || {
        on_one_thread(async move {
            let watch = Stopwatch::start();
            let task = |_| tokio::task::spawn_local(yield_often(count));
            let done = join_all((0..tasks).map(task).collect());
            watch.stop(done.await)
        })
    });
}

async fn create_and_yield<const BYTES: usize>(i: u64) -> u64 {
    let mut bytes = [0u8; BYTES];
    bytes[i as usize % BYTES] = 1;
    touch(&mut bytes);
    yield_now().await;
    touch(&mut bytes);
    i * u64::from(bytes[i as usize % BYTES])
}

fn measure_creations<const BYTES: usize>(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure(count, sum_below(count), || {
        on_worker(&runtime, async move {
            let watch = Stopwatch::start();
            let task = |i| tokio::spawn(create_and_yield::<BYTES>(i));
            let sum = join_all((0..count).map(task).collect()).await;
            watch.stop(sum)
        })
    });
}

fn measure_local_creations<const BYTES: usize>(run: &mut Run) {
    let count = run.count();
    run.measure(count, sum_below(count), || {
        on_one_thread(async move {
            let watch = Stopwatch::start();
            let task = |i| tokio::task::spawn_local(create_and_yield::<BYTES>(i));
            let sum = join_all((0..count).map(task).collect()).await;
            watch.stop(sum)
        })
    });
}

fn idle_wake(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure_latencies(|| {
        let sample = |_| {
            std::thread::sleep(IDLE);
            let posted = Instant::now();
            let task = runtime.spawn(async { Instant::now() });
            ns_between(posted, runtime.block_on(task).unwrap())
        };
        (0..count).map(sample).collect()
    });
}

async fn wake_and_compute(count: u64) -> Vec<f64> {
    let mut latencies = Vec::new();
    for _ in 0..count {
        let notify = Arc::new(Notify::new());
        let waiting = notify.clone();
        let task = tokio::spawn(async move {
            waiting.notified().await;
            Instant::now()
        });
        tokio::time::sleep(CALM).await; // it waits by then
        let woken = Instant::now();
        notify.notify_one();
        spin_for(BUSY);
        latencies.push(ns_between(woken, task.await.unwrap()));
    }
    latencies
}

async fn spawn_and_compute(count: u64) -> Vec<f64> {
    let mut latencies = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(CALM).await;
        let posted = Instant::now();
        let task = tokio::spawn(async { Instant::now() });
        spin_for(BUSY);
        latencies.push(ns_between(posted, task.await.unwrap()));
    }
    latencies
}

fn busy_wake(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure_latencies(|| on_worker(&runtime, wake_and_compute(count)));
}

fn busy_spawn(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    run.measure_latencies(|| on_worker(&runtime, spawn_and_compute(count)));
}

fn idle_cpu(run: &mut Run) {
    let runtime = runtime(run);
    on_worker(&runtime, async {});
    std::thread::sleep(SETTLE);
    let before = process_cpu_ns();
    std::thread::sleep(Duration::from_millis(run.count()));
    run.note("cpu_us", (process_cpu_ns() - before) / 1e3);
}

fn memory(run: &mut Run) {
    let (runtime, count) = (runtime(run), run.count());
    let asleep = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(AtomicU64::new(0));
    let bytes_before = resident_bytes();
    let began = Instant::now();
    let until = began + Duration::from_millis(500) + Duration::from_micros(16 * count);
    let (sleeping, awake) = (asleep.clone(), ended.clone());
    runtime.spawn(async move {
        for _ in 0..count {
            let (sleeping, awake) = (sleeping.clone(), awake.clone());
            tokio::spawn(async move {
                sleeping.fetch_add(1, Relaxed); // counts, looked at a while later
                tokio::time::sleep_until(until.into()).await;
                awake.fetch_add(1, Relaxed);
            });
        }
    });
    while asleep.load(Relaxed) < count {
        std::thread::sleep(LOOK_AGAIN);
    }
    let start_ns = ns_since(began);
    std::thread::sleep(SETTLE);
    let bytes = resident_bytes().saturating_sub(bytes_before);
    assert!(Instant::now() < until, "the first tasks woke before the last ones slept");
    std::thread::sleep(until - Instant::now());
    while ended.load(Relaxed) < count {
        std::thread::sleep(LOOK_AGAIN);
    }
    run.note("end_ns", ns_since(until) / count as f64);
    run.note("bytes", bytes as f64 / count as f64);
    run.note("start_ns", start_ns / count as f64);
}

/// Without priorities, as a reference: a task spawned each millisecond behind FLOOD others that
/// compute for a microsecond and yield, again and again.
fn high_priority(run: &mut Run) {
    const FLOOD: usize = 200; // they fit in the queue of one worker
    let (runtime, count) = (runtime(run), run.count());
    let ended = Arc::new(AtomicBool::new(false));
    let done: Vec<_> = (0..FLOOD).map(|_| Arc::new(AtomicU64::new(0))).collect();
    for done in done.iter().cloned() {
        let ended = ended.clone();
        runtime.spawn(async move {
            while !ended.load(Relaxed) {
                spin_for(Duration::from_micros(1));
                done.store(done.load(Relaxed) + 1, Relaxed); // its own; a sum that may be a bit late
                yield_now().await;
            }
        });
    }
    let rate_during = |work: &mut dyn FnMut()| {
        let sum = || done.iter().map(|done| done.load(Relaxed)).sum::<u64>();
        let (before, start) = (sum(), Instant::now());
        work();
        (sum() - before) as f64 / ns_since(start)
    };
    std::thread::sleep(SETTLE);
    let alone = rate_during(&mut || std::thread::sleep(Duration::from_millis(count)));
    let mut latencies = Vec::new();
    let beside = rate_during(&mut || {
        for _ in 0..count {
            std::thread::sleep(CALM);
            let posted = Instant::now();
            let task = runtime.spawn(async { Instant::now() });
            latencies.push(ns_between(posted, runtime.block_on(task).unwrap()));
        }
    });
    ended.store(true, Relaxed);
    run.note_latencies(latencies);
    run.note("low_share", beside / alone);
}

pub const CASES: &[Case] = &[
    ("busy_spawn", busy_spawn),
    ("busy_wake", busy_wake),
    ("coroutine_fib", coroutine_fib),
    ("create_and_yield", measure_creations::<8>),
    ("create_and_yield_9000", measure_creations::<9000>),
    ("high_priority", high_priority),
    ("idle_cpu", idle_cpu),
    ("idle_wake", idle_wake),
    ("memory", memory),
    ("spawn_join", spawn_join),
    ("spawn_outside", spawn_outside),
    ("task_switch", |run| measure_yields(run, 10)),
    ("yield", |run| measure_yields(run, 2)),
];

pub const LOCAL_CASES: &[Case] = &[
    ("create_and_yield", measure_local_creations::<8>),
    ("create_and_yield_9000", measure_local_creations::<9000>),
    ("spawn_local", spawn_local),
    ("spawn_local_run", spawn_local_run),
    ("task_switch", |run| measure_local_yields(run, 10)),
    ("yield", |run| measure_local_yields(run, 2)),
];
