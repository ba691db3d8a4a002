// load: a closed-loop TCP echo load generator in a process of its own. See load_phase.h for what it
// does and README.md in this folder for what its numbers mean.
//
//   load --address=127.0.0.1:8080 --connections=1,50,512 --server-pid=$(pidof echo_server)
//
// Exit status: 0 all replies right; 1 a wrong reply, an early close, no connection; 2 a wrong flag.
#include <netdb.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "annulet/benchmarks/echo/load_phase.h"
#include "annulet/benchmarks/echo/report.h"

ABSL_FLAG(std::string, address, "", "the server, as 127.0.0.1:PORT or [IPv6]:PORT");
ABSL_FLAG(std::vector<std::string>, connections, (std::vector<std::string>{"1", "50", "512"}),
          "numbers of connections; one phase each");
ABSL_FLAG(uint64_t, size, 64, "bytes of one request");
ABSL_FLAG(double, warmup, 0.3, "seconds before the measured ones, in each phase");
ABSL_FLAG(double, seconds, 3, "measured seconds, in each phase");
ABSL_FLAG(uint64_t, requests, 0, "requests in each phase, exactly, in place of --seconds");
ABSL_FLAG(double, patience, 10, "seconds without any reply after which the run fails");
ABSL_FLAG(int, server_pid, 0, "the server's process: adds its CPU time per request");
ABSL_FLAG(std::string, format, "table", "table, json or line");

namespace annulet::bench {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 26;
constexpr int kMaxConnections = 100'000;

struct Plan {
  ServerAddress server;
  std::vector<PhaseOptions> phases;
  std::string format;
};

absl::StatusOr<ServerAddress> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return absl::InvalidArgumentError("--address: want 127.0.0.1:PORT or [IPv6]:PORT");
  }
  std::string host(text.substr(0, colon));
  const std::string port(text.substr(colon + 1));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--address=", text, ": ", gai_strerror(error)));
  }
  ServerAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

absl::StatusOr<Plan> read_flags() {
  Plan plan;
  absl::StatusOr<ServerAddress> server = parse_address(absl::GetFlag(FLAGS_address));
  if (!server.ok()) return server.status();
  plan.server = *server;
  plan.format = absl::GetFlag(FLAGS_format);
  if (plan.format != "table" && plan.format != "json" && plan.format != "line") {
    return absl::InvalidArgumentError("--format: want table, json or line");
  }
  PhaseOptions options;
  options.size = absl::GetFlag(FLAGS_size);
  options.warmup_s = absl::GetFlag(FLAGS_warmup);
  options.seconds = absl::GetFlag(FLAGS_seconds);
  options.requests = absl::GetFlag(FLAGS_requests);
  options.patience_s = absl::GetFlag(FLAGS_patience);
  options.server_pid = absl::GetFlag(FLAGS_server_pid);
  if (options.size == 0 || options.size > kMaxSize) {
    return absl::InvalidArgumentError(absl::StrCat("--size: want 1 to ", kMaxSize));
  }
  if (!(options.warmup_s >= 0) || !(options.seconds > 0) || !(options.patience_s > 0)) {
    return absl::InvalidArgumentError("--warmup, --seconds and --patience: want positive numbers");
  }
  for (const std::string& text : absl::GetFlag(FLAGS_connections)) {
    if (!absl::SimpleAtoi(text, &options.connections) || options.connections < 1 ||
        options.connections > kMaxConnections) {
      return absl::InvalidArgumentError(
          absl::StrCat("--connections: '", text, "': want numbers from 1 to ", kMaxConnections));
    }
    plan.phases.push_back(options);
  }
  return plan;
}

// Flags have C++ names; --server-pid is taken as --server_pid.
void accept_dashes(char* argument) {
  if (std::strncmp(argument, "--", 2) != 0) return;
  for (char* c = argument + 2; *c != '\0' && *c != '='; ++c) {
    if (*c == '-') *c = '_';
  }
}

void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void show_progress(const Progress& progress) {
  const double rate = static_cast<double>(progress.requests) / progress.elapsed_s;
  const std::string expected =
      progress.expected_s > 0 ? absl::StrFormat(" of %.1f", progress.expected_s) : "";
  absl::FPrintF(stderr, "\r\033[K%d connections: %.1f%s s, %s requests/s", progress.connections,
                progress.elapsed_s, expected, format_count(static_cast<uint64_t>(rate)));
}

int run_plan(const Plan& plan) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  std::vector<PhaseResult> results;
  for (const PhaseOptions& phase : plan.phases) {
    absl::StatusOr<PhaseResult> result = run_phase(
        plan.server, phase, terminal ? show_progress : std::function<void(const Progress&)>());
    if (terminal) std::fputs("\r\033[K", stderr);
    if (!result.ok()) {
      std::cerr << "load: " << result.status().message() << '\n';
      return 1;
    }
    results.push_back(*std::move(result));
  }
  const size_t size = plan.phases.empty() ? 0 : plan.phases.front().size;
  std::cout << (plan.format == "json"   ? json_report(results, size)
                : plan.format == "line" ? line_report(results, size)
                                        : table_report(results, size));
  return std::cout.flush() ? 0 : 1;
}

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "closed-loop TCP echo load generator\n"
      "  load --address=127.0.0.1:PORT [--connections=1,50,512] [--size=64] [--seconds=3]");
  for (int i = 1; i < argc; ++i) annulet::bench::accept_dashes(argv[i]);
  absl::ParseCommandLine(argc, argv);
  absl::StatusOr<annulet::bench::Plan> plan = annulet::bench::read_flags();
  if (!plan.ok()) {
    std::cerr << "load: " << plan.status().message() << '\n';
    return 2;
  }
  annulet::bench::raise_descriptor_limit();
  return annulet::bench::run_plan(*plan);
}
