// Annulet's ring in the layout Dense: events and nothing else.
#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/ring_plans.h"
#include "annulet/ring/layout.h"

int main(int argc, char** argv) {
  using namespace annulet;
  return bench::run_contestant(argc, argv, "annulet_dense", bench::ring_plan<ring::Dense>);
}
