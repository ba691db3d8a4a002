#include "annulet/testing/internal/site.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace annulet::model_check::internal {

namespace {

using std::memory_order;

// The orders that are weaker than `order` by one step.
std::vector<memory_order> weaker(Op op, memory_order order) {
  const bool load = op == Op::kLoad;
  const bool store = op == Op::kStore;
  switch (order) {
    case std::memory_order_seq_cst:
      if (load) return {std::memory_order_acquire};
      if (store) return {std::memory_order_release};
      return {std::memory_order_acq_rel};
    case std::memory_order_acq_rel:
      return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_relaxed:
      return {};
    default:
      return {std::memory_order_relaxed};
  }
}

std::string change(memory_order from, memory_order to) {
  return absl::StrCat(name(from), " -> ", name(to));
}

void add_mutations(const Site& site, std::vector<Mutation>& result) {
  const std::string what = absl::StrCat(site.function(), " ", name(site.op));
  switch (site.op) {
    case Op::kLock:
    case Op::kFutexWake:
    case Op::kNotify:
    case Op::kFenceLight:
      result.push_back({&site, Mutation::Part::kDrop, {}, absl::StrCat(what, ": dropped")});
      return;
    case Op::kFenceHeavy:
      result.push_back(
          {&site, Mutation::Part::kDrop, {}, absl::StrCat(what, ": heavy -> seq_cst")});
      return;
    case Op::kCompareExchange:
      for (const memory_order order : weaker(Op::kCompareExchange, site.order)) {
        result.push_back({&site, Mutation::Part::kOrder, order,
                          absl::StrCat(what, " success: ", change(site.order, order))});
      }
      for (const memory_order order : weaker(Op::kLoad, site.failure)) {
        result.push_back({&site, Mutation::Part::kFailure, order,
                          absl::StrCat(what, " failure: ", change(site.failure, order))});
      }
      return;
    default:
      for (const memory_order order : weaker(site.op, site.order)) {
        result.push_back({&site, Mutation::Part::kOrder, order,
                          absl::StrCat(what, ": ", change(site.order, order))});
      }
  }
}

// Cuts everything between matching angle brackets.
std::string without_template_arguments(std::string_view text) {
  std::string result;
  int depth = 0;
  for (const char c : text) {
    if (c == '<') ++depth;
    if (depth == 0) result.push_back(c);
    if (c == '>') --depth;
  }
  return result;
}

// The position of the bracket that matches the last ')' of `text`, or npos.
size_t last_parameter_list(std::string_view text) {
  int depth = 0;
  for (size_t i = text.rfind(')'); i != std::string_view::npos && i < text.size(); --i) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view name(Op op) {
  switch (op) {
    case Op::kConstruct:
      return "construct";
    case Op::kDestroy:
      return "destroy";
    case Op::kLoad:
      return "load";
    case Op::kStore:
      return "store";
    case Op::kExchange:
      return "exchange";
    case Op::kFetchAdd:
      return "fetch_add";
    case Op::kFetchSub:
      return "fetch_sub";
    case Op::kFetchAnd:
      return "fetch_and";
    case Op::kFetchOr:
      return "fetch_or";
    case Op::kFetchXor:
      return "fetch_xor";
    case Op::kCompareExchange:
      return "compare_exchange";
    case Op::kFence:
      return "fence";
    case Op::kFenceLight:
      return "fence_light";
    case Op::kFenceHeavy:
      return "fence_heavy";
    case Op::kRead:
      return "read";
    case Op::kWrite:
      return "write";
    case Op::kLock:
      return "lock";
    case Op::kTryLock:
      return "try_lock";
    case Op::kUnlock:
      return "unlock";
    case Op::kWait:
      return "wait";
    case Op::kNotify:
      return "notify";
    case Op::kFutexWait:
      return "futex_wait";
    case Op::kFutexWake:
      return "futex_wake";
    case Op::kPause:
      return "pause";
  }
  return "?";
}

std::string_view name(memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "?";
}

std::string short_function_name(std::string_view pretty) {
  if (absl::StrContains(pretty, "lambda") || absl::StrContains(pretty, "anonymous class")) {
    return "lambda";
  }
  const std::string named =
      absl::StrReplaceAll(pretty, {{"(anonymous namespace)::", ""}, {"{anonymous}::", ""}});
  pretty = named;
  if (const size_t bracket = pretty.find(" ["); bracket != std::string_view::npos) {
    pretty = pretty.substr(0, bracket);  // the template arguments that the compilers append
  }
  if (const size_t list = last_parameter_list(pretty); list != std::string_view::npos) {
    pretty = pretty.substr(0, list);
  }
  std::string text = without_template_arguments(pretty);
  // The type that a conversion operator is named after is left out.
  if (const size_t conversion = text.find("operator "); conversion != std::string::npos) {
    text.resize(conversion + std::string_view("operator").size());
  }
  const size_t blank = text.rfind(' ');
  if (blank != std::string::npos) text = text.substr(blank + 1);
  const size_t last = text.rfind("::");
  if (last == std::string::npos || last == 0) return text;
  const size_t previous = text.rfind("::", last - 1);
  return previous == std::string::npos ? text : text.substr(previous + 2);
}

std::string Site::position() const {
  std::string_view file = where.file_name();
  size_t slash = file.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = file.rfind('/', slash - 1);
  if (slash != std::string_view::npos) file = file.substr(slash + 1);
  return absl::StrCat(file, ":", where.line());
}

const Site* SiteTable::find(Op op, const std::source_location& where, memory_order order,
                            memory_order failure) {
  const Key key{where.file_name(), where.line(), where.column(), op};
  Recent& recent = recent_[(key.line * 7 + key.column) % recent_.size()];
  if (recent.site != nullptr && recent.key == key) return recent.site;
  Site*& found = by_key_[key];
  if (found == nullptr) {
    found = sites_.emplace_back(std::make_unique<Site>(Site{op, where, order, failure})).get();
  }
  recent = {key, found};
  return found;
}

std::vector<Mutation> mutations(const SiteTable& table, const std::vector<std::string>& files) {
  std::vector<const Site*> sites;
  for (const auto& site : table.sites()) {
    for (const std::string& file : files) {
      if (absl::EndsWith(site->where.file_name(), file)) sites.push_back(site.get());
    }
  }
  // Their place in the source, not the order of exploration, decides which one is #2.
  std::sort(sites.begin(), sites.end(), [](const Site* a, const Site* b) {
    const int order = std::string_view(a->where.file_name()).compare(b->where.file_name());
    if (order != 0) return order < 0;
    if (a->where.line() != b->where.line()) return a->where.line() < b->where.line();
    return a->where.column() < b->where.column();
  });
  std::vector<Mutation> result;
  for (const Site* site : sites) add_mutations(*site, result);
  absl::flat_hash_map<std::string, int> uses;
  for (Mutation& mutation : result) {
    const int use = ++uses[mutation.name];
    if (use > 1) absl::StrAppend(&mutation.name, " #", use);
  }
  return result;
}

}  // namespace annulet::model_check::internal
