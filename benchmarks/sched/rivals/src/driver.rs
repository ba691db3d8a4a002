//! Runs one case as often as asked, checks what came out and prints the figures, as ../../driver.cc
//! does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What one repeat took, in time and in CPU time of the whole process, and what came out of it.
pub struct Taken {
    pub ns: f64,
    pub cpu_ns: f64,
    pub result: u64,
}

pub struct Stopwatch {
    cpu_start: f64,
    start: Instant,
}

impl Stopwatch {
    pub fn start() -> Self {
        let cpu_start = process_cpu_ns();
        Stopwatch { cpu_start, start: Instant::now() }
    }

    pub fn stop(self, result: u64) -> Taken {
        let ns = ns_since(self.start);
        Taken { ns, cpu_ns: process_cpu_ns() - self.cpu_start, result }
    }
}

pub fn ns_since(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}

/// Zero if `to` came first.
pub fn ns_between(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_nanos() as f64
}

/// Makes the compiler believe that somebody looks at the bytes and changes them.
pub fn touch(bytes: &mut [u8]) {
    // Safety: no instruction.
    unsafe { std::arch::asm!("/* {0} */", in(reg) bytes.as_mut_ptr(), options(nostack)) };
}

/// Computes for so long.
pub fn spin_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {}
}

struct Options {
    contestant: String,
    case: String,
    workers: usize,
    count: u64,
    repeats: usize,
}

pub struct Run {
    options: Options,
    figures: BTreeMap<&'static str, Vec<f64>>,
}

pub type Case = (&'static str, fn(&mut Run));

impl Run {
    pub fn workers(&self) -> usize {
        self.options.workers
    }

    pub fn count(&self) -> u64 {
        self.options.count
    }

    /// One more value of a figure.
    pub fn note(&mut self, figure: &'static str, value: f64) {
        self.figures.entry(figure).or_default().push(value);
    }

    /// Figures "ns" and "cpu_ns" of each repeat, per operation; one repeat comes first that does
    /// not count.
    pub fn measure(&mut self, operations: u64, expected: u64, mut repeat: impl FnMut() -> Taken) {
        for i in 0..=self.options.repeats {
            let taken = repeat();
            assert_eq!(taken.result, expected, "a task or an item was lost or done twice");
            if i > 0 {
                self.note("ns", taken.ns / operations as f64);
                self.note("cpu_ns", taken.cpu_ns / operations as f64);
            }
        }
    }

    /// Figures "p50_ns" and "p99_ns" of the latencies that each repeat returns.
    pub fn measure_latencies(&mut self, mut repeat: impl FnMut() -> Vec<f64>) {
        for _ in 0..self.options.repeats {
            let latencies = repeat();
            self.note_latencies(latencies);
        }
    }

    pub fn note_latencies(&mut self, mut latencies: Vec<f64>) {
        assert_eq!(latencies.len() as u64, self.count());
        latencies.sort_unstable_by(f64::total_cmp);
        let percentile = |share: f64| latencies[(share * (latencies.len() - 1) as f64) as usize];
        let (p50, p99) = (percentile(0.50), percentile(0.99));
        self.note("p50_ns", p50);
        self.note("p99_ns", p99);
    }

    fn to_json(&self) -> String {
        let list = |values: &Vec<f64>| {
            values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(",")
        };
        let figures: Vec<_> =
            self.figures.iter().map(|(name, of)| format!("\"{name}\":[{}]", list(of))).collect();
        format!(
            "{{\"contestant\":\"{}\",\"case\":\"{}\",\"workers\":{},\"count\":{},\"user_ns\":{},\
             \"figures\":{{{}}}}}",
            self.options.contestant,
            self.options.case,
            self.workers(),
            self.count(),
            user_ns(),
            figures.join(",")
        )
    }
}

#[repr(C)]
struct TimeOfC {
    seconds: i64,
    rest: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut TimeOfC) -> i32;
    fn getrusage(who: i32, usage: *mut TimeOfC) -> i32;
}

/// CPU time of this process in nanoseconds.
pub fn process_cpu_ns() -> f64 {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = TimeOfC { seconds: 0, rest: 0 };
    // Safety: it writes one timespec, which TimeOfC is on 64-bit Linux.
    let status = unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0);
    time.seconds as f64 * 1e9 + time.rest as f64
}

fn user_ns() -> u64 {
    const RUSAGE_SELF: i32 = 0;
    let mut usage: [TimeOfC; 9] = std::array::from_fn(|_| TimeOfC { seconds: 0, rest: 0 });
    // Safety: a struct rusage is 144 bytes, as `usage`; its first field is the user time.
    let status = unsafe { getrusage(RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(status, 0);
    (usage[0].seconds * 1_000_000_000 + usage[0].rest * 1_000) as u64
}

/// Memory of this process in bytes, as the kernel counts it.
pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc is mounted");
    4096 * text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
        text.parse().map_err(|_| format!("--{name}: \"{text}\" is no number"))
    }
    let (contestant, case) = ("tokio".to_string(), String::new());
    let mut options = Options { contestant, case, workers: 2, count: 10_000, repeats: 5 };
    for argument in arguments {
        let (name, value) = argument
            .strip_prefix("--")
            .and_then(|flag| flag.split_once('='))
            .ok_or_else(|| format!("{argument}: flags are --name=value"))?;
        match name {
            "contestant" => options.contestant = value.to_string(),
            "case" => options.case = value.to_string(),
            "workers" => options.workers = number(name, value)?,
            "count" => options.count = number(name, value)?,
            "repeats" => options.repeats = number(name, value)?,
            _ => return Err(format!("there is no flag --{name}")),
        }
    }
    if options.workers < 1 || options.count < 1 || options.repeats < 1 {
        return Err("--workers, --count, --repeats: at least 1".to_string());
    }
    Ok(options)
}

fn fail(why: &str, status: i32) -> ! {
    eprintln!("rivals: {why}");
    std::process::exit(status)
}

/// A whole main(): flags, the case, one line of JSON; status 2 for bad flags, 3 for a case that the
/// contestant does not have.
pub fn run_contestant(contestants: &[(&str, &[Case])]) {
    let options = parse(std::env::args().skip(1)).unwrap_or_else(|why| fail(&why, 2));
    let (_, cases) = contestants
        .iter()
        .find(|(name, _)| *name == options.contestant)
        .unwrap_or_else(|| fail("--contestant: there is no such one", 2));
    let (_, case) = cases
        .iter()
        .find(|(name, _)| *name == options.case)
        .unwrap_or_else(|| fail(&format!("has no case \"{}\"", options.case), 3));
    let mut run = Run { options, figures: BTreeMap::new() };
    case(&mut run);
    println!("{}", run.to_json());
}
