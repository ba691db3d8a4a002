// The disruptor's first example: an order is written to a journal and sent to a replica, beside
// each other, and then executed.
//
//             +--> journal ---+
//   producer -+               +--> execute
//             +--> replicate -+
#include <cstdint>
#include <cstdio>

#include "absl/status/status.h"
#include "annulet/ring/pipeline.h"

namespace ring = annulet::ring;

struct Order {
  int64_t price = 0;
  bool journaled = false;
  bool replicated = false;
};

int main() {
  int64_t executed = 0;
  ring::Pipeline<Order> pipeline({.capacity = 1024});
  pipeline
      .then(ring::touch<ring::Write<&Order::journaled>>([](bool& done) { done = true; }),
            ring::touch<ring::Write<&Order::replicated>>([](bool& done) { done = true; }))
      .then([&](const Order& order) {
        if (order.journaled && order.replicated) executed += order.price;
      });
  absl::Status status = pipeline.start();
  for (int64_t price = 1; status.ok() && price <= 100; ++price) {
    status = pipeline.publish([&](Order& order) { order = {.price = price}; });
  }
  if (status.ok()) status = pipeline.drain();
  if (!status.ok()) {
    std::fprintf(stderr, "getting_started: %s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("executed %lld\n", static_cast<long long>(executed));
}
