//! Runs the threads of a contestant, times them and checks what they saw, as ../../driver.cc does.

use crate::options::{Options, Topology};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Instant;

/// One thread: run() once for each repeat, which must return `expected`.
pub struct Worker {
    pub run: Box<dyn FnMut() -> u64 + Send>,
    pub expected: u64,
    /// Of the round trips of the last run(), by the worker that asks in a pingpong.
    pub latencies: Option<std::sync::Arc<Mutex<Vec<u32>>>>,
}

/// Who comes last notes the time and lets all go.
struct StartBarrier {
    threads: usize,
    arrived: AtomicUsize,
    generation: AtomicUsize,
    start: Mutex<Instant>,
}

impl StartBarrier {
    fn arrive_and_wait(&self) -> Instant {
        let generation = self.generation.load(Ordering::Relaxed); // ours has not ended
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed); // published by the last line
            *self.start.lock().unwrap() = Instant::now();
            self.generation.store(generation + 1, Ordering::Release); // pairs with the load below
        } else {
            while self.generation.load(Ordering::Acquire) == generation {
                std::thread::yield_now();
            }
        }
        *self.start.lock().unwrap()
    }
}

/// What one thread notes of one repeat.
#[derive(Clone, Copy)]
struct Note {
    start: Instant,
    end: Instant,
    waited_ns: u64,
}

#[derive(Default)]
struct Percentiles {
    p50: Vec<u32>,
    p99: Vec<u32>,
}

extern "C" {
    fn sched_setaffinity(pid: i32, size: usize, mask: *const u64) -> i32;
}

fn pin_to(cpu: usize) {
    let mut mask = [0u64; 16];
    mask[cpu / 64] |= 1 << (cpu % 64);
    // Safety: the mask is as long as we say, and is only read.
    let status = unsafe { sched_setaffinity(0, std::mem::size_of_val(&mask), mask.as_ptr()) };
    assert!(status == 0, "cannot run on cpu {cpu}");
}

/// How long this thread was runnable but did not run; 0 on a kernel that does not say.
fn run_delay_ns() -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

fn percentile(latencies: &mut [u32], share: f64) -> u32 {
    let at = (share * (latencies.len() - 1) as f64) as usize;
    *latencies.select_nth_unstable(at).1
}

fn run_worker(
    mut worker: Worker,
    cpu: usize,
    repeats: usize,
    barrier: &StartBarrier,
) -> (Vec<Note>, Percentiles) {
    pin_to(cpu);
    let mut notes = Vec::with_capacity(repeats);
    let mut percentiles = Percentiles::default();
    for repeat in 0..=repeats {
        let waited_before = run_delay_ns();
        let start = barrier.arrive_and_wait();
        let sum = (worker.run)();
        let end = Instant::now();
        assert_eq!(sum, worker.expected, "a thread lost, doubled or changed an event");
        if repeat == 0 {
            continue; // the one that is not measured
        }
        notes.push(Note { start, end, waited_ns: run_delay_ns() - waited_before });
        if let Some(latencies) = &worker.latencies {
            let mut sorted = latencies.lock().unwrap().clone();
            percentiles.p50.push(percentile(&mut sorted, 0.50));
            percentiles.p99.push(percentile(&mut sorted, 0.99));
        }
    }
    (notes, percentiles)
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|v| v.to_string()).collect::<Vec<_>>().join(",")
}

fn to_json(options: &Options, results: &[(Vec<Note>, Percentiles)]) -> String {
    let mut ns_per_event = Vec::new();
    let mut wait_share = Vec::new();
    for repeat in 0..options.repeats {
        let notes = || results.iter().map(|(notes, _)| notes[repeat]);
        let start = results[0].0[repeat].start;
        let end = notes().map(|note| note.end).max().unwrap();
        let ns = (end - start).as_nanos() as f64;
        let waited = notes().map(|note| note.waited_ns).max().unwrap() as f64;
        ns_per_event.push(format!("{:.3}", ns / options.events as f64));
        wait_share.push(format!("{:.4}", waited / ns));
    }
    let figures = if options.topology == Topology::Pingpong {
        let percentiles = results.iter().map(|(_, p)| p).find(|p| !p.p50.is_empty()).unwrap();
        format!("\"p50_ns\":[{}],\"p99_ns\":[{}]", list(&percentiles.p50), list(&percentiles.p99))
    } else {
        format!("\"ns_per_event\":[{}]", list(ns_per_event))
    };
    format!(
        "{{\"contestant\":\"{}\",\"topology\":\"{}\",{figures},\"wait_share\":[{}]}}",
        options.contestant,
        options.topology_name,
        list(wait_share)
    )
}

/// One repeat that is not measured, then options.repeats; returns the line of JSON.
pub fn measure(options: &Options, workers: Vec<Worker>) -> String {
    let barrier = StartBarrier {
        threads: workers.len(),
        arrived: AtomicUsize::new(0),
        generation: AtomicUsize::new(0),
        start: Mutex::new(Instant::now()),
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let barrier = &barrier;
        let threads: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(i, worker)| {
                let cpu = options.cpus[i % options.cpus.len()];
                let repeats = options.repeats;
                scope.spawn(move || run_worker(worker, cpu, repeats, barrier))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    to_json(options, &results)
}
