// Tasks that start tasks: a crawler of an invented web, whose pages link to pages. Urgent pages
// first, a log that one worker alone keeps, and a stop that lets everything end.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/task.h"

namespace sched = annulet::sched;
using annulet::task::Task;

// Page n links to 2n and 2n + 1, as long as there are such.
constexpr int kPages = 1000;

Task<int> visit(int page) {
  std::vector<sched::JoinHandle<int>> links;
  for (const int link : {2 * page, 2 * page + 1}) {
    if (link > kPages) continue;
    const bool urgent = link % 7 == 0;
    auto visiting = sched::spawn(
        visit(link), urgent ? sched::Priority::kHigh : sched::Priority::kNormal, "visit");
    if (visiting.ok()) links.push_back(*std::move(visiting));
  }
  int pages = 1;
  for (auto& link : links) pages += co_await std::move(link);
  co_return pages;
}

// Everything in here stays on one worker, so a plain vector is enough.
Task<size_t> count_words(std::vector<std::string> lines) {
  std::vector<size_t> words(lines.size());
  const auto count = [&](size_t i) -> Task<void> {
    for (const char c : lines[i]) words[i] += c == ' ';
    ++words[i];
    co_return;
  };
  std::vector<sched::LocalJoinHandle<void>> counting;
  for (size_t i = 0; i < lines.size(); ++i) {
    auto one = sched::spawn_local(count(i));
    if (one.ok()) counting.push_back(*std::move(one));
  }
  for (auto& one : counting) co_await std::move(one);
  size_t sum = 0;
  for (const size_t n : words) sum += n;
  co_return sum;
}

int main() {
  absl::StatusOr<std::unique_ptr<sched::Engine>> engine = sched::Engine::create({.workers = 4});
  if (!engine.ok()) {
    std::fprintf(stderr, "crawl: %s\n", engine.status().ToString().c_str());
    return 1;
  }
  const int pages = (*engine)->block_on(visit(1));
  auto words = (*engine)->spawn_on(0, count_words({"one two", "three", "four five six"}));
  const size_t counted = words.ok() ? (*std::move(words)).join() : 0;
  const absl::Status stopped = (*engine)->stop(annulet::wait::kNever);
  std::printf("%d pages, %zu words, %s\n", pages, counted, stopped.ToString().c_str());
}
