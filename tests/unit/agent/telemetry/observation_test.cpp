#include "agent/telemetry/observation.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "agent/sdk/argosy_observe.h"

namespace argosy::agent {
namespace {

Bytes encoded(const argosy_observation& observation) {
  Bytes bytes(ARGOSY_OBSERVATION_MAX_BYTES);
  bytes.resize(argosy_observation_encode(&observation, bytes.data(), bytes.size()));
  return bytes;
}

argosy_observation whole() {
  static const float features[] = {0.5F, NAN, -3.0F};
  argosy_observation observation = argosy_observation_of("digits", 850);
  observation.release = "1.0";
  observation.predicted = 7;
  observation.confidence = 0.5;
  observation.label = 8;
  observation.features = features;
  observation.feature_count = 3;
  return observation;
}

TEST(Observation, ReadsWhatTheHeaderWrites) {
  const auto read = decode_observation(encoded(whole()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->model, "digits");
  EXPECT_EQ(read->release, "1.0");
  EXPECT_EQ(read->latency_us, 850u);
  EXPECT_TRUE(read->ok);
  EXPECT_EQ(read->predicted, 7);
  EXPECT_EQ(read->confidence, 0.5);
  EXPECT_EQ(read->label, 8);
  ASSERT_EQ(read->features.size(), 3u);
  EXPECT_EQ(read->features[0], 0.5);
  EXPECT_TRUE(std::isnan(read->features[1]));
  EXPECT_EQ(read->features[2], -3.0);
}

TEST(Observation, OnlyTheModelIsNeeded) {
  argosy_observation observation = argosy_observation_of("digits", 1);
  observation.ok = 0;
  const auto read = decode_observation(encoded(observation));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->ok);
  EXPECT_TRUE(read->release.empty());
  EXPECT_FALSE(read->predicted);
  EXPECT_FALSE(read->label);
  EXPECT_TRUE(read->features.empty());
}

TEST(Observation, NoTruncationIsRead) {
  const Bytes bytes = encoded(whole());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_observation(ByteView(bytes).first(size))) << size;
}

TEST(Observation, NoChangedByteDoesHarm) {
  const Bytes bytes = encoded(whole());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(value);
      const auto read = decode_observation(changed);
      EXPECT_TRUE(!read || read->features.size() <= 256u);
    }
  }
}

TEST(Observation, NamesAndSizesAreLimited) {
  EXPECT_EQ(decode_observation(Bytes(max_observation_bytes + 1)).error().code, Errc::too_large);
  EXPECT_FALSE(decode_observation(encoded(argosy_observation_of("../digits", 1))));
  EXPECT_FALSE(decode_observation(encoded(argosy_observation_of("", 1))));
  EXPECT_FALSE(decode_observation(encoded(argosy_observation_of(std::string(65, 'x').c_str(), 1))));
  argosy_observation release = argosy_observation_of("digits", 1);
  release.release = "1/0";
  EXPECT_FALSE(decode_observation(encoded(release)));
  argosy_observation large_class = argosy_observation_of("digits", 1);
  large_class.predicted = 1LL << 40;
  EXPECT_FALSE(decode_observation(encoded(large_class)));
}

}  // namespace
}  // namespace argosy::agent
