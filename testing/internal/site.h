// The places in source code that touch shared state, and what a mutant changes about one of them.
//
// A site is found by being executed: its source position is a default argument of each operation of
// ModelSync, so the code under test carries no labels for it.
// Lifetime: sites live as long as their table, at fixed addresses.
#ifndef ANNULET_TESTING_INTERNAL_SITE_H_
#define ANNULET_TESTING_INTERNAL_SITE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace annulet::model_check::internal {

enum class Op : uint8_t {
  kConstruct,
  kDestroy,
  kLoad,
  kStore,
  kExchange,
  kFetchAdd,
  kFetchSub,
  kFetchAnd,
  kFetchOr,
  kFetchXor,
  kCompareExchange,
  kFence,
  kFenceLight,
  kFenceHeavy,
  kRead,
  kWrite,
  kLock,
  kTryLock,
  kUnlock,
  kWait,
  kNotify,
  kFutexWait,
  kFutexWake,
  kPause,
};

std::string_view name(Op op);
std::string_view name(std::memory_order order);

inline bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
inline bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

// "annulet::wait::BasicEventCount<S>::Key annulet::wait::BasicEventCount<S>::notify(int) [S = X]"
// becomes "BasicEventCount::notify". Understands GCC's and clang's spelling.
std::string short_function_name(std::string_view pretty);

struct Site {
  Op op;
  std::source_location where;
  // As the source has them; `failure` is the second one of a compare-exchange.
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order failure = std::memory_order_relaxed;

  // "wait/event_count.h:53"
  std::string position() const;
  std::string function() const { return short_function_name(where.function_name()); }
};

class SiteTable {
 public:
  const Site* find(Op op, const std::source_location& where, std::memory_order order,
                   std::memory_order failure);
  // In the order in which they were first executed.
  const std::vector<std::unique_ptr<Site>>& sites() const { return sites_; }

 private:
  struct Key {
    const char* file;
    uint32_t line;
    uint32_t column;
    Op op;
    bool operator==(const Key&) const = default;
    template <class H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.file, key.line, key.column, key.op);
    }
  };

  // In front of the map, since every step looks its site up.
  struct Recent {
    Key key{};
    const Site* site = nullptr;
  };

  std::array<Recent, 256> recent_;
  absl::flat_hash_map<Key, Site*> by_key_;
  std::vector<std::unique_ptr<Site>> sites_;
};

// One change to one site. Only the next weaker order: what kills it would kill any weaker one.
struct Mutation {
  enum class Part : uint8_t {
    kOrder,    // weaken the order; of a fence to relaxed: drop it
    kFailure,  // weaken the order of a failing compare-exchange
    kDrop,     // leave out the lock, the wake-up or what is asymmetric about a fence
  };

  const Site* site = nullptr;
  Part part = Part::kOrder;
  std::memory_order order = std::memory_order_relaxed;  // the weaker one
  std::string name;                                     // "X::notify fence: seq_cst -> acq_rel"

  bool drops(const Site* other) const { return site == other && part == Part::kDrop; }
};

// Every mutation of the sites whose file ends with one of `files`, named so that no two are alike.
std::vector<Mutation> mutations(const SiteTable& table, const std::vector<std::string>& files);

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_SITE_H_
