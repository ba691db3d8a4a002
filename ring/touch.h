// Parallel handlers that write to the same event: each declares the members that it touches.
//
//   pipeline.then(touch<Write<&Order::price>>([](Price& price) { ... }),
//                 touch<Write<&Order::risk>, Read<&Order::id>>([](Risk& risk, const Id& id) { ...
//                 }));
//
// The handler gets references to these members and to nothing else, so what is declared is what
// can be touched. Two handlers of one stage that may meet in the same bytes, one of them writing,
// do not compile; members that overlap otherwise, as those of a union, are refused at run time.
#ifndef ANNULET_RING_TOUCH_H_
#define ANNULET_RING_TOUCH_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "annulet/ring/handler.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring {

template <auto kMember>
struct Write {
  static constexpr auto kPointer = kMember;
  static constexpr bool kWrites = true;
  template <class Event>
  static auto& of(Event& event) {
    return event.*kMember;
  }
};

template <auto kMember>
struct Read {
  static constexpr auto kPointer = kMember;
  static constexpr bool kWrites = false;
  template <class Event>
  static const auto& of(const Event& event) {
    return event.*kMember;
  }
};

namespace internal {

// An access to the whole event.
template <bool kWritesIt>
struct Whole {
  static constexpr bool kWrites = kWritesIt;
};

template <class... Access>
struct AccessList {};

// Whether two accesses may meet in the same memory, as far as their types tell.
template <class A, class B>
constexpr bool may_meet() {
  if constexpr (requires { A::kPointer, B::kPointer; }) {
    if constexpr (std::is_same_v<decltype(A::kPointer), decltype(B::kPointer)>) {
      return A::kPointer == B::kPointer;
    } else {
      return false;
    }
  } else {
    return true;
  }
}

template <class A, class... B>
constexpr bool conflicts_with_any(AccessList<B...>) {
  return (... || ((A::kWrites || B::kWrites) && may_meet<A, B>()));
}

template <class... A, class ListB>
constexpr bool conflict(AccessList<A...>, ListB list) {
  return (... || conflicts_with_any<A>(list));
}

template <class... A>
constexpr bool writes(AccessList<A...>) {
  return (... || A::kWrites);
}

template <class... Lists>
struct Joined;
template <class... A>
struct Joined<AccessList<A...>> {
  using List = AccessList<A...>;
};
template <class... A, class... B, class... Rest>
struct Joined<AccessList<A...>, AccessList<B...>, Rest...>
    : Joined<AccessList<A..., B...>, Rest...> {};

// Bytes of an event that a handler may access.
struct Bytes {
  size_t begin;
  size_t end;
  bool writes;
};

template <class A, class Event>
Bytes bytes_of(const Event& event) {
  if constexpr (requires { A::kPointer; }) {
    const auto& member = event.*A::kPointer;
    const size_t begin =
        reinterpret_cast<uintptr_t>(std::addressof(member)) - reinterpret_cast<uintptr_t>(&event);
    return {.begin = begin, .end = begin + sizeof member, .writes = A::kWrites};
  } else {
    return {.begin = 0, .end = sizeof(Event), .writes = A::kWrites};
  }
}

template <class... A, class Event>
std::vector<Bytes> all_bytes_of(AccessList<A...>, const Event& event) {
  return {bytes_of<A>(event)...};
}

// Of the accesses of parallel handlers: whether two may meet in the same bytes, one writing.
bool any_overlap(const std::vector<std::vector<Bytes>>& handlers);

// Calls `Handler` with the members that it declared.
template <class Handler, class... Access>
class Touch {
 public:
  using Accesses = AccessList<Access...>;

  explicit Touch(Handler handler) : handler_(std::move(handler)) {}

  template <class Event>
  decltype(auto) operator()(Event& event, Sequence sequence, bool last) {
    if constexpr (std::is_invocable_v<Handler&, decltype(Access::of(event))..., Sequence, bool>) {
      return handler_(Access::of(event)..., sequence, last);
    } else if constexpr (std::is_invocable_v<Handler&, decltype(Access::of(event))..., Sequence>) {
      return handler_(Access::of(event)..., sequence);
    } else {
      static_assert(std::is_invocable_v<Handler&, decltype(Access::of(event))...>,
                    "the handler takes the members in the order of touch<...>: T& for Write, "
                    "const T& for Read; then, if it likes, the sequence, and `last`");
      return handler_(Access::of(event)...);
    }
  }

  void on_start()
    requires requires(Handler& h) { h.on_start(); }
  {
    handler_.on_start();
  }
  void on_shutdown()
    requires requires(Handler& h) { h.on_shutdown(); }
  {
    handler_.on_shutdown();
  }
  void on_idle()
    requires requires(Handler& h) { h.on_idle(); }
  {
    handler_.on_idle();
  }
  void on_batch(size_t size)
    requires requires(Handler& h) { h.on_batch(size); }
  {
    handler_.on_batch(size);
  }

 private:
  Handler handler_;
};

template <class Handler>
inline constexpr bool kTouches = false;
template <class Handler, class... Access>
inline constexpr bool kTouches<Touch<Handler, Access...>> = true;

}  // namespace internal

// `Access`: Write<&Event::member> or Read<&Event::member>.
template <class... Access, class Handler>
auto touch(Handler&& handler) {
  return internal::Touch<std::decay_t<Handler>, Access...>(std::forward<Handler>(handler));
}

}  // namespace annulet::ring

#endif  // ANNULET_RING_TOUCH_H_
