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
  static const argosy_number numbers[] = {{"queue_depth", 17.5}, {"tokens", -3e9}};
  observation.numbers = numbers;
  observation.number_count = 2;
  observation.entropy = 0.25;
  static const argosy_tag tags[] = {{"camera", "left"}, {"shift", "night 2"}};
  observation.tags = tags;
  observation.tag_count = 2;
  observation.runtime = "onnxruntime 1.22.0";
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
  EXPECT_EQ(read->numbers, (std::map<std::string, double>{{"queue_depth", 17.5}, {"tokens", -3e9}}));
  EXPECT_EQ(read->entropy, 0.25);
  EXPECT_EQ(read->tags, (std::map<std::string, std::string>{{"camera", "left"}, {"shift", "night 2"}}));
  EXPECT_EQ(read->runtime, "onnxruntime 1.22.0");
}

TEST(Observation, AnEntropyThatNoPredictionHasIsNone) {
  for (const double nats : {64.5, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    argosy_observation observation = argosy_observation_of("digits", 1);
    observation.entropy = nats;
    EXPECT_FALSE(decode_observation(encoded(observation)).value().entropy) << nats;
  }
}

TEST(Observation, TagsAreLimited) {
  const std::string longest(32, 'v'), longer(33, 'v');
  for (const auto& [tag, is_good] : {std::pair{argosy_tag{"camera", longest.c_str()}, true},
                                     {argosy_tag{"camera", longer.c_str()}, false},
                                     {argosy_tag{"camera", ""}, false},
                                     {argosy_tag{"camera", "l\tr"}, false},
                                     {argosy_tag{"camera", "\xc3\xbc"}, false},
                                     {argosy_tag{"Camera", "left"}, false}}) {
    argosy_observation observation = argosy_observation_of("digits", 1);
    observation.tags = &tag;
    observation.tag_count = 1;
    EXPECT_EQ(decode_observation(encoded(observation)).has_value(), is_good) << tag.key << "=" << tag.value;
  }
  const argosy_tag five[] = {{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}, {"e", "1"}};
  argosy_observation observation = argosy_observation_of("digits", 1);
  observation.tags = five;
  observation.tag_count = 5;
  EXPECT_FALSE(decode_observation(encoded(observation)));
  observation.tag_count = 4;
  EXPECT_TRUE(decode_observation(encoded(observation)));
}

TEST(Observation, ARuntimeHasAVersion) {
  for (const char* runtime : {"onnxruntime", " 1.22", "onnxruntime ", "a\nb 1"}) {
    argosy_observation observation = argosy_observation_of("digits", 1);
    observation.runtime = runtime;
    EXPECT_FALSE(decode_observation(encoded(observation))) << runtime;
  }
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

TEST(Observation, ANumberWithoutAFiniteValueIsNone) {
  const argosy_number numbers[] = {{"a", NAN}, {"b", INFINITY}, {"c", 1e19}, {"d", 1}};
  argosy_observation observation = argosy_observation_of("digits", 1);
  observation.numbers = numbers;
  observation.number_count = 4;
  EXPECT_EQ(decode_observation(encoded(observation)).value().numbers, (std::map<std::string, double>{{"d", 1}}));
}

TEST(Observation, NamesOfNumbersAreLimited) {
  const std::string longest(40, 'x'), longer(41, 'x');
  for (const char* name : {"", "Queue", "queue-depth", longer.c_str()}) {
    const argosy_number number{name, 1};
    argosy_observation observation = argosy_observation_of("digits", 1);
    observation.numbers = &number;
    observation.number_count = 1;
    EXPECT_FALSE(decode_observation(encoded(observation))) << name;
  }
  std::vector<std::string> names;
  for (int i = 0; i < 17; ++i) names.push_back("n" + std::to_string(i));
  std::vector<argosy_number> numbers;
  for (const auto& name : names) numbers.push_back({name.c_str(), 1});
  argosy_observation observation = argosy_observation_of("digits", 1);
  observation.numbers = numbers.data();
  observation.number_count = numbers.size();
  EXPECT_FALSE(decode_observation(encoded(observation)));
  observation.number_count = 16;
  EXPECT_TRUE(decode_observation(encoded(observation)));
}

Bytes encoded(const argosy_shadow_answer& answer) {
  Bytes bytes(ARGOSY_OBSERVATION_MAX_BYTES);
  bytes.resize(argosy_shadow_encode(&answer, bytes.data(), bytes.size()));
  return bytes;
}

TEST(Observation, OfAShadowRunItReadsHowTheAnswersCompare) {
  const auto read = decode_observation(encoded(argosy_shadow_answer{"digits", "1.0", "1.1", 1, 0, 1, 0}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->model, "digits");
  ASSERT_TRUE(read->shadow);
  EXPECT_EQ(read->shadow->old_version, "1.0");
  EXPECT_EQ(read->shadow->new_version, "1.1");
  EXPECT_EQ(counts_of(*read->shadow), (wire::ShadowCounts{1, 0, 0, 1, 1, 0, 0}));
  const auto failed = decode_observation(encoded(argosy_shadow_answer{"digits", nullptr, "1.1", 0, 1, 1, 1}));
  ASSERT_TRUE(failed);
  EXPECT_EQ(counts_of(*failed->shadow), (wire::ShadowCounts{1, 1, 0, 1, 1, 0, 0})) << "no answer agrees with nothing";
  const auto unlabelled = decode_observation(encoded(argosy_shadow_answer{"digits", nullptr, "1.1", 1, 1, -1, -1}));
  ASSERT_TRUE(unlabelled);
  EXPECT_EQ(counts_of(*unlabelled->shadow), (wire::ShadowCounts{1, 0, 1, 0, 0, 0, 0}));
  EXPECT_FALSE(decode_observation(encoded(whole()))->shadow);
}

TEST(Observation, HalfAnAnswerOfAShadowRunIsRefused) {
  const auto of = [](std::string_view hex) { return decode_observation(from_hex(hex).value()); };
  EXPECT_TRUE(of("a3616d6164626e7663312e316161f5"));           // m, nv, a
  EXPECT_FALSE(of("a2616d6164626e7663312e31"));                // without a
  EXPECT_FALSE(of("a4616d6164626e7663312e316161f5626f72f5"));  // or without nr
  EXPECT_FALSE(of("a3616d6164626e7663312f316161f5"));          // nv is no version
  EXPECT_FALSE(of("a3616d6164626e7663312e31616101"));          // a is no yes or no
}

TEST(Observation, HasAnIdByWhichItsLabelComesLater) {
  argosy_observation observation = whole();
  observation.id = argosy_observation_id();
  EXPECT_GT(observation.id, 0u);
  EXPECT_NE(observation.id, argosy_observation_id());
  const auto read = decode_observation(encoded(observation));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, observation.id);
  EXPECT_EQ(read->label_of, 0u);
}

TEST(Observation, ALabelThatComesLaterNeedsNoModel) {
  const Bytes label{0xa2, 0x62, 'o', 'f', 0x18, 0x7b, 0x61, 'l', 0x08};
  const auto read = decode_observation(label);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->label_of, 123u);
  EXPECT_EQ(read->label, 8);
  const Bytes without{0xa1, 0x62, 'o', 'f', 0x18, 0x7b};
  EXPECT_FALSE(decode_observation(without));
}

TEST(Observation, NoProgramHasNumbersUnderTheAgentsNames) {
  argosy_observation observation = argosy_observation_of("digits", 1);
  const argosy_number taken{"argosy_estimated_accuracy", 1};
  observation.numbers = &taken;
  observation.number_count = 1;
  EXPECT_FALSE(decode_observation(encoded(observation)));
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
