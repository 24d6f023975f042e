#include "cli/rollout_reach.hpp"

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

using nlohmann::json;

const json latency_in_reach{{"metric", "latency_p95"}, {"mode", "automatic"}, {"scale", "ratio"},
                            {"measurable", true},      {"can_fail", true},    {"can_pass", true},
                            {"visible", 0.182322},     {"needed", 3},         {"message", "this canary can"}};
const json accuracy_out_of_reach{
    {"metric", "accuracy"}, {"mode", "automatic"}, {"scale", "difference"},
    {"measurable", false},  {"can_fail", false},   {"can_pass", true},
    {"visible", nullptr},   {"needed", nullptr},   {"message", "this canary can never roll back on accuracy"}};

TEST(ReachTable, SaysForEachGuardWhatItCanAndNeeds) {
  const Table table = reach_table({{"guards", {latency_in_reach, accuracy_out_of_reach}}});
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0], (Row{"latency_p95", "automatic", "yes", "yes", "yes", "3", "x1.200", "this canary can"}));
  EXPECT_EQ(table.rows[1],
            (Row{"accuracy", "automatic", "no", "no", "yes", "-", "-", "this canary can never roll back on accuracy"}));
  EXPECT_TRUE(reach_table(nullptr).rows.empty());
}

TEST(ReachWarnings, AreOfGuardsThatDecideAndCannot) {
  json advisory = accuracy_out_of_reach;
  advisory["mode"] = "advisory";
  EXPECT_EQ(reach_warnings({{"guards", {latency_in_reach, accuracy_out_of_reach, advisory}}}),
            std::vector<std::string>{"this canary can never roll back on accuracy"});
  EXPECT_TRUE(reach_warnings(nullptr).empty());
}

TEST(Preview, TellsWhyAVariantDoesNotSuit) {
  const json opset{{"devices", 2}, {"message", "needs the ONNX opset 25, the device's engine reads up to 22"}};
  const json memory{{"devices", 1}, {"message", "needs memory_mb >=2000, the device has 512"}};
  const json preview{{"variants",
                      {{{"name", "fp32"}, {"suits", 9}, {"takes", 4}, {"unsuited", json::array({opset, memory})}},
                       {{"name", "int8"}, {"suits", 12}, {"takes", 5}, {"unsuited", json::array()}}}}};
  EXPECT_EQ(variants_table(preview).rows,
            (std::vector<Row>{{"fp32", "9", "4", "2", "needs the ONNX opset 25, the device's engine reads up to 22"},
                              {"", "", "", "1", "needs memory_mb >=2000, the device has 512"},
                              {"int8", "12", "5", "-", "-"}}));
}

TEST(Preview, IsThreeTables) {
  const json preview{{"waves", {{{"share", 0.25}, {"planned", 3}, {"classes", {{"fp32", 2}, {"int8", 1}}}}}},
                     {"download",
                      {{"bytes", 6030000},
                       {"full_bytes", 12000000},
                       {"by_patch", {{"devices", 6}, {"bytes", 30000}}},
                       {"whole", {{"devices", 6}, {"bytes", 6000000}}},
                       {"in_other_slot", 1},
                       {"patches_to_make", 6}}},
                     {"left_out", {{{"reason", "revoked"}, {"devices", 2}, {"message", "they were revoked"}}}}};
  EXPECT_EQ(preview_waves_table(preview).rows, (std::vector<Row>{{"1", "0.25", "3", "fp32 2, int8 1"}}));
  const auto downloads = downloads_table(preview).rows;
  EXPECT_EQ(downloads[0], (Row{"patch", "6", "30.0 KB"}));
  EXPECT_EQ(downloads[1], (Row{"whole file", "6", "6.0 MB"}));
  EXPECT_EQ(downloads.back(), (Row{"whole files would be", "-", "12.0 MB"}));
  EXPECT_EQ(left_out_table(preview).rows, (std::vector<Row>{{"revoked", "2", "they were revoked"}}));
}

}  // namespace
}  // namespace argosy::cli
