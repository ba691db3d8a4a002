// The parts of a pipeline: a handler, workers that share events, or a chain of these.
//
//   pipeline.then(journal, replicate, chain(parse, check)).then(share(work, work));
//
// A step is any handler (ring/handler.h); step<Wait>(handler, options) says besides how its thread
// waits, and its RunOptions. share(a, b, ...) are workers of one group: each event goes to
// one of them. chain(a, b, ...) handles events one after the other, beside the rest of its stage.
//
// A handler is copied into the pipeline, or moved. It is the copy that handles events, whose hooks
// are called and whose members change; what others shall see, a handler points to.
#ifndef ANNULET_RING_STEP_H_
#define ANNULET_RING_STEP_H_

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "annulet/ring/handler.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/touch.h"

namespace annulet::ring {
namespace internal {

template <class Handler, class Wait>
struct Step {
  Handler handler;
  std::unique_ptr<Wait> strategy;  // which does not move
  RunOptions options;
};

template <class... Steps>
struct Share {
  std::tuple<Steps...> steps;
};

template <class... Steps>
struct Chain {
  std::tuple<Steps...> steps;
};

template <class T>
inline constexpr bool kIsStep = false;
template <class Handler, class Wait>
inline constexpr bool kIsStep<Step<Handler, Wait>> = true;
template <class... Steps>
inline constexpr bool kIsStep<Share<Steps...>> = true;
template <class... Steps>
inline constexpr bool kIsStep<Chain<Steps...>> = true;

// What a part of a stage may access; for a part that has siblings, unless kAlone.
template <class Part, bool kAlone>
struct AccessOf;
template <class Handler, class Wait, bool kAlone>
struct AccessOf<Step<Handler, Wait>, kAlone> {
  using List = AccessList<Whole<kAlone>>;
};
template <class Handler, class... Access, class Wait, bool kAlone>
struct AccessOf<Step<Touch<Handler, Access...>, Wait>, kAlone> {
  using List = AccessList<Access...>;
};
template <class... Steps, bool kAlone>
struct AccessOf<Share<Steps...>, kAlone> : Joined<typename AccessOf<Steps, kAlone>::List...> {};
template <class... Steps, bool kAlone>
struct AccessOf<Chain<Steps...>, kAlone> : Joined<typename AccessOf<Steps, kAlone>::List...> {};

// Of the parts of one stage: whether no two conflict.
template <class... Parts>
constexpr bool are_independent() {
  if constexpr (sizeof...(Parts) < 2) {
    return true;
  } else {
    return []<class First, class... Rest>(std::type_identity<First>, std::type_identity<Rest>...) {
      using List = typename AccessOf<First, false>::List;
      return !(... || conflict(List(), typename AccessOf<Rest, false>::List())) &&
             are_independent<Rest...>();
    }(std::type_identity<Parts>()...);
  }
}

}  // namespace internal

// A handler with options, and the strategy by which its thread waits (wait/strategy.h), made from
// `wait`: step<wait::SleepWait>(handler, {.name = "log"}, std::chrono::milliseconds(1)).
template <class Wait = DefaultWait, class Handler, class... WaitArguments>
auto step(Handler&& handler, RunOptions options = {}, WaitArguments&&... wait) {
  return internal::Step<std::decay_t<Handler>, Wait>{
      std::forward<Handler>(handler), std::make_unique<Wait>(std::forward<WaitArguments>(wait)...),
      std::move(options)};
}

namespace internal {

// Steps stay what they are; a plain handler becomes one.
template <class Part>
auto as_step(Part&& part) {
  if constexpr (kIsStep<std::decay_t<Part>>) {
    return std::decay_t<Part>(std::forward<Part>(part));
  } else {
    return step(std::forward<Part>(part));
  }
}

}  // namespace internal

template <class... Handlers>
auto share(Handlers&&... handlers) {
  static_assert(sizeof...(Handlers) > 0, "share() needs workers");
  return internal::Share<decltype(internal::as_step(std::forward<Handlers>(handlers)))...>{
      {internal::as_step(std::forward<Handlers>(handlers))...}};
}

template <class... Parts>
auto chain(Parts&&... parts) {
  static_assert(sizeof...(Parts) > 0, "chain() needs handlers");
  return internal::Chain<decltype(internal::as_step(std::forward<Parts>(parts)))...>{
      {internal::as_step(std::forward<Parts>(parts))...}};
}

}  // namespace annulet::ring

#endif  // ANNULET_RING_STEP_H_
