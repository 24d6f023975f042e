#include "agent/runner/grading.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using test::npy;
using test::npz;
using test::TemporaryFile;
using Values = std::vector<double>;

Answer answer(Values values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return {{"scores", "float32", {count}, std::move(values)}};
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Dataset data_with(const std::string& y) {
  const std::string x = npy<float>("<f4", "(2, 1)", {1, 2});
  const TemporaryFile file(y.empty() ? npz({{"x.npy", x}}) : npz({{"x.npy", x}, {"y.npy", y}}));
  return std::move(Dataset::open(file.path())).value();
}
Dataset labelled() {
  return data_with(npy<std::int64_t>("<i8", "(2,)", {1, 2}));
}
Dataset golden() {
  return data_with(npy<double>("<f8", "(2, 1, 2)", {1, 2, 3, 4}));
}
Dataset halves() {
  return data_with(npy<double>("<f8", "(2,)", {0.5, 1}));
}
Dataset named() {
  return data_with(npy<char>("|S1", "(2,)", {'a', 'b'}));
}
std::string refusal(const Dataset& data, const char* metric) {
  const auto grading = Grading::make(data, metric, 3);
  return grading ? "" : std::string(slug(grading.error().code)) + ": " + grading.error().message;
}

TEST(Grading, HoldsScoresAgainstLabels) {
  const Dataset data = labelled();
  Grading grading = *Grading::make(data, "accuracy", 1);
  EXPECT_TRUE(grading.add(0, answer(Values{0, 1, 0}), 2.0));
  EXPECT_TRUE(grading.add(1, answer(Values{9, -infinity, 0}), 4.0));
  const Measured measured = *grading.finish();
  EXPECT_EQ(measured.value, 0.5);
  EXPECT_EQ(measured.samples, 2U);
  EXPECT_EQ(measured.correct, 1U);
  EXPECT_EQ(measured.unusable, 0U);
  EXPECT_EQ(measured.latency_ms.mean, 3.0);
  EXPECT_EQ(measured.worst, (std::vector<std::size_t>{1}));
}

TEST(Grading, HoldsAnswersAgainstGoldenOutputs) {
  const Dataset data = golden();
  Grading grading = *Grading::make(data, "mae", 2);
  EXPECT_TRUE(grading.add(0, answer(Values{1, 2}), 1));
  EXPECT_TRUE(grading.add(1, answer(Values{3, 5}), 1));
  EXPECT_EQ(grading.finish()->value, 0.25);
  EXPECT_EQ(grading.finish()->worst, (std::vector<std::size_t>{1, 0}));
}

TEST(Grading, CountsAnswersThatAreNoNumbers) {
  const Dataset labels = labelled(), outputs = golden();
  Grading scores = *Grading::make(labels, "accuracy", 1), values = *Grading::make(outputs, "cosine", 1),
          alone = *Grading::make(labels, "none", 9);
  for (Grading* grading : {&scores, &values, &alone}) {
    EXPECT_TRUE(grading->add(0, answer(grading == &scores ? Values{0, nan, 1} : Values{0, nan}), 1));
    EXPECT_TRUE(grading->add(1, answer(grading == &scores ? Values{0, 1, infinity} : Values{0, infinity}), 1));
  }
  EXPECT_EQ(scores.finish()->unusable, 1U);
  EXPECT_EQ(values.finish()->unusable, 2U);
  EXPECT_EQ(alone.finish()->unusable, 2U);
  EXPECT_EQ(alone.finish()->worst, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(alone.finish()->value, std::nullopt);
}

TEST(Grading, SaysWhenMetricAndDataSetDoNotFit) {
  EXPECT_EQ(
      refusal(halves(), "f1"),
      "corrupt: metric f1 needs labels, which are whole numbers or texts, in the data set's y, and that is array 'y' "
      "float64 [2]");
  EXPECT_EQ(refusal(named(), "mse"),
            "corrupt: metric mse needs golden outputs, which are numbers, in the data set's y, and that is array 'y' "
            "bytes [2]");
  EXPECT_EQ(refusal(data_with(""), "accuracy"),
            "corrupt: metric accuracy needs labels in the data set's y, and there is no y");
  EXPECT_EQ(refusal(data_with(""), "none"), "");
}

TEST(Grading, SaysWhenModelAndDataSetDoNotFitAndShowsNoneOfIt) {
  const Dataset labels = labelled(), outputs = golden();
  Grading scores = *Grading::make(labels, "accuracy", 1);
  EXPECT_TRUE(scores.add(0, answer(Values{1, 2}), 1));
  EXPECT_EQ(scores.add(1, answer(Values{1, 2}), 1).error().message,
            "the label of sample 1 is none of the model's 2 classes: labels count from 0, and these from 1");
  Grading values = *Grading::make(outputs, "mae", 1);
  const auto refused = values.add(0, answer(Values{1, 2, 3}), 1);
  EXPECT_EQ(refused.error().code, Errc::incompatible);
  EXPECT_EQ(refused.error().message, "the golden output of sample 0 has 2 values, and the model answers with 3");
}

TEST(Grading, RefusesAGoldenOutputThatIsNoNumber) {
  const Dataset data = data_with(npy<float>("<f4", "(2, 1)", {1, nan}));
  Grading grading = *Grading::make(data, "mae", 1);
  EXPECT_TRUE(grading.add(0, answer(Values{1}), 1));
  EXPECT_EQ(grading.add(1, answer(Values{1}), 1).error().message, "the golden output of sample 1 is not finite");
}

}  // namespace
}  // namespace argosy::agent
