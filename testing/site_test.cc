#include "annulet/testing/internal/site.h"

#include "gtest/gtest.h"

namespace annulet::model_check::internal {
namespace {

TEST(ShortFunctionName, IsTheSameForBothCompilers) {
  EXPECT_EQ(short_function_name("Key annulet::wait::BasicEventCount<annulet::M>::prepare_wait() "
                                "[Sync = annulet::M]"),
            "BasicEventCount::prepare_wait");
  EXPECT_EQ(short_function_name(
                "annulet::wait::BasicEventCount<Sync>::Key annulet::wait::BasicEventCount<Sync>::"
                "prepare_wait() [with Sync = annulet::M; Key = unsigned int]"),
            "BasicEventCount::prepare_wait");
}

TEST(ShortFunctionName, LeavesOutNamespacesWithoutAName) {
  EXPECT_EQ(short_function_name("void annulet::wait::(anonymous namespace)::unpark(State &)"),
            "wait::unpark");
  EXPECT_EQ(short_function_name("void annulet::wait::{anonymous}::unpark(State&)"), "wait::unpark");
}

TEST(ShortFunctionName, KnowsFunctionsWithFunctionsAmongTheirParameters) {
  EXPECT_EQ(short_function_name("void a::Queue<T>::each(void (*)(T), int) const [T = int]"),
            "Queue::each");
}

TEST(ShortFunctionName, KnowsDestructorsLambdasAndConversions) {
  EXPECT_EQ(short_function_name("a::Node::~Node()"), "Node::~Node");
  EXPECT_EQ(short_function_name("auto f()::(anonymous class)::operator()() const"), "lambda");
  EXPECT_EQ(short_function_name("f()::<lambda()>"), "lambda");
  EXPECT_EQ(short_function_name("a::Link::operator a::Node *() const"), "Link::operator");
  EXPECT_EQ(short_function_name("main"), "main");
}

}  // namespace
}  // namespace annulet::model_check::internal
