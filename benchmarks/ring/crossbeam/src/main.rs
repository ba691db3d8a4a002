//! crossbeam's ArrayQueue and bounded channel: --contestant=crossbeam_array or crossbeam_channel.

mod driver;
mod options;
mod plans;

use crossbeam_channel::{Receiver, Sender};
use crossbeam_queue::ArrayQueue;
use plans::{Event, Queue};

impl<E: Send + 'static> Queue<E> for ArrayQueue<E> {
    fn new(capacity: usize) -> Self {
        ArrayQueue::new(capacity)
    }

    fn try_push(&self, event: E) -> bool {
        ArrayQueue::push(self, event).is_ok()
    }

    fn try_pop(&self) -> Option<E> {
        ArrayQueue::pop(self)
    }

    fn push(&self, _: E) {
        unreachable!("it does not block");
    }

    fn pop(&self) -> E {
        unreachable!("it does not block");
    }

    fn blocks() -> bool {
        false
    }
}

struct Channel<E>(Sender<E>, Receiver<E>);

impl<E: Send + 'static> Queue<E> for Channel<E> {
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(capacity);
        Channel(sender, receiver)
    }

    fn try_push(&self, event: E) -> bool {
        self.0.try_send(event).is_ok()
    }

    fn try_pop(&self) -> Option<E> {
        self.1.try_recv().ok()
    }

    fn push(&self, event: E) {
        assert!(self.0.send(event).is_ok(), "the channel is closed");
    }

    fn pop(&self) -> E {
        self.1.recv().expect("the channel is closed")
    }

    fn blocks() -> bool {
        true
    }
}

fn fail(contestant: &str, why: &str, status: i32) -> ! {
    eprintln!("{contestant}: {why}");
    std::process::exit(status)
}

fn main() {
    let options = options::parse(std::env::args().skip(1)).unwrap_or_else(|why| fail("crossbeam", &why, 2));
    let name = options.contestant.as_str();
    let workers = match name {
        "crossbeam_array" => plans::workers::<ArrayQueue<Event<1>>, ArrayQueue<Event<8>>>(&options),
        "crossbeam_channel" => plans::workers::<Channel<Event<1>>, Channel<Event<8>>>(&options),
        _ => fail("crossbeam", "--contestant: crossbeam_array or crossbeam_channel", 2),
    };
    let workers = workers.unwrap_or_else(|why| fail(name, &why, 3));
    println!("{}", driver::measure(&options, workers));
}
