// A metric by a program of the owner's: what it is told, and that its faults are not the model's.
#include <filesystem>

#include <gtest/gtest.h>

#include "agent/runner/grading.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using test::npy;
using test::npz;
using test::TemporaryFile;

class Script : public TemporaryFile {
 public:
  explicit Script(const std::string& body) : TemporaryFile("#!/bin/sh\n" + body) {
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
  }
};

Result<Measured> judged_by(const std::string& script) {
  const TemporaryFile file(
      npz({{"x.npy", npy<float>("<f4", "(2, 1)", {1, 2})}, {"y.npy", npy<std::int64_t>("<i8", "(2,)", {7, 8})}}));
  const Dataset data = std::move(Dataset::open(file.path())).value();
  const Script program(script);
  ARGOSY_TRY(Grading grading, Grading::make(data, "exec-own", 1, program.path()));
  ARGOSY_CHECK(grading.add(0, {{"scores", "float32", {2}, {0.5, 1}}}, 1));
  ARGOSY_CHECK(grading.add(1, {{"scores", "float32", {2}, {0.25, 0}}}, 1));
  return grading.finish();
}

TEST(ProgramGrader, TellsAnswersAndTruthsAndTakesTheValue) {
  // Gives back what it was told in place of an error, so that the test can read it.
  const auto told = judged_by(
      "read head; read first; read second; printf '%s' \"$head$first$second\" | sed 's/\"/`/g; s/.*/{\"error\": "
      "\"&\"}/'; echo");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, Errc::unavailable);
  EXPECT_EQ(
      told.error().message,
      "the program of metric exec-own: {`contract`:1,`metric`:`own`,`samples`:2}"
      "{`outputs`:[{`name`:`scores`,`shape`:[2],`type`:`float32`,`values`:[0.5,1.0]}],`sample`:0,`truths`:{`y`:[7]}}"
      "{`outputs`:[{`name`:`scores`,`shape`:[2],`type`:`float32`,`values`:[0.25,0.0]}],`sample`:1,`truths`:{`y`:[8]}}");
  const auto measured = judged_by("cat > /dev/null; echo '{\"value\": 0.75, \"interval\": [0.5, 1]}'");
  ASSERT_TRUE(measured) << measured.error().message;
  EXPECT_EQ(measured->value, 0.75);
  EXPECT_EQ(measured->interval->lower, 0.5);
}

TEST(ProgramGrader, EveryOtherEndIsTheProgramsFault) {
  for (const char* script : {"cat > /dev/null", "exit 3", "cat > /dev/null; echo nonsense", "kill -9 $$",
                             "cat > /dev/null; echo '{\"value\": \"high\"}'"}) {
    const auto measured = judged_by(script);
    ASSERT_FALSE(measured) << script;
    EXPECT_EQ(measured.error().code, Errc::unavailable) << script << measured.error().message;
  }
}

TEST(ProgramGrader, AMetricOfAProgramNeedsOne) {
  const TemporaryFile file(npy<float>("<f4", "(1, 1)", {1}));
  const Dataset data = std::move(Dataset::open(file.path())).value();
  const auto none = Grading::make(data, "exec-own", 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace argosy::agent
