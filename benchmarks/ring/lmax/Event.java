import com.lmax.disruptor.EventFactory;

/** The number fills every word, and reading adds all the words up. One of the two kinds in a run. */
abstract class Event {
  abstract void set(long number);

  abstract void increment();

  abstract long sum();

  static EventFactory<Event> factory(int bytes) {
    return bytes == 8 ? Small::new : Large::new;
  }

  /** The sum over events that carry first, first + 1, ... as many as count. */
  static long sumOfRange(int bytes, long count, long first) {
    return (count * (count - 1) / 2 + first * count) * (bytes / 8);
  }

  private static final class Small extends Event {
    private long word;

    @Override void set(long number) {
      word = number;
    }

    @Override void increment() {
      ++word;
    }

    @Override long sum() {
      return word;
    }
  }

  private static final class Large extends Event {
    private long a, b, c, d, e, f, g, h;

    @Override void set(long number) {
      a = b = c = d = e = f = g = h = number;
    }

    @Override void increment() {
      ++a;
      ++b;
      ++c;
      ++d;
      ++e;
      ++f;
      ++g;
      ++h;
    }

    @Override long sum() {
      return a + b + c + d + e + f + g + h;
    }
  }
}
