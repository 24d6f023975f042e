// What devices measured in validation, as bins: the same whether there are ten devices or a hundred thousand.
#include "server/rollouts/store/validation_store.hpp"

#include <numeric>

#include "server/rollouts/validation_json.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

class ValidationOfARollout : public RolloutFleet {
 protected:
  ValidationOfARollout() {
    database.exec("update releases set validation = '{\"metric\": \"accuracy\", \"threshold\": 0.94}'");
    add_twelve();
  }
  void measured(std::int64_t id, const std::string& devices, const std::string& value) {
    database.exec("update rollout_devices set numbers = jsonb_build_object('metric_value', " + value +
                  ") where rollout_id = " + std::to_string(id) + " and device_id like '" + devices + "'");
  }
  ValidationNumbers numbers_of(std::int64_t id) { return run(rollouts->validation(id)).value(); }
};

TEST_F(ValidationOfARollout, NothingIsShownWhereNobodyMeasured) {
  const auto numbers = numbers_of(create());
  EXPECT_EQ(numbers.metric, "accuracy");
  EXPECT_EQ(numbers.threshold, 0.94);
  EXPECT_EQ(numbers.values.measured, 0);
  EXPECT_TRUE(numbers.values.histogram.empty());
  EXPECT_EQ(run(rollouts->validation(99)).error().code, Errc::not_found);
}

TEST_F(ValidationOfARollout, IsAHistogramWithTheDevicesThatMissTheThreshold) {
  const auto id = create();
  measured(id, "fp32-%", "0.97 + 0.001 * right(device_id, 1)::int");
  measured(id, "int8-1", "0.9");
  measured(id, "int8-2", "0.94");
  const auto numbers = numbers_of(id);
  EXPECT_EQ(numbers.missed, 1) << "the threshold itself is good enough";
  EXPECT_EQ(numbers.values.measured, 8);
  EXPECT_EQ(numbers.values.smallest, 0.9);
  EXPECT_EQ(numbers.values.largest, 0.976);
  EXPECT_EQ(numbers.values.median, 0.972);
  ASSERT_EQ(numbers.values.histogram.size(), 20U);
  const auto& bins = numbers.values.histogram;
  const auto add = [](std::int64_t sum, const MetricBin& bin) { return sum + bin.devices; };
  EXPECT_EQ(std::accumulate(bins.begin(), bins.end(), std::int64_t{0}, add), 8);
  EXPECT_EQ(bins.front().devices, 1);
  EXPECT_EQ(validation_numbers_to_json(numbers)["histogram"].size(), 20U);
}

TEST_F(ValidationOfARollout, OneValueIsOneBinAndALowerMetricIsMissedFromAbove) {
  database.exec("update releases set validation = '{\"metric\": \"mae\", \"direction\": \"lower\", \"threshold\": 2}'");
  const auto id = create();
  measured(id, "%", "3");
  const auto numbers = numbers_of(id);
  ASSERT_EQ(numbers.values.histogram.size(), 1U);
  EXPECT_EQ(numbers.values.histogram[0].devices, 12);
  EXPECT_EQ(numbers.missed, 12);
  EXPECT_FALSE(numbers.higher_is_better);
}

TEST_F(ValidationOfARollout, ReadsItsIndexAlone) {
  const auto id = create();
  database.exec("set enable_seqscan = off");
  const auto plan =
      database.exec("explain select count(*) from rollout_devices where rollout_id = " + std::to_string(id) +
                    " and metric_value is not null and metric_value < 0.94");
  EXPECT_NE(plan[1][0].as<std::string>().find("Index Only Scan using rollout_devices_metric"), std::string::npos)
      << plan[1][0].as<std::string>();
}

}  // namespace
}  // namespace argosy::server
