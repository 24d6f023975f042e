#include "agent/runner/reach.hpp"

#include <gtest/gtest.h>

#include "agent/runner/session.hpp"

namespace argosy::agent {
namespace {

TEST(Reach, OfTheEngineIsFoundByTrying) {
  const auto reach = reach_of_engine();
  ASSERT_TRUE(reach) << reach.error().message;
  EXPECT_GE(reach->opset, 17U) << "ONNX Runtime of 2022 reads it";
  EXPECT_GE(reach->ir, 8U);
  EXPECT_LT(reach->opset, 100U) << "there is an end";
  EXPECT_LT(reach->ir, 100U);
}

}  // namespace
}  // namespace argosy::agent
