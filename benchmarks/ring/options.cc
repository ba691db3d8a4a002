#include "annulet/benchmarks/ring/options.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

ABSL_FLAG(std::string, topology, "unicast",
          "unicast, pipeline, multicast, diamond, producers or pingpong");
ABSL_FLAG(uint64_t, ring, 1024, "slots of a ring or queue, a power of two");
ABSL_FLAG(uint64_t, batch, 1, "events that a producer publishes at a time");
ABSL_FLAG(uint64_t, event_bytes, 8, "8 or 64");
ABSL_FLAG(std::string, wait, "",
          "spin, pause, yield or block; by default spin, or yield with more threads than cpus");
ABSL_FLAG(uint64_t, events, 1'000'000, "events of a repeat; round trips of a pingpong");
ABSL_FLAG(int, repeats, 5, "measured repeats, after one that is not");
ABSL_FLAG(std::vector<std::string>, cpus, (std::vector<std::string>{"0", "1"}),
          "cpus to pin the threads to, in turn");

namespace annulet::bench {
namespace {

constexpr std::array<std::pair<std::string_view, Topology>, 6> kTopologies = {{
    {"unicast", Topology::kUnicast},
    {"pipeline", Topology::kPipeline},
    {"multicast", Topology::kMulticast},
    {"diamond", Topology::kDiamond},
    {"producers", Topology::kProducers},
    {"pingpong", Topology::kPingpong},
}};

constexpr std::array<std::pair<std::string_view, Wait>, 4> kWaits = {{
    {"spin", Wait::kSpin},
    {"pause", Wait::kPause},
    {"yield", Wait::kYield},
    {"block", Wait::kBlock},
}};

template <class Table>
auto find(const Table& table, std::string_view what, std::string_view text)
    -> absl::StatusOr<decltype(table[0].second)> {
  for (const auto& [name, value] : table) {
    if (name == text) return value;
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no ", what, " \"", text, "\""));
}

}  // namespace

absl::StatusOr<Topology> parse_topology(std::string_view text) {
  return find(kTopologies, "topology", text);
}

absl::StatusOr<Wait> parse_wait(std::string_view text) { return find(kWaits, "wait", text); }

std::string_view name_of(Topology topology) {
  for (const auto& [name, value] : kTopologies) {
    if (value == topology) return name;
  }
  return "?";
}

size_t threads_of(Topology topology) {
  return topology == Topology::kUnicast || topology == Topology::kPingpong ? 2 : 4;
}

uint64_t share_of_producer(uint64_t events, uint64_t producer) {
  return events / kProducers + (producer < events % kProducers ? 1 : 0);
}

absl::Status validate(const Options& options) {
  const auto refuse = [](std::string_view why) { return absl::InvalidArgumentError(why); };
  if (options.ring < 2 || !std::has_single_bit(options.ring)) {
    return refuse("--ring: a power of two, at least 2");
  }
  if (options.batch < 1 || options.batch > std::min(options.ring, kMaxBatch)) {
    return refuse(absl::StrCat("--batch: from 1 to --ring, and ", kMaxBatch, " at most"));
  }
  if (options.event_bytes != 8 && options.event_bytes != 64)
    return refuse("--event_bytes: 8 or 64");
  if (options.events < 1 || options.events > 1'000'000'000) return refuse("--events: 1 to 10^9");
  if (options.repeats < 1) return refuse("--repeats: at least 1");
  if (options.cpus.empty()) return refuse("--cpus: at least one");
  return absl::OkStatus();
}

absl::StatusOr<Options> options_from_flags() {
  Options options;
  const absl::StatusOr<Topology> topology = parse_topology(absl::GetFlag(FLAGS_topology));
  if (!topology.ok()) return topology.status();
  options.topology = *topology;
  options.ring = absl::GetFlag(FLAGS_ring);
  options.batch = absl::GetFlag(FLAGS_batch);
  options.event_bytes = absl::GetFlag(FLAGS_event_bytes);
  options.events = absl::GetFlag(FLAGS_events);
  options.repeats = absl::GetFlag(FLAGS_repeats);
  options.cpus.clear();
  for (const std::string& text : absl::GetFlag(FLAGS_cpus)) {
    int cpu = 0;
    if (!absl::SimpleAtoi(text, &cpu) || cpu < 0) {
      return absl::InvalidArgumentError(absl::StrCat("--cpus: \"", text, "\" is no cpu"));
    }
    options.cpus.push_back(cpu);
  }
  const bool crowded = threads_of(options.topology) > options.cpus.size();
  options.wait = crowded ? Wait::kYield : Wait::kSpin;
  if (const std::string text = absl::GetFlag(FLAGS_wait); !text.empty()) {
    const absl::StatusOr<Wait> wait = parse_wait(text);
    if (!wait.ok()) return wait.status();
    options.wait = *wait;
  }
  if (absl::Status status = validate(options); !status.ok()) return status;
  return options;
}

}  // namespace annulet::bench
