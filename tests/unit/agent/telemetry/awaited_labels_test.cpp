#include "agent/telemetry/awaited_labels.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

const Instant asked_at = instant_from_ms(1'700'000'000'000);

AwaitedLabels opened(const TempFolder& folder, AwaitedLabels::Limits limits = {}) {
  return AwaitedLabels::open(folder.path() / "awaited_labels.db", limits).value();
}
AwaitedLabel prediction(std::int64_t predicted, Instant at = asked_at) {
  return {"digits", "1.0", predicted, at};
}

TEST(AwaitedLabels, GivesAPredictionOnce) {
  const TempFolder folder;
  auto labels = opened(folder);
  labels.await(7, prediction(3));
  EXPECT_EQ(labels.take(7).value(), prediction(3));
  EXPECT_EQ(labels.take(7).value(), std::nullopt);
  EXPECT_EQ(labels.take(8).value(), std::nullopt);
}

TEST(AwaitedLabels, FindsWithoutTaking) {
  const TempFolder folder;
  auto labels = opened(folder, {.age = Duration{60'000}});
  labels.await(7, prediction(3));
  EXPECT_EQ(labels.find(7).value(), prediction(3));
  ASSERT_TRUE(labels.save(asked_at));
  EXPECT_EQ(labels.find(7).value(), prediction(3)) << "from the file, too";
  EXPECT_EQ(labels.take(7).value(), prediction(3));
  EXPECT_EQ(labels.find(7).value(), std::nullopt);
  EXPECT_FALSE(labels.forgets(asked_at, asked_at + Duration{60'000}));
  EXPECT_TRUE(labels.forgets(asked_at, asked_at + Duration{60'001}));
}

TEST(AwaitedLabels, KeepsThemThroughARestart) {
  const TempFolder folder;
  {
    auto labels = opened(folder);
    labels.await(7, prediction(3));
    labels.await(8, prediction(-4));
    ASSERT_TRUE(labels.save(asked_at));
    labels.await(9, prediction(5));
  }
  {
    auto labels = opened(folder);
    EXPECT_EQ(labels.take(8).value(), prediction(-4));
    EXPECT_EQ(labels.take(8).value(), std::nullopt) << "before it is saved, too";
    EXPECT_EQ(labels.take(9).value(), std::nullopt) << "was not saved";
    ASSERT_TRUE(labels.save(asked_at));
  }
  auto labels = opened(folder);
  EXPECT_EQ(labels.take(8).value(), std::nullopt);
  EXPECT_EQ(labels.take(7).value(), prediction(3));
}

TEST(AwaitedLabels, AreBoundedByNumberAndAge) {
  const TempFolder folder;
  auto labels = opened(folder, {.predictions = 3, .unsaved = 4, .age = Duration{60'000}});
  for (std::uint64_t id = 1; id <= 5; ++id) labels.await(id, prediction(0, asked_at + Duration{id}));
  EXPECT_EQ(labels.dropped(), 1u);
  ASSERT_TRUE(labels.save(asked_at));
  EXPECT_EQ(labels.take(1).value(), std::nullopt) << "the oldest goes first";
  EXPECT_TRUE(labels.take(4).value());
  labels.await(6, prediction(0, asked_at + Duration{60'000}));
  ASSERT_TRUE(labels.save(asked_at + Duration{70'000}));
  EXPECT_EQ(labels.take(3).value(), std::nullopt) << "too old";
  EXPECT_TRUE(labels.take(6).value());
}

TEST(AwaitedLabels, BeginAnewFromAFileThatIsNone) {
  const TempFolder folder;
  std::ofstream(folder.path() / "awaited_labels.db") << std::string(8192, 'x');
  auto labels = opened(folder);
  labels.await(7, prediction(3));
  EXPECT_TRUE(labels.save(asked_at));
}

}  // namespace
}  // namespace argosy::agent
