#include "common/base/open_files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace argosy {
namespace {

TEST(OpenFiles, AreAsManyAsWantedOrAsTheHardLimitAllows) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(allow_open_files(150), 150U);
  EXPECT_EQ(allow_open_files(120), 150U) << "never fewer";
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, 150U);
  EXPECT_EQ(now.rlim_max, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace argosy
