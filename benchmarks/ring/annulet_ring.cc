// Annulet's ring in its default layout, a mark beside each event; several producers where asked
// for.
#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/ring_plans.h"
#include "annulet/ring/layout.h"

int main(int argc, char** argv) {
  using namespace annulet;
  return bench::run_contestant(argc, argv, "annulet", bench::ring_plan<ring::Slots>);
}
