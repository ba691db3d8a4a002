import com.lmax.disruptor.BatchEventProcessor;
import com.lmax.disruptor.BlockingWaitStrategy;
import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.InsufficientCapacityException;
import com.lmax.disruptor.LiteBlockingWaitStrategy;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.WaitStrategy;
import com.lmax.disruptor.YieldingWaitStrategy;
import java.util.ArrayList;
import java.util.List;

/**
 * The LMAX Disruptor: one ring, with a BatchEventProcessor for each consumer.
 *
 * <p>Its BusySpinWaitStrategy has a pause in its loop, so it stands for both spin and pause. A
 * producer that finds the ring full looks again as --wait says, since next() would sleep there; it
 * calls next() with --wait=block alone. --contestant=lmax_lite is LiteBlockingWaitStrategy,
 * for --wait=block alone.
 */
final class Lmax {
  private static final int PRODUCERS = 3;
  private static final int LOOKS_BEFORE_YIELD = 100; // as YieldingWaitStrategy

  private final Options options;
  private final List<Driver.Worker> workers = new ArrayList<>();
  private int[] latencies;

  private Lmax(Options options) {
    this.options = options;
  }

  public static void main(String[] arguments) throws InterruptedException {
    Options options;
    try {
      options = Options.parse(arguments);
    } catch (IllegalArgumentException wrong) {
      System.err.println("lmax: " + wrong.getMessage());
      System.exit(2);
      return;
    }
    if (options.contestant.equals("lmax_lite") && options.wait != Options.Wait.BLOCK) {
      System.err.println("lmax_lite: blocks only; lmax is the same otherwise");
      System.exit(3);
    }
    Lmax plan = new Lmax(options);
    plan.make();
    System.out.println(new Driver(options, plan.workers, plan.latencies).measure());
  }

  private void make() {
    switch (options.topology) {
      case UNICAST -> {
        RingBuffer<Event> ring = singleProducerRing();
        addProducer(ring, options.events);
        addLast(ring, add(ring, 0, false));
      }
      case PIPELINE -> {
        RingBuffer<Event> ring = singleProducerRing();
        addProducer(ring, options.events);
        Sequence first = add(ring, 0, true);
        Sequence second = add(ring, 1, true, first);
        addLast(ring, add(ring, 2, true, second));
      }
      case MULTICAST -> {
        RingBuffer<Event> ring = singleProducerRing();
        addProducer(ring, options.events);
        addLast(ring, add(ring, 0, false), add(ring, 0, false), add(ring, 0, false));
      }
      case DIAMOND -> {
        RingBuffer<Event> ring = singleProducerRing();
        addProducer(ring, options.events);
        Sequence left = add(ring, 0, false);
        Sequence right = add(ring, 0, false);
        addLast(ring, add(ring, 0, false, left, right));
      }
      case PRODUCERS -> addProducers();
      case PINGPONG -> addPingpong();
    }
  }

  private WaitStrategy strategy() {
    return switch (options.wait) {
      case SPIN, PAUSE -> new BusySpinWaitStrategy();
      case YIELD -> new YieldingWaitStrategy();
      case BLOCK -> options.contestant.equals("lmax_lite") ? new LiteBlockingWaitStrategy()
          : new BlockingWaitStrategy();
    };
  }

  private RingBuffer<Event> singleProducerRing() {
    return RingBuffer.createSingleProducer(
        Event.factory(options.eventBytes), options.ring, strategy());
  }

  private void addLast(RingBuffer<Event> ring, Sequence... last) {
    ring.addGatingSequences(last);
  }

  private void addProducer(RingBuffer<Event> ring, int count) {
    workers.add(new Producer(ring, count));
  }

  /** A consumer behind `after`; `first` is the number of the first event that it sees. */
  private Sequence add(RingBuffer<Event> ring, long first, boolean increments, Sequence... after) {
    SequenceBarrier barrier = ring.newBarrier(after);
    long expected =
        Event.sumOfRange(options.eventBytes, options.events, first + (increments ? 1 : 0));
    Consumer consumer =
        increments ? new Stage(ring, barrier, expected) : new Consumer(ring, barrier, expected);
    workers.add(consumer);
    return consumer.processor.getSequence();
  }

  private void addProducers() {
    RingBuffer<Event> ring = RingBuffer.createMultiProducer(
        Event.factory(options.eventBytes), options.ring, strategy());
    long expected = 0;
    for (int i = 0; i < PRODUCERS; ++i) {
      int count = options.events / PRODUCERS + (i < options.events % PRODUCERS ? 1 : 0);
      addProducer(ring, count);
      expected += Event.sumOfRange(options.eventBytes, count, 0);
    }
    Consumer consumer = new Consumer(ring, ring.newBarrier(), expected);
    workers.add(consumer);
    addLast(ring, consumer.processor.getSequence());
  }

  private void addPingpong() {
    RingBuffer<Event> there = singleProducerRing();
    RingBuffer<Event> back = singleProducerRing();
    latencies = new int[options.events];
    long expected = Event.sumOfRange(options.eventBytes, options.events, 0);
    workers.add(new Pinger(there, back, expected));
    Consumer ponger = new Ponger(there, there.newBarrier(), expected, back);
    workers.add(ponger);
    addLast(there, ponger.processor.getSequence());
  }

  private final class Producer implements Driver.Worker {
    private final RingBuffer<Event> ring;
    private final int count;

    Producer(RingBuffer<Event> ring, int count) {
      this.ring = ring;
      this.count = count;
    }

    @Override public long expected() {
      return 0;
    }

    @Override public long run() {
      for (int sent = 0; sent < count;) {
        int size = Math.min(options.batch, count - sent);
        long high = options.wait == Options.Wait.BLOCK ? ring.next(size) : claim(size);
        long low = high - size + 1;
        for (long at = low; at <= high; ++at) ring.get(at).set(sent++);
        ring.publish(low, high);
      }
      return 0;
    }

    /** Looks before it claims, since a claim that fails throws. */
    private long claim(int size) {
      for (int looks = 0;; ++looks) {
        if (ring.hasAvailableCapacity(size)) {
          try {
            return ring.tryNext(size);
          } catch (InsufficientCapacityException takenByAnother) {
            continue;
          }
        }
        if (options.wait != Options.Wait.YIELD) {
          Thread.onSpinWait();
        } else if (looks >= LOOKS_BEFORE_YIELD) {
          Thread.yield();
        }
      }
    }
  }

  /** Adds up options.events events with each run() of its processor, which it then halts. */
  private class Consumer implements Driver.Worker, EventHandler<Event> {
    final BatchEventProcessor<Event> processor;
    private final long expected;
    private long sum;
    private int seen;

    Consumer(RingBuffer<Event> ring, SequenceBarrier barrier, long expected) {
      this.expected = expected;
      processor = new BatchEventProcessor<>(ring, barrier, this);
    }

    @Override public long expected() {
      return expected;
    }

    @Override public long run() {
      sum = 0;
      seen = 0;
      processor.run();
      return sum;
    }

    @Override public void onEvent(Event event, long sequence, boolean endOfBatch) {
      sum += event.sum();
      if (++seen == options.events) processor.halt();
    }
  }

  private final class Stage extends Consumer {
    Stage(RingBuffer<Event> ring, SequenceBarrier barrier, long expected) {
      super(ring, barrier, expected);
    }

    @Override public void onEvent(Event event, long sequence, boolean endOfBatch) {
      event.increment();
      super.onEvent(event, sequence, endOfBatch);
    }
  }

  private final class Ponger extends Consumer {
    private final RingBuffer<Event> back;
    private int number;

    Ponger(RingBuffer<Event> there, SequenceBarrier barrier, long expected,
        RingBuffer<Event> back) {
      super(there, barrier, expected);
      this.back = back;
    }

    @Override public long run() {
      number = 0;
      return super.run();
    }

    @Override public void onEvent(Event event, long sequence, boolean endOfBatch) {
      super.onEvent(event, sequence, endOfBatch);
      long at = back.next();
      back.get(at).set(number++);
      back.publish(at);
    }
  }

  private final class Pinger implements Driver.Worker {
    private final RingBuffer<Event> there;
    private final RingBuffer<Event> back;
    private final SequenceBarrier barrier;
    private final Sequence sequence = new Sequence();
    private final long expected;

    Pinger(RingBuffer<Event> there, RingBuffer<Event> back, long expected) {
      this.there = there;
      this.back = back;
      this.expected = expected;
      barrier = back.newBarrier();
      back.addGatingSequences(sequence);
    }

    @Override public long expected() {
      return expected;
    }

    @Override public long run() throws Exception {
      long sum = 0;
      long last = System.nanoTime();
      for (int i = 0; i < latencies.length; ++i) {
        long at = there.next();
        there.get(at).set(i);
        there.publish(at);
        long wanted = sequence.get() + 1;
        barrier.waitFor(wanted);
        sum += back.get(wanted).sum();
        sequence.set(wanted);
        long now = System.nanoTime();
        latencies[i] = (int) (now - last);
        last = now;
      }
      return sum;
    }
  }
}
