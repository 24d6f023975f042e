#include "server/journal/audit_chain.hpp"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

constexpr std::int64_t minute_us = 60'000'000;

class AuditChainTest : public ::testing::Test {
 protected:
  std::vector<SealedRow> rows = chain(5);

  static std::vector<SealedRow> chain(std::int64_t count) {
    std::vector<SealedRow> sealed;
    ChainHead head = genesis();
    for (std::int64_t n = 1; n <= count; ++n) {
      SealedRow row{n,          100 + n,         n * minute_us, n * minute_us + 5,
                    "user:ada", "rollout.start", "rollout/3",   "192.0.2.7"};
      row.details = R"({"a": 1})";
      row.hash = seal_hash(head.hash, row);
      head = {n, row.hash};
      sealed.push_back(row);
    }
    return sealed;
  }
  std::optional<ChainFault> walk() const {
    ChainWalk walk(genesis());
    for (const SealedRow& row : rows) {
      if (auto fault = walk.take(row)) return fault;
    }
    return std::nullopt;
  }
};

TEST_F(AuditChainTest, AnUntouchedChainIsWhole) {
  EXPECT_FALSE(walk());
}

TEST_F(AuditChainTest, EachTouchedFieldNamesItsRow) {
  const std::vector<std::function<void(SealedRow&)>> touches{[](SealedRow& row) { row.id += 1; },
                                                             [](SealedRow& row) { row.at_us += 1; },
                                                             [](SealedRow& row) { row.sealed_at_us += 1; },
                                                             [](SealedRow& row) { row.actor = "user:bob"; },
                                                             [](SealedRow& row) { row.action += "x"; },
                                                             [](SealedRow& row) { row.object = ""; },
                                                             [](SealedRow& row) { row.address = "::1"; },
                                                             [](SealedRow& row) { row.details = "{}"; },
                                                             [](SealedRow& row) { row.hash.bytes[31] ^= 1; }};
  for (std::size_t i = 0; i < touches.size(); ++i) {
    rows = chain(5);
    touches[i](rows[2]);
    const auto fault = walk();
    ASSERT_TRUE(fault) << i;
    EXPECT_EQ(fault->row_id, rows[2].id) << i;
  }
}

TEST_F(AuditChainTest, FieldsDoNotRunIntoEachOther) {
  SealedRow a = rows[0], b = rows[0];
  a.actor = "user:a", a.action = "b";
  b.actor = "user:ab", b.action = "";
  EXPECT_NE(seal_hash(genesis().hash, a), seal_hash(genesis().hash, b));
}

TEST_F(AuditChainTest, ARemovedRowIsNamedByItsSeal) {
  rows.erase(rows.begin() + 2);
  EXPECT_EQ(walk()->seal, 3);
  EXPECT_EQ(walk()->row_id, 0);
}

TEST_F(AuditChainTest, AnInsertedRowIsNamed) {
  SealedRow inserted = rows[2];
  inserted.id = 999;
  rows.insert(rows.begin() + 2, inserted);
  EXPECT_EQ(walk()->row_id, 999);
}

TEST_F(AuditChainTest, SwappedRowsAreNamed) {
  std::swap(rows[1], rows[3]);
  EXPECT_TRUE(walk());
}

TEST_F(AuditChainTest, ARowPutInLaterWithAnOlderTimeIsNamed) {
  SealedRow late{6, 106, 0, 6 * minute_us, "user:ada", "x", "y", ""};
  late.at_us = -20 * minute_us;
  late.details = "{}";
  late.hash = seal_hash(rows.back().hash, late);
  rows.push_back(late);
  EXPECT_EQ(walk()->row_id, 106);
}

TEST_F(AuditChainTest, TheArchiveKeepsEveryByte) {
  SealedRow row = rows[1];
  row.details = "{\"name\": \"\\u00e9\\n\\\"\"}";
  const auto back = from_archive_line(to_archive_line(row));
  ASSERT_TRUE(back);
  EXPECT_EQ(seal_hash(rows[0].hash, *back), seal_hash(rows[0].hash, row));
  for (const char* wrong : {"", "[]", "{", "{}", R"({"seal":"1"})", "null"})
    EXPECT_FALSE(from_archive_line(wrong)) << wrong;
}

}  // namespace
}  // namespace argosy::server
