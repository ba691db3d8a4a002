//! What the cases compute, as ../../workloads.h has it.

use crate::driver::{Run, Taken};
use std::time::Duration;

pub const IDLE: Duration = Duration::from_millis(5); // before each sample of idle_wake
pub const BUSY: Duration = Duration::from_millis(4); // of the task that wakes another
pub const CALM: Duration = Duration::from_millis(1); // between the samples of busy_*
pub const SETTLE: Duration = Duration::from_millis(100); // before memory or CPU time is looked at
pub const LOOK_AGAIN: Duration = Duration::from_micros(100); // at the sleepers that come and go

/// The sum of 0 .. n-1: what n tasks that return their numbers add up to.
pub fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

fn fibonacci(n: u64) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

fn unordered(count: u64) -> Vec<u64> {
    let number = |i: u64| {
        let z = (i + 1).wrapping_mul(0x9e3779b97f4a7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    };
    (0..count).map(number).collect()
}

fn wrapping_sum(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number))
}

/// `compute(n)` returns what it took, and the n-th Fibonacci number.
pub fn measure_fibonacci(run: &mut Run, compute: impl Fn(u64) -> Taken) {
    let n = run.count();
    let forks = (fibonacci(n + 1) - 1).max(1);
    run.measure(forks, fibonacci(n), || compute(n));
}

/// `double_all(items)` does x = 2 * x + 1 to each.
pub fn measure_for(run: &mut Run, double_all: impl Fn(&mut [u32]) -> Taken) {
    let count = run.count();
    let mut items = vec![1u32; count as usize];
    run.measure(count, count, || {
        let expected = items[0].wrapping_mul(2).wrapping_add(1);
        let taken = double_all(&mut items);
        let result = items.iter().filter(|item| **item == expected).count() as u64;
        Taken { result, ..taken }
    });
}

/// `sort(numbers)` sorts them.
pub fn measure_sort(run: &mut Run, sort: impl Fn(&mut [u64]) -> Taken) {
    let count = run.count();
    let source = unordered(count);
    run.measure(count, wrapping_sum(&source), || {
        let mut numbers = source.clone();
        let taken = sort(&mut numbers);
        assert!(numbers.windows(2).all(|pair| pair[0] <= pair[1]));
        Taken { result: wrapping_sum(&numbers), ..taken }
    });
}

/// `add_up(items)` returns what it took, and the sum of them.
pub fn measure_reduce(run: &mut Run, add_up: impl Fn(&[u32]) -> Taken) {
    let count = run.count();
    let items: Vec<u32> = (0..count as u32).collect();
    run.measure(count, sum_below(count), || add_up(&items));
}

/// `run_tasks(results)` runs a task for each i that stores i in results[i].
pub fn measure_tasks(run: &mut Run, run_tasks: impl Fn(&mut [u64]) -> Taken) {
    let count = run.count();
    run.measure(count, sum_below(count), || {
        let mut results = vec![0u64; count as usize];
        let taken = run_tasks(&mut results);
        Taken { result: wrapping_sum(&results), ..taken }
    });
}
