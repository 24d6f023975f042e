#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/delta/rans_encoder.hpp"

namespace argosy::rans {
namespace {

Frequencies two_symbols(std::uint16_t first) {
  Frequencies frequencies{};
  frequencies[7] = first;
  frequencies[200] = static_cast<std::uint16_t>(scale - first);
  return frequencies;
}

TEST(Rans, GivesBackWhatWasNotedInOrderOverTablesAndLanes) {
  const std::vector<Frequencies> all{two_symbols(1), two_symbols(4095), two_symbols(2048)};
  const std::vector<EncodingTable> encoding(all.begin(), all.end());
  const std::vector<DecodingTable> decoding(all.begin(), all.end());
  Rng rng(1);
  std::vector<std::array<std::size_t, 3>> noted;
  Encoder encoder;
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t table = rng.below(3), symbol = rng.chance(0.5) ? 7 : 200, lane = rng.below(lanes);
    noted.push_back({table, symbol, lane});
    encoder.note(static_cast<std::uint8_t>(table), static_cast<std::uint8_t>(symbol), lane);
  }
  const Bytes stream = encoder.finish(encoding);
  Decoder decoder(stream);
  for (const auto& [table, symbol, lane] : noted) ASSERT_EQ(decoder.get(decoding[table], lane), symbol);
  EXPECT_TRUE(decoder.ended_well());
}

TEST(Rans, StepsWithoutChecksFindTheSame) {
  const std::vector<EncodingTable> encoding{EncodingTable(two_symbols(300))};
  const DecodingTable table(two_symbols(300));
  Rng rng(4);
  Encoder encoder;
  std::vector<std::uint8_t> noted(40'000);
  for (std::size_t i = 0; i < noted.size(); ++i) {
    noted[i] = rng.chance(0.1) ? 7 : 200;
    encoder.note(0, noted[i], i % lanes);
  }
  Bytes stream = encoder.finish(encoding);
  const std::size_t size = stream.size();
  stream.resize(size + Decoder::padding);
  Decoder often(ByteView(stream).first(size)), seldom = often;
  std::size_t i = 0;
  for (; often.room() > 0; ++i) {
    ASSERT_EQ(often.get_unchecked<Refills::often>(table, i % lanes), noted[i]);
    ASSERT_EQ(seldom.get_unchecked<Refills::seldom>(table, i % lanes), noted[i]);
  }
  EXPECT_GT(i, noted.size() / 2);
  for (; i < noted.size(); ++i) ASSERT_EQ(often.get(table, i % lanes), noted[i]);
  EXPECT_TRUE(often.ended_well());
}

TEST(Rans, TakesLittleMoreThanTheEntropy) {
  const std::vector<EncodingTable> tables{EncodingTable(two_symbols(256))};  // one in 16: 0.3373 bits
  Rng rng(2);
  Encoder encoder;
  constexpr int count = 400'000;
  for (int i = 0; i < count; ++i) encoder.note(0, rng.chance(1.0 / 16) ? 7 : 200, static_cast<std::size_t>(i) % lanes);
  EXPECT_NEAR(8.0 * static_cast<double>(encoder.finish(tables).size()) / count, 0.3373, 0.004);
}

TEST(Rans, ASymbolThatIsCertainTakesNothing) {
  Frequencies certain{};
  certain[3] = scale;
  const std::vector<EncodingTable> tables{EncodingTable(certain)};
  Encoder encoder;
  for (std::size_t i = 0; i < 10'000; ++i) encoder.note(0, 3, i % lanes);
  EXPECT_EQ(encoder.finish(tables).size(), state_bytes);
}

TEST(Rans, SaysWhenWordsAreMissingOrLeftOver) {
  const std::vector<EncodingTable> encoding{EncodingTable(two_symbols(2048))};
  const DecodingTable table(two_symbols(2048));
  Encoder encoder;
  for (std::size_t i = 0; i < 1'000; ++i) encoder.note(0, i % 3 == 0 ? 7 : 200, i % lanes);
  const Bytes stream = encoder.finish(encoding);
  const auto ends_well = [&](ByteView bytes) {
    Decoder decoder(bytes);
    for (std::size_t i = 0; i < 1'000; ++i) decoder.get(table, i % lanes);
    return decoder.ended_well();
  };
  EXPECT_TRUE(ends_well(stream));
  Bytes longer = stream;
  longer.resize(longer.size() + 2);
  EXPECT_FALSE(ends_well(longer));
  for (std::size_t size = 0; size < stream.size(); ++size)
    EXPECT_FALSE(ends_well(ByteView(stream).first(size))) << size;
  EXPECT_TRUE(Decoder(ByteView()).ended_well()) << "nothing was coded";
}

TEST(Bits, AreReadAsTheyWereWritten) {
  Rng rng(3);
  std::vector<std::pair<std::uint32_t, int>> written;
  BitWriter writer;
  for (int i = 0; i < 10'000; ++i) {
    const int count = static_cast<int>(rng.below(33));
    const auto value = static_cast<std::uint32_t>(rng() & ((std::uint64_t{1} << count) - 1));
    written.emplace_back(value, count);
    writer.put(value, count);
  }
  Bytes bytes = writer.finish();
  const std::size_t size = bytes.size();
  bytes.resize(size + BitReader::padding);
  BitReader reader(bytes.data(), size);
  for (const auto& [value, count] : written) ASSERT_EQ(reader.get(count), value);
  EXPECT_TRUE(reader.ended_well());
  reader.get(32);
  EXPECT_FALSE(reader.ended_well());
}

}  // namespace
}  // namespace argosy::rans
