#include "annulet/examples/simulation/shop.h"

#include <chrono>
#include <iostream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/sched/for_each_seed.h"
#include "annulet/sched/simulation.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"
#include "gtest/gtest.h"

namespace annulet::examples {
namespace {

using task::Task;

// Takes up to a second for an answer, and no time at all.
class FakeDatabase : public Database {
 public:
  FakeDatabase(sched::Simulation& simulation, int stock) : simulation_(simulation), stock_(stock) {}

  Task<int> stock() override {
    co_await travel();
    co_return stock_;
  }
  Task<void> set_stock(int stock) override {
    co_await travel();
    stock_ = stock;
  }
  Task<bool> replace_stock(int before, int after) override {
    co_await travel();
    if (stock_ != before) co_return false;
    stock_ = after;
    co_return true;
  }

 private:
  Task<void> travel() {
    const std::chrono::milliseconds delay(simulation_.random(1000));
    EXPECT_TRUE((co_await task::sleep_for(delay)).ok());
  }

  sched::Simulation& simulation_;
  int stock_;
};

using Sell = Task<bool> (*)(Database&);

// Two customers, one piece.
Task<int> pieces_sold(Database& database, Sell sell_one) {
  auto one = *sched::spawn(sell_one(database));
  auto other = *sched::spawn(sell_one(database));
  const bool one_bought = co_await std::move(one);
  co_return one_bought + co_await std::move(other);
}

absl::Status sell_one_piece(uint64_t seed, Sell sell_one) {
  sched::Simulation simulation({.seed = seed});
  FakeDatabase database(simulation, /*stock=*/1);
  const int sold = simulation.run(pieces_sold(database, sell_one));
  return sold == 1 ? absl::OkStatus() : absl::InternalError(absl::StrCat("sold ", sold));
}

TEST(Shop, SellsEachPieceOnce) {
  const absl::Status passed =
      sched::for_each_seed(1, 1000, [](uint64_t seed) { return sell_one_piece(seed, &sell); });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Shop, AnOversaleIsFound) {
  const absl::Status passed = sched::for_each_seed(
      1, 1000, [](uint64_t seed) { return sell_one_piece(seed, &sell_carelessly); });
  EXPECT_EQ(passed.code(), absl::StatusCode::kInternal);
  std::cout << passed.message() << "\n";  // what a failure looks like
}

}  // namespace
}  // namespace annulet::examples
