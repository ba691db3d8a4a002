import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** Runs the threads of a contestant, times them and checks what they saw, as ../driver.cc does. */
final class Driver {
  /** One thread: run() once for each repeat, which must return expected(). */
  interface Worker {
    long run() throws Exception;

    long expected();
  }

  private static final int MIN_WARMUPS = 5;
  private static final long WARMUP_NS = 1_500_000_000L;

  private final Options options;
  private final List<Worker> workers;
  private final int[] latencies; // of the round trips of a repeat, in a pingpong; or null
  private final AtomicInteger arrived = new AtomicInteger();
  private volatile int generation;
  private volatile long start;
  private volatile boolean warm;
  private final long[][] ends;
  private final long[][] waits;
  private final long[] starts;
  private final List<Integer> p50 = new ArrayList<>();
  private final List<Integer> p99 = new ArrayList<>();

  Driver(Options options, List<Worker> workers, int[] latencies) {
    this.options = options;
    this.workers = workers;
    this.latencies = latencies;
    starts = new long[options.repeats];
    ends = new long[workers.size()][options.repeats];
    waits = new long[workers.size()][options.repeats];
  }

  /** Repeats until the JIT compiler has had its time, then options.repeats; a line of JSON. */
  String measure() throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < workers.size(); ++i) {
      int index = i;
      threads.add(new Thread(() -> live(index)));
    }
    threads.forEach(Thread::start);
    for (Thread thread : threads) thread.join();
    return toJson();
  }

  private void live(int index) {
    try {
      pinTo(options.cpus[index % options.cpus.length]);
      long begun = System.nanoTime();
      for (int warmup = 0; !warm; ++warmup) {
        repeat(index, -1);
        if (index == 0) warm = warmup + 1 >= MIN_WARMUPS && System.nanoTime() - begun > WARMUP_NS;
        arriveAndWait(); // all see the same `warm`
      }
      for (int repeat = 0; repeat < options.repeats; ++repeat) repeat(index, repeat);
    } catch (Throwable failure) {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private void repeat(int index, int repeat) throws Exception {
    long waitedBefore = runDelay();
    long began = arriveAndWait();
    long sum = workers.get(index).run();
    long end = System.nanoTime();
    if (sum != workers.get(index).expected()) {
      throw new AssertionError("thread " + index + " lost, doubled or changed an event: " + sum);
    }
    if (repeat < 0) return;
    waits[index][repeat] = runDelay() - waitedBefore;
    ends[index][repeat] = end;
    if (index != 0) return;
    starts[repeat] = began;
    if (latencies != null) {
      int[] sorted = latencies.clone();
      Arrays.sort(sorted);
      p50.add(sorted[(int) (0.50 * (sorted.length - 1))]);
      p99.add(sorted[(int) (0.99 * (sorted.length - 1))]);
    }
  }

  /** Who comes last notes the time and lets all go. */
  private long arriveAndWait() {
    int mine = generation;
    if (arrived.incrementAndGet() == workers.size()) {
      arrived.set(0);
      start = System.nanoTime();
      generation = mine + 1;
    } else {
      while (generation == mine) Thread.yield();
    }
    return start;
  }

  /** Java cannot pin a thread; taskset can, given the thread's number. */
  private static void pinTo(int cpu) throws IOException, InterruptedException {
    String thread = Path.of("/proc/thread-self").toRealPath().getFileName().toString();
    Process taskset = new ProcessBuilder("taskset", "-pc", Integer.toString(cpu), thread)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    if (taskset.waitFor() != 0) throw new IOException("cannot run on cpu " + cpu);
  }

  /** How long this thread was runnable but did not run; 0 on a kernel that does not say. */
  private static long runDelay() {
    try {
      return Long.parseLong(
          Files.readString(Path.of("/proc/thread-self/schedstat")).trim().split(" ")[1]);
    } catch (IOException absent) {
      return 0;
    }
  }

  private String toJson() {
    List<String> nsPerEvent = new ArrayList<>();
    List<String> waitShare = new ArrayList<>();
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
      long end = Long.MIN_VALUE;
      long waited = 0;
      for (int i = 0; i < workers.size(); ++i) {
        end = Math.max(end, ends[i][repeat]);
        waited = Math.max(waited, waits[i][repeat]);
      }
      double ns = end - starts[repeat];
      nsPerEvent.add(String.format(Locale.ROOT, "%.3f", ns / options.events));
      waitShare.add(String.format(Locale.ROOT, "%.4f", waited / ns));
    }
    String figures = latencies == null ? "\"ns_per_event\":[" + String.join(",", nsPerEvent) + "]"
        : "\"p50_ns\":[" + list(p50) + "],\"p99_ns\":[" + list(p99) + "]";
    return "{\"contestant\":\"" + options.contestant + "\",\"topology\":\""
        + options.topology.name().toLowerCase() + "\"," + figures + ",\"wait_share\":["
        + String.join(",", waitShare) + "]}";
  }

  private static String list(List<Integer> values) {
    return values.stream().map(String::valueOf).collect(Collectors.joining(","));
  }
}
