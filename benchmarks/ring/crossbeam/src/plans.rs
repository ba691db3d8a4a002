//! Makes every topology from a queue, as ../../queue_plans.h does.

use crate::driver::Worker;
use crate::options::{Options, Topology, Wait};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const LOOKS_BEFORE_YIELD: u32 = 100; // as LMAX's YieldingWaitStrategy

/// The number fills every word, and reading adds all the words up.
#[derive(Clone, Copy)]
pub struct Event<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Event<WORDS> {
    fn of(number: u64) -> Self {
        Event([number; WORDS])
    }

    fn incremented(self) -> Self {
        Event(self.0.map(|word| word.wrapping_add(1)))
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word))
    }

    /// The sum over events that carry first, first + 1, ... as many as count.
    fn sum_of_range(count: u64, first: u64) -> u64 {
        let pairs = if count % 2 == 0 { count / 2 * (count.wrapping_sub(1)) } else { (count - 1) / 2 * count };
        pairs.wrapping_add(first.wrapping_mul(count)).wrapping_mul(WORDS as u64)
    }
}

/// A queue of many producers; it has no bulk operations.
pub trait Queue<E>: Send + Sync + 'static {
    fn new(capacity: usize) -> Self;
    fn try_push(&self, event: E) -> bool;
    fn try_pop(&self) -> Option<E>;
    /// These sleep; `blocks` says whether there are such.
    fn push(&self, event: E);
    fn pop(&self) -> E;
    fn blocks() -> bool;
}

struct Idle {
    wait: Wait,
    looks: u32,
}

impl Idle {
    fn new(wait: Wait) -> Self {
        Idle { wait, looks: 0 }
    }

    fn reset(&mut self) {
        self.looks = 0;
    }

    fn pass(&mut self) {
        match self.wait {
            Wait::Spin => {}
            Wait::Pause => std::hint::spin_loop(),
            Wait::Yield | Wait::Block => {
                if self.looks >= LOOKS_BEFORE_YIELD {
                    std::thread::yield_now();
                } else {
                    self.looks += 1;
                }
            }
        }
    }
}

fn send<E: Copy, Q: Queue<E>>(queue: &Q, event: E, wait: Wait) {
    if wait == Wait::Block {
        return queue.push(event);
    }
    let mut idle = Idle::new(wait);
    while !queue.try_push(event) {
        idle.pass();
    }
}

/// Shows `count` events to `see`.
fn receive<E, Q: Queue<E>>(queue: &Q, count: u64, wait: Wait, mut see: impl FnMut(E)) {
    let mut idle = Idle::new(wait);
    let mut seen = 0;
    while seen < count {
        let event = if wait == Wait::Block { Some(queue.pop()) } else { queue.try_pop() };
        match event {
            Some(event) => {
                see(event);
                seen += 1;
                idle.reset();
            }
            None => idle.pass(),
        }
    }
}

fn worker(run: impl FnMut() -> u64 + Send + 'static, expected: u64) -> Worker {
    Worker { run: Box::new(run), expected, latencies: None }
}

struct Plan<Q> {
    options: Options,
    queues: Vec<Arc<Q>>,
    workers: Vec<Worker>,
}

impl<Q> Plan<Q> {
    /// Sends each batch to all of the queues, one after another.
    fn add_producer<const W: usize>(&mut self, queues: Vec<Arc<Q>>, count: u64)
    where
        Q: Queue<Event<W>>,
    {
        let (batch, wait) = (self.options.batch, self.options.wait);
        let run = move || {
            let mut sent = 0;
            while sent < count {
                let end = count.min(sent + batch);
                for queue in &queues {
                    for number in sent..end {
                        send(&**queue, Event::of(number), wait);
                    }
                }
                sent = end;
            }
            0
        };
        self.workers.push(worker(run, 0));
    }

    fn add_consumer<const W: usize>(&mut self, queue: Arc<Q>, expected: u64)
    where
        Q: Queue<Event<W>>,
    {
        let (events, wait) = (self.options.events, self.options.wait);
        let run = move || {
            let mut sum: u64 = 0;
            receive(&*queue, events, wait, |event: Event<W>| sum = sum.wrapping_add(event.sum()));
            sum
        };
        self.workers.push(worker(run, expected));
    }

    /// Passes each event on; `first` is the number of the first one that comes in.
    fn add_stage<const W: usize>(&mut self, from: usize, to: Option<usize>, first: u64, adds: bool)
    where
        Q: Queue<Event<W>>,
    {
        let (events, wait) = (self.options.events, self.options.wait);
        let from = self.queues[from].clone();
        let to = to.map(|index| self.queues[index].clone());
        let run = move || {
            let mut sum: u64 = 0;
            receive(&*from, events, wait, |event: Event<W>| {
                let event = if adds { event.incremented() } else { event };
                sum = sum.wrapping_add(event.sum());
                if let Some(to) = &to {
                    send(&**to, event, wait);
                }
            });
            sum
        };
        let expected = Event::<W>::sum_of_range(events, first + u64::from(adds));
        self.workers.push(worker(run, expected));
    }

    /// Adds up both, and does not match one event with the other.
    fn add_join<const W: usize>(&mut self, left: usize, right: usize)
    where
        Q: Queue<Event<W>>,
    {
        let (events, wait) = (self.options.events, self.options.wait);
        let (left, right) = (self.queues[left].clone(), self.queues[right].clone());
        let run = move || {
            let (mut sum, mut seen) = (0u64, 0);
            let mut idle = Idle::new(wait);
            while seen < 2 * events {
                let before = seen;
                for event in [left.try_pop(), right.try_pop()].into_iter().flatten() {
                    sum = sum.wrapping_add(event.sum());
                    seen += 1;
                }
                if seen == before {
                    idle.pass();
                } else {
                    idle.reset();
                }
            }
            sum
        };
        let expected = Event::<W>::sum_of_range(events, 0).wrapping_mul(2);
        self.workers.push(worker(run, expected));
    }

    fn add_pingpong<const W: usize>(&mut self)
    where
        Q: Queue<Event<W>>,
    {
        let (events, wait) = (self.options.events, self.options.wait);
        let (there, back) = (self.queues[0].clone(), self.queues[1].clone());
        let latencies = Arc::new(Mutex::new(vec![0u32; events as usize]));
        let times = latencies.clone();
        let ping = move || {
            let mut times = times.lock().unwrap();
            let mut sum: u64 = 0;
            let mut last = Instant::now();
            for number in 0..events {
                send(&*there, Event::of(number), wait);
                receive(&*back, 1, wait, |event: Event<W>| sum = sum.wrapping_add(event.sum()));
                let now = Instant::now();
                times[number as usize] = (now - last).as_nanos() as u32;
                last = now;
            }
            sum
        };
        let (there, back) = (self.queues[0].clone(), self.queues[1].clone());
        let pong = move || {
            let mut sum: u64 = 0;
            receive(&*there, events, wait, |event: Event<W>| {
                sum = sum.wrapping_add(event.sum());
                send(&*back, event, wait);
            });
            sum
        };
        let expected = Event::<W>::sum_of_range(events, 0);
        let mut asking = worker(ping, expected);
        asking.latencies = Some(latencies);
        self.workers.push(asking);
        self.workers.push(worker(pong, expected));
    }
}

fn make<Q: Queue<Event<W>>, const W: usize>(options: &Options) -> Vec<Worker> {
    let queues: Vec<_> = (0..4).map(|_| Arc::new(Q::new(options.ring))).collect();
    let mut plan = Plan { options: options.clone(), queues: queues.clone(), workers: Vec::new() };
    let all = Event::<W>::sum_of_range(options.events, 0);
    match options.topology {
        Topology::Unicast => {
            plan.add_producer(queues[..1].to_vec(), options.events);
            plan.add_consumer(queues[0].clone(), all);
        }
        Topology::Pipeline => {
            plan.add_producer(queues[..1].to_vec(), options.events);
            plan.add_stage(0, Some(1), 0, true);
            plan.add_stage(1, Some(2), 1, true);
            plan.add_stage(2, None, 2, true);
        }
        Topology::Multicast => {
            plan.add_producer(queues[..3].to_vec(), options.events);
            for queue in &queues[..3] {
                plan.add_consumer(queue.clone(), all);
            }
        }
        Topology::Diamond => {
            plan.add_producer(queues[..2].to_vec(), options.events);
            plan.add_stage(0, Some(2), 0, false);
            plan.add_stage(1, Some(3), 0, false);
            plan.add_join(2, 3);
        }
        Topology::Producers => {
            let mut expected: u64 = 0;
            for i in 0..3 {
                let count = options.events / 3 + u64::from(i < options.events % 3);
                plan.add_producer(queues[..1].to_vec(), count);
                expected = expected.wrapping_add(Event::<W>::sum_of_range(count, 0));
            }
            plan.add_consumer(queues[0].clone(), expected);
        }
        Topology::Pingpong => plan.add_pingpong(),
    }
    plan.workers
}

/// The workers for the options over a queue, or why there are none.
pub fn workers<Q1, Q8>(options: &Options) -> Result<Vec<Worker>, String>
where
    Q1: Queue<Event<1>>,
    Q8: Queue<Event<8>>,
{
    if options.wait == Wait::Block && !Q1::blocks() {
        return Err("cannot block".to_string());
    }
    if options.wait == Wait::Block && options.topology == Topology::Diamond {
        return Err("cannot block on two queues at once".to_string());
    }
    Ok(if options.event_bytes == 8 { make::<Q1, 1>(options) } else { make::<Q8, 8>(options) })
}
