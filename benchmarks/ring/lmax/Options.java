import java.util.Arrays;

/** What a run is asked to do: the flags that all contestants share, as ../options.h has them. */
final class Options {
  enum Topology { UNICAST, PIPELINE, MULTICAST, DIAMOND, PRODUCERS, PINGPONG }

  enum Wait { SPIN, PAUSE, YIELD, BLOCK }

  String contestant = "lmax";
  Topology topology = Topology.UNICAST;
  int ring = 1024;
  int batch = 1;
  int eventBytes = 8;
  Wait wait;
  int events = 1_000_000;
  int repeats = 5;
  int[] cpus = {0, 1};

  private Options() {}

  /** Throws IllegalArgumentException, which says what is wrong. */
  static Options parse(String[] arguments) {
    Options options = new Options();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      require(argument.startsWith("--") && equals > 0, argument + ": flags are --name=value");
      options.set(argument.substring(2, equals), argument.substring(equals + 1));
    }
    if (options.wait == null) {
      options.wait = options.threads() > options.cpus.length ? Wait.YIELD : Wait.SPIN;
    }
    options.check();
    return options;
  }

  int threads() {
    return topology == Topology.UNICAST || topology == Topology.PINGPONG ? 2 : 4;
  }

  private void set(String name, String value) {
    switch (name) {
      case "contestant" -> contestant = value;
      case "topology" -> topology = Topology.valueOf(value.toUpperCase());
      case "ring" -> ring = Integer.parseInt(value);
      case "batch" -> batch = Integer.parseInt(value);
      case "event_bytes" -> eventBytes = Integer.parseInt(value);
      case "wait" -> wait = Wait.valueOf(value.toUpperCase());
      case "events" -> events = Integer.parseInt(value);
      case "repeats" -> repeats = Integer.parseInt(value);
      case "cpus" -> cpus = Arrays.stream(value.split(",")).mapToInt(Integer::parseInt).toArray();
      default -> throw new IllegalArgumentException("there is no flag --" + name);
    }
  }

  private void check() {
    require(contestant.equals("lmax") || contestant.equals("lmax_lite"),
        "--contestant: lmax or lmax_lite");
    require(ring >= 2 && Integer.bitCount(ring) == 1, "--ring: a power of two, at least 2");
    require(batch >= 1 && batch <= ring, "--batch: from 1 to --ring");
    require(eventBytes == 8 || eventBytes == 64, "--event_bytes: 8 or 64");
    require(events >= 1 && events <= 1_000_000_000, "--events: 1 to 10^9");
    require(repeats >= 1, "--repeats: at least 1");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) throw new IllegalArgumentException(otherwise);
  }
}
