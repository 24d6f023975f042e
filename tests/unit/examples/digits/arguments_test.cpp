#include "examples/digits/arguments.hpp"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace digits {
namespace {

Arguments parse(std::vector<const char*> more) {
  std::vector<const char*> all{"classifier", "--model", "m/current", "--data", "field.npz"};
  all.insert(all.end(), more.begin(), more.end());
  return parse_arguments(static_cast<int>(all.size()), all.data());
}
std::string message_of(std::vector<const char*> more) {
  try {
    parse(std::move(more));
    return "parsed";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(Arguments, HaveDefaults) {
  const Arguments arguments = parse({});
  EXPECT_EQ(arguments.model, "m/current");
  EXPECT_EQ(arguments.rate, 10);
  EXPECT_EQ(arguments.label_share, 0.5);
}

TEST(Arguments, TakeEveryFlag) {
  const Arguments arguments = parse(
      {"--socket", "s", "--rate", "2.5", "--label-share", "1", "--seed", "7", "--control", "c", "--pid-file", "p"});
  EXPECT_EQ(arguments.socket, "s");
  EXPECT_EQ(arguments.rate, 2.5);
  EXPECT_EQ(arguments.label_share, 1);
  EXPECT_EQ(arguments.seed, 7U);
  EXPECT_EQ(arguments.control, "c");
  EXPECT_EQ(arguments.pid_file, "p");
}

TEST(Arguments, SayWhatIsWrong) {
  EXPECT_EQ(message_of({"--rate", "0"}), "--rate '0': a number from 0.010000 to 10000.000000 is needed");
  EXPECT_EQ(message_of({"--label-share", "nan"}), "--label-share 'nan': a number from 0.000000 to 1.000000 is needed");
  EXPECT_EQ(message_of({"--speed", "1"}), "'--speed' is no option");
  EXPECT_EQ(message_of({"--rate"}), "--rate needs a value");
}

TEST(Arguments, NeedAModelAndData) {
  const char* const none[] = {"classifier"};
  EXPECT_THROW(parse_arguments(1, none), std::invalid_argument);
}

}  // namespace
}  // namespace digits
