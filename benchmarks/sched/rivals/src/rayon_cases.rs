//! rayon: scopes, join and parallel iterators, in a pool of its own.

use crate::driver::{ns_between, process_cpu_ns, spin_for, Case, Run, Stopwatch};
use crate::workloads::*;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn pool(run: &Run) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(run.workers()).build().expect("threads can be started")
}

fn scope_loop(run: &mut Run) {
    let pool = pool(run);
    measure_tasks(run, |results| {
        pool.install(|| {
            let watch = Stopwatch::start();
            rayon::scope(|scope| {
                for (i, result) in results.iter_mut().enumerate() {
                    scope.spawn(move |_| *result = i as u64);
                }
            });
            watch.stop(0)
        })
    });
}

fn spawn_outside(run: &mut Run) {
    let pool = pool(run);
    measure_tasks(run, |results| {
        let watch = Stopwatch::start();
        pool.in_place_scope(|scope| {
            for (i, result) in results.iter_mut().enumerate() {
                scope.spawn(move |_| *result = i as u64);
            }
        });
        watch.stop(0)
    });
}

fn fork(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (left, right) = rayon::join(|| fork(n - 1), || fork(n - 2));
    left + right
}

fn fork_join(run: &mut Run) {
    let pool = pool(run);
    measure_fibonacci(run, |n| {
        pool.install(|| {
            let watch = Stopwatch::start();
            let result = fork(n);
            watch.stop(result)
        })
    });
}

fn parallel_for(run: &mut Run) {
    let pool = pool(run);
    measure_for(run, |items| {
        pool.install(|| {
            let watch = Stopwatch::start();
            items.par_iter_mut().for_each(|item| *item = item.wrapping_mul(2).wrapping_add(1));
            watch.stop(0)
        })
    });
}

fn parallel_sort(run: &mut Run) {
    let pool = pool(run);
    measure_sort(run, |numbers| {
        pool.install(|| {
            let watch = Stopwatch::start();
            numbers.par_sort_unstable();
            watch.stop(0)
        })
    });
}

fn parallel_reduce(run: &mut Run) {
    let pool = pool(run);
    measure_reduce(run, |items| {
        pool.install(|| {
            let watch = Stopwatch::start();
            let sum = items.par_iter().map(|item| u64::from(*item)).sum();
            watch.stop(sum)
        })
    });
}

fn idle_wake(run: &mut Run) {
    let pool = pool(run);
    let count = run.count();
    run.measure_latencies(|| {
        let sample = |_| {
            std::thread::sleep(IDLE);
            let (sender, receiver) = channel();
            let posted = Instant::now();
            pool.spawn(move || sender.send(Instant::now()).unwrap());
            ns_between(posted, receiver.recv().unwrap())
        };
        (0..count).map(sample).collect()
    });
}

fn busy_spawn(run: &mut Run) {
    let pool = pool(run);
    let count = run.count();
    run.measure_latencies(|| {
        let sample = |_| {
            std::thread::sleep(CALM);
            let (sender, receiver) = channel();
            pool.spawn(move || {
                let posted = Instant::now();
                rayon::spawn(move || sender.send((posted, Instant::now())).unwrap());
                spin_for(BUSY);
            });
            let (posted, started) = receiver.recv().unwrap();
            ns_between(posted, started)
        };
        (0..count).map(sample).collect()
    });
}

fn idle_cpu(run: &mut Run) {
    let pool = pool(run);
    pool.install(|| ());
    std::thread::sleep(SETTLE);
    let before = process_cpu_ns();
    std::thread::sleep(Duration::from_millis(run.count()));
    run.note("cpu_us", (process_cpu_ns() - before) / 1e3);
}

pub const CASES: &[Case] = &[
    ("busy_spawn", busy_spawn),
    ("fork_join", fork_join),
    ("idle_cpu", idle_cpu),
    ("idle_wake", idle_wake),
    ("parallel_for", parallel_for),
    ("parallel_reduce", parallel_reduce),
    ("parallel_sort", parallel_sort),
    ("scope_loop", scope_loop),
    ("spawn_outside", spawn_outside),
];
