// The Sync policy that a model checker drives: atomics, plain cells, locks and sleeps of the model.
//
// Use it as the Sync parameter of a lock-free core in a scenario (model_check.h), and for what the
// scenario itself shares between its threads. It has what wait::RealSync has, with the same
// meaning, and works only inside a scenario. Each operation takes its place in the source as a last
// argument that nobody writes, for traces and mutants.
// Threads: the model's own.
// Lifetime: objects live inside the scenario: made and destroyed by it.
#ifndef ANNULET_TESTING_MODEL_SYNC_H_
#define ANNULET_TESTING_MODEL_SYNC_H_

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <source_location>
#include <type_traits>
#include <utility>

#include "annulet/testing/internal/execution.h"
#include "annulet/wait/deadline.h"

namespace annulet::model_check {

class ModelSync {
  using Op = internal::Op;
  using Where = std::source_location;
  using Order = std::memory_order;
  static constexpr Order kSeqCst = std::memory_order_seq_cst;
  template <class T>
  using Difference = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;

  static internal::Execution& model() { return internal::Execution::current(); }

  // What std::atomic takes for the failure of a compare-exchange that names one order.
  static constexpr Order failure_of(Order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }

 public:
  // std::atomic without its operators: every access says its order.
  template <class T>
  class atomic {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));
    // Padding would be compared with the value.
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);

   public:
    using value_type = T;

    atomic(T value = T{}, Where where = Where::current())  // NOLINT: converts, as std::atomic does
        : id_(model().construct(this, pack(value), where)) {}
    ~atomic() { model().destroy(ref()); }
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(Order order = kSeqCst, Where where = Where::current()) const {
      return unpack(model().load(ref(), order, where));
    }
    void store(T value, Order order = kSeqCst, Where where = Where::current()) {
      model().store(ref(), pack(value), order, where);
    }
    T exchange(T value, Order order = kSeqCst, Where where = Where::current()) {
      return change(Op::kExchange, order, where, [value](T) { return value; });
    }
    bool compare_exchange_strong(T& expected, T desired, Order success, Order failure,
                                 Where where = Where::current()) {
      return compare_exchange(expected, desired, success, failure, false, where);
    }
    bool compare_exchange_strong(T& expected, T desired, Order order = kSeqCst,
                                 Where where = Where::current()) {
      return compare_exchange(expected, desired, order, failure_of(order), false, where);
    }
    bool compare_exchange_weak(T& expected, T desired, Order success, Order failure,
                               Where where = Where::current()) {
      return compare_exchange(expected, desired, success, failure, true, where);
    }
    bool compare_exchange_weak(T& expected, T desired, Order order = kSeqCst,
                               Where where = Where::current()) {
      return compare_exchange(expected, desired, order, failure_of(order), true, where);
    }
    T fetch_add(Difference<T> value, Order order = kSeqCst, Where where = Where::current()) {
      return change(Op::kFetchAdd, order, where,
                    [value](T before) { return static_cast<T>(before + value); });
    }
    T fetch_sub(Difference<T> value, Order order = kSeqCst, Where where = Where::current()) {
      return change(Op::kFetchSub, order, where,
                    [value](T before) { return static_cast<T>(before - value); });
    }
    T fetch_and(T value, Order order = kSeqCst, Where where = Where::current())
      requires std::integral<T>
    {
      return change(Op::kFetchAnd, order, where,
                    [value](T before) { return static_cast<T>(before & value); });
    }
    T fetch_or(T value, Order order = kSeqCst, Where where = Where::current())
      requires std::integral<T>
    {
      return change(Op::kFetchOr, order, where,
                    [value](T before) { return static_cast<T>(before | value); });
    }
    T fetch_xor(T value, Order order = kSeqCst, Where where = Where::current())
      requires std::integral<T>
    {
      return change(Op::kFetchXor, order, where,
                    [value](T before) { return static_cast<T>(before ^ value); });
    }

   private:
    friend class ModelSync;

    static uint64_t pack(T value) {
      uint64_t word = 0;
      std::memcpy(&word, &value, sizeof value);
      return word;
    }
    static T unpack(uint64_t word) {
      T value;
      std::memcpy(&value, &word, sizeof value);
      return value;
    }
    template <class Change>
    T change(Op op, Order order, const Where& where, Change change) {
      return unpack(model().read_modify_write(op, ref(), order, where, [&change](uint64_t before) {
        return pack(change(unpack(before)));
      }));
    }
    bool compare_exchange(T& expected, T desired, Order success, Order failure, bool weak,
                          const Where& where) {
      uint64_t word = pack(expected);
      const bool done =
          model().compare_exchange(ref(), word, pack(desired), success, failure, weak, where);
      expected = unpack(word);
      return done;
    }

    internal::Ref ref() const { return {this, id_}; }

    const uint32_t id_;
  };

  // Plain memory: two accesses of which one writes must be ordered by the protocol.
  template <class T>
  class cell {
   public:
    explicit cell(T value = T{}, Where where = Where::current())
        : value_(std::move(value)), id_(model().construct_cell(this, where)) {}
    ~cell() { model().destroy_cell(ref()); }
    cell(const cell&) = delete;
    cell& operator=(const cell&) = delete;

    // The reference is for use before the thread's next operation on anything shared.
    const T& read(Where where = Where::current()) const {
      model().read(ref(), where);
      return value_;
    }
    T& write(Where where = Where::current()) {
      model().write(ref(), where);
      return value_;
    }

   private:
    internal::Ref ref() const { return {this, id_}; }

    T value_;
    const uint32_t id_;
  };

  class mutex {
   public:
    explicit mutex(Where where = Where::current()) : id_(model().construct_mutex(this, where)) {}
    ~mutex() { model().destroy_mutex(ref()); }
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    void lock(Where where = Where::current()) { model().lock(ref(), where); }
    bool try_lock(Where where = Where::current()) { return model().try_lock(ref(), where); }
    void unlock(Where where = Where::current()) { model().unlock(ref(), where); }

   private:
    friend class ModelSync;
    internal::Ref ref() const { return {this, id_}; }

    const uint32_t id_;
  };

  // Names the place of the lock, which std::lock_guard would not.
  class lock_guard {
   public:
    explicit lock_guard(mutex& mutex, Where where = Where::current())
        : mutex_(mutex), locked_(model().lock(mutex.ref(), where)) {}
    ~lock_guard() {
      if (locked_) mutex_.unlock();
    }
    lock_guard(const lock_guard&) = delete;
    lock_guard& operator=(const lock_guard&) = delete;

   private:
    mutex& mutex_;
    const bool locked_;  // a mutant may have left it out
  };

  // Of std::unique_lock what waiting for a condition needs.
  class unique_lock {
   public:
    explicit unique_lock(ModelSync::mutex& mutex, Where where = Where::current())
        : mutex_(mutex), locked_(model().lock(mutex.ref(), where)) {}
    ~unique_lock() {
      if (locked_) mutex_.unlock();
    }
    unique_lock(const unique_lock&) = delete;
    unique_lock& operator=(const unique_lock&) = delete;

    void lock(Where where = Where::current()) { locked_ = model().lock(mutex_.ref(), where); }
    void unlock(Where where = Where::current()) {
      if (locked_) mutex_.unlock(where);
      locked_ = false;
    }
    bool owns_lock() const { return locked_; }

   private:
    friend class ModelSync;
    ModelSync::mutex& mutex_;
    bool locked_;  // a mutant may have left it out
  };

  class condition_variable {
   public:
    explicit condition_variable(Where where = Where::current())
        : id_(model().construct_condition(this, where)) {}
    ~condition_variable() { model().destroy_condition(ref()); }
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    void notify_one(Where where = Where::current()) { model().notify(ref(), 1, where); }
    void notify_all(Where where = Where::current()) { model().notify(ref(), kAll, where); }
    void wait(unique_lock& lock, Where where = Where::current()) {
      model().wait(ref(), lock.mutex_.ref(), false, where);
    }
    // Time runs out whenever it is inconvenient; `until` only says whether it can.
    std::cv_status wait_until(unique_lock& lock, wait::Deadline until,
                              Where where = Where::current()) {
      const bool in_time = model().wait(ref(), lock.mutex_.ref(), until != wait::kNever, where);
      return in_time ? std::cv_status::no_timeout : std::cv_status::timeout;
    }

   private:
    static constexpr int kAll = std::numeric_limits<int>::max();
    internal::Ref ref() const { return {this, id_}; }

    const uint32_t id_;
  };

  static void fence(Order order, Where where = Where::current()) { model().fence(order, where); }

  static void prepare_asymmetric_fences() {}
  static void fence_light(Where where = Where::current()) { model().fence_light(where); }
  static void fence_heavy(Where where = Where::current()) { model().fence_heavy(where); }

  // The thread spins: it goes on when something that it has read since the last pause was stored
  // to, or when nobody else can.
  static void pause(Where where = Where::current()) { model().pause(where); }
  static void yield(Where where = Where::current()) { model().pause(where); }

  static void futex_wait(atomic<uint32_t>& word, uint32_t expected, wait::Deadline until,
                         Where where = Where::current()) {
    model().futex_wait(word.ref(), expected, until != wait::kNever, where);
  }
  // By address only: `word` may be gone.
  static void futex_wake(atomic<uint32_t>& word, int count, Where where = Where::current()) {
    model().futex_wake(&word, count, where);
  }
};

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_MODEL_SYNC_H_
