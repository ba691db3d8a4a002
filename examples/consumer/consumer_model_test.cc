#include <atomic>

#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace {

using annulet::model_check::ModelSync;

// A flag that hands something over.
template <class Sync>
struct Handover {
  typename Sync::template cell<int> gift;
  typename Sync::template atomic<bool> ready{false};

  void give(int value) {
    gift.write() = value;
    ready.store(true, std::memory_order_release);
  }
  int take() { return ready.load(std::memory_order_acquire) ? gift.read() : 0; }
};

TEST(HandoverModel, GivesAllOrNothing) {
  const annulet::model_check::Result result = annulet::model_check::check("handover", [] {
    Handover<ModelSync> handover;
    int taken = 0;
    annulet::model_check::run_threads(
        {{"giver", [&] { handover.give(7); }}, {"taker", [&] { taken = handover.take(); }}});
    annulet::model_check::ensure(taken == 0 || taken == 7, "half a gift");
  });
  EXPECT_TRUE(result.ok()) << result;
}

}  // namespace
