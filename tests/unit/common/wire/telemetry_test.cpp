#include "common/wire/telemetry.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "common/stats/log_histogram.hpp"

namespace argosy::wire {
namespace {

InferenceWindow some_window() {
  InferenceWindow window;
  window.started_at = instant_from_ms(1'767'225'600'000);
  window.ended_at = instant_from_ms(1'767'225'660'250);
  window.model = "digits";
  window.version = "1.0+b2";
  window.count = 600;
  window.errors = 2;
  window.labelled = 60;
  window.correct = 57;
  window.latency = from_hex("010001960103").value();
  window.classes = {{-1, 2}, {0, 300}, {9, 298}};
  window.features = {{"sharpness", {0, 100, 400, 100, 0}}, {"mean level", {600, 0, 0}}};
  return window;
}

// With what a program reports of its own.
InferenceWindow telling_window() {
  InferenceWindow window = some_window();
  window.numbers = {{"queue_depth", {600, 900, 0, 17.5}}, {"tokens", {2, -3e9, -2e9, -1e9}}};
  window.confidences.sum = 540.25;
  window.confidences.bins[9] = 100;
  window.confidences.bins[19] = 498;
  return window;
}

// With what kind of inferences they were, and how undecided the model was.
InferenceWindow tagged_window() {
  InferenceWindow window = telling_window();
  window.entropy = {598, 149.5, 0, 2.25};
  window.tags = {{"camera", {{{"left", 400}, {"right", 150}}, 50}}, {"shift", {{{"night 2", 1}}, 0}}};
  return window;
}

// With what the agent knows: estimated accuracy, and more labels that came later than it has inferences.
InferenceWindow labelled_window() {
  InferenceWindow window = tagged_window();
  window.numbers[std::string(labels_later)] = {700, 650, 0, 1};
  window.numbers[std::string(labels_delay_s)] = {700, 2'520'000, 60, 7200};
  window.numbers[std::string(estimated_accuracy)] = {600, 570, 0.25, 1};
  return window;
}

HealthSample some_health() {
  HealthSample sample;
  sample.at = instant_from_ms(1'767'225'630'000);
  sample.cpu_percent = 12.5;
  sample.memory_used_mb = 803.1;
  sample.network_rx_bytes = 9'876'543'210.0;
  sample.outbox_records = 0;
  return sample;
}

// Each field in turn, so that none can change its name or its place unseen.
HealthSample whole_health() {
  HealthSample sample;
  sample.at = instant_from_ms(1'767'225'630'000);
  double value = 0.5;
  for (const HealthField& field : health_fields) sample.*field.member = value++;
  sample.numbers = {{"humidity", 61.5}, {"pump_bar", -1e9}};
  return sample;
}

// As they were before there was "more".
HealthSample outer_health() {
  HealthSample sample = whole_health();
  for (std::size_t i = outer_health_fields; i < health_fields.size(); ++i) (sample.*health_fields[i].member).reset();
  sample.numbers.clear();
  return sample;
}

TelemetryBatch some_batch() {
  return {"cam-7", "0123456789abcdef", 811, {{812, some_window()}, {813, some_health()}}};
}

Bytes golden(const std::string& name) {
  std::ifstream file(std::string(ARGOSY_GOLDEN) + "/" + name);
  std::string text;
  for (std::string line; std::getline(file, line);) text += line;
  return from_hex(text).value();
}

std::string error_of(ByteView bytes) {
  const auto decoded = decode_telemetry(bytes);
  EXPECT_FALSE(decoded);
  if (decoded) return "";
  EXPECT_EQ(decoded.error().code, Errc::malformed_cbor);
  return decoded.error().message;
}

TEST(Telemetry, GoldenBytesNeverChange) {
  EXPECT_EQ(to_hex(encode(some_batch())), to_hex(golden("telemetry_batch.hex")));
  EXPECT_EQ(decode_telemetry(golden("telemetry_batch.hex")).value(), some_batch());
  EXPECT_EQ(to_hex(encode_record({813, some_health()})), to_hex(golden("health_record.hex")));
  EXPECT_EQ(to_hex(encode_record({812, some_window()})), to_hex(golden("window_record.hex")));
  EXPECT_EQ(to_hex(encode_record({812, telling_window()})), to_hex(golden("window_record_2.hex")));
  EXPECT_EQ(decode_record(golden("window_record_2.hex")).value(), (TelemetryRecord{812, telling_window()}));
  EXPECT_EQ(to_hex(encode_record({812, tagged_window()})), to_hex(golden("window_record_3.hex")));
  EXPECT_EQ(decode_record(golden("window_record_3.hex")).value(), (TelemetryRecord{812, tagged_window()}));
  EXPECT_EQ(to_hex(encode_record({812, labelled_window()})), to_hex(golden("window_record_4.hex")));
  EXPECT_EQ(decode_record(golden("window_record_4.hex")).value(), (TelemetryRecord{812, labelled_window()}));
  EXPECT_EQ(decode_record(golden("window_record.hex")).value(), (TelemetryRecord{812, some_window()}));
  EXPECT_EQ(to_hex(encode_record({814, whole_health()})), to_hex(golden("whole_health_record_5.hex")));
  EXPECT_EQ(decode_record(golden("whole_health_record_5.hex")).value(), (TelemetryRecord{814, whole_health()}));
  HealthSample before = whole_health();
  before.observations_refused.reset();
  EXPECT_EQ(decode_record(golden("whole_health_record_4.hex")).value(), (TelemetryRecord{814, before}));
  before.cpu_power_w = before.npu_temperature_c = std::nullopt;
  EXPECT_EQ(decode_record(golden("whole_health_record_3.hex")).value(), (TelemetryRecord{814, before}));
  EXPECT_EQ(to_hex(encode_record({814, outer_health()})), to_hex(golden("whole_health_record_2.hex")));
  EXPECT_EQ(decode_record(golden("whole_health_record_2.hex")).value(), (TelemetryRecord{814, outer_health()}));
  HealthSample older = outer_health();
  older.records_refused.reset();
  EXPECT_EQ(decode_record(golden("whole_health_record.hex")).value(), (TelemetryRecord{814, older}));
}

// What the agent sends without reading it.
StoredBatch as_stored(const TelemetryBatch& batch) {
  StoredBatch stored{batch.device,  batch.epoch,   batch.oldest,      {}, batch.chain, batch.since,
                     batch.refused, batch.sent_at, batch.clock_offset};
  for (const auto& record : batch.records) stored.records.push_back(encode_record(record));
  return stored;
}

TelemetryBatch chained_batch() {
  auto batch = some_batch();
  batch.chain = {0x0123456789abcdef, 0xfedcba9876543210, 0};
  batch.since = 809;
  batch.refused = 1;
  batch.sent_at = instant_from_ms(1'767'225'690'000);
  batch.clock_offset = Duration{-1500};
  return batch;
}

TEST(Telemetry, GoldenBytesOfAChainedBatchNeverChange) {
  EXPECT_EQ(to_hex(encode(chained_batch())), to_hex(golden("telemetry_chained_batch.hex")));
  EXPECT_EQ(decode_telemetry(golden("telemetry_chained_batch.hex")).value(), chained_batch());
}

TEST(Telemetry, ABatchOfStoredRecordsHasTheSameBytes) {
  EXPECT_EQ(to_hex(encode(as_stored(some_batch()))), to_hex(golden("telemetry_batch.hex")));
  EXPECT_EQ(to_hex(encode(as_stored(chained_batch()))), to_hex(golden("telemetry_chained_batch.hex")));
  TelemetryBatch late = chained_batch();
  late.refused = 3;
  late.sent_at = instant_from_ms(1'767'225'700'000);
  late.clock_offset = Duration{-86'400'000};
  EXPECT_EQ(encode(as_stored(late)), encode(late));
}

TEST(Telemetry, OnlyAWholeMapCanLieInABatch) {
  const Bytes record = encode_record({813, some_health()});
  EXPECT_TRUE(check_record(record));
  for (std::size_t cut = 0; cut < record.size(); ++cut) EXPECT_FALSE(check_record(ByteView(record).first(cut))) << cut;
  Bytes longer = record;
  longer.push_back(0);
  for (const Bytes& wrong : {longer, Bytes{0x00}, Bytes{0x80}, Bytes{0xff}, Bytes{}}) {
    const auto checked = check_record(wrong);
    ASSERT_FALSE(checked) << to_hex(wrong);
    EXPECT_EQ(checked.error().code, Errc::malformed_cbor);
  }
}

TEST(Telemetry, AChainHasOneLinkMoreThanThereAreRecords) {
  auto batch = chained_batch();
  batch.chain.pop_back();
  EXPECT_NE(error_of(encode(batch)).find("2 links does not fit 2 records"), std::string::npos);
  batch = chained_batch();
  batch.since = 812;
  EXPECT_NE(error_of(encode(batch)).find("\"since\" must be before"), std::string::npos);
}

TEST(Telemetry, AnotherReaderOfCborUnderstandsTheBytes) {
  auto batch = some_batch();
  std::get<InferenceWindow>(batch.records[0].content).classes.clear();  // that reader knows no integer keys
  const auto document = nlohmann::json::from_cbor(encode(batch));
  EXPECT_EQ(document["device"], "cam-7");
  EXPECT_EQ(document["records"][0]["window"]["features"][1][1][0], 600);
  EXPECT_EQ(document["records"][1]["health"]["cpu_percent"], 12.5);
}

TEST(Telemetry, RecordsAndBatchesSurviveTheWayThereAndBack) {
  for (const TelemetryRecord& record : {TelemetryRecord{1, some_window()}, TelemetryRecord{2, some_health()},
                                        TelemetryRecord{3, HealthSample{}}, TelemetryRecord{4, whole_health()}})
    EXPECT_EQ(decode_record(encode_record(record)).value(), record);
  EXPECT_EQ(decode_telemetry(encode(some_batch())).value(), some_batch());
  const TelemetryBatch empty{"cam-7", "0123456789abcdef", 0, {}};
  EXPECT_EQ(decode_telemetry(encode(empty)).value(), empty);
}

TEST(Telemetry, ABatchIsAMapAroundRecordsAsTheyLieInTheOutbox) {
  const auto batch = encode(some_batch());
  const auto record = encode_record({813, some_health()});
  EXPECT_TRUE(std::equal(record.rbegin(), record.rend(), batch.rbegin()));
}

TEST(Telemetry, KeysOfANewerAgentAreSkipped) {
  // {"v": 1, "device": "a", "epoch": ..., "oldest": 1, "power_w": [3, {"x": 1}], "records": []}
  const std::string hex =
      "a661760166646576696365616165"
      "65706f6368"
      "7030313233343536373839616263646566"
      "666f6c64657374"
      "01"
      "67706f7765725f77"
      "8203a1617801"
      "677265636f726473"
      "80";
  const auto decoded = decode_telemetry(from_hex(hex).value());
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->device, "a");
}

TEST(Telemetry, MeasuresOfANewerAgentAreSkipped) {
  // {"seq": 1, "health": {"at": 5, "cpu_percent": 2, "radiation_sv": 3, "rails": [1, 2]}}
  const std::string hex =
      "a263736571"
      "01"
      "666865616c7468"
      "a4"
      "626174"
      "05"
      "6b6370755f70657263656e74"
      "02"
      "6c726164696174696f6e5f7376"
      "03"
      "657261696c73"
      "820102";
  const auto decoded = decode_record(from_hex(hex).value());
  ASSERT_TRUE(decoded) << decoded.error().message;
  HealthSample expected;
  expected.at = instant_from_ms(5);
  expected.cpu_percent = 2;
  EXPECT_EQ(std::get<HealthSample>(decoded->content), expected);
}

TEST(Telemetry, RefusesWhatIsOutOfBoundsAndSaysWhy) {
  auto batch = some_batch();
  batch.device = "cam 7";
  EXPECT_NE(error_of(encode(batch)).find("\"cam 7\" is not a valid device name"), std::string::npos);
  batch = some_batch();
  batch.epoch = "xyz";
  EXPECT_NE(error_of(encode(batch)).find("16 hex digits"), std::string::npos);
  batch = some_batch();
  batch.records[1].seq = 815;
  EXPECT_NE(error_of(encode(batch)).find("record 815 follows 812: a batch has no holes"), std::string::npos);
  batch = some_batch();
  batch.oldest = 813;
  EXPECT_NE(error_of(encode(batch)).find("\"oldest\" must be from 1"), std::string::npos);
  batch = some_batch();
  std::get<InferenceWindow>(batch.records[0].content).correct = 61;
  EXPECT_NE(error_of(encode(batch)).find("more correct than labelled"), std::string::npos);
  batch = some_batch();
  std::get<InferenceWindow>(batch.records[0].content).features[0].name = "caf\xc3\xa9";
  EXPECT_NE(error_of(encode(batch)).find("not a valid feature name"), std::string::npos);
  batch = some_batch();
  for (std::uint64_t seq = 814; batch.records.size() <= 500; ++seq) batch.records.push_back({seq, some_health()});
  EXPECT_NE(error_of(encode(batch)).find("an array of 501 is over the limit of 500"), std::string::npos);
  batch.records.pop_back();
  EXPECT_EQ(decode_telemetry(encode(batch)).value(), batch);
  EXPECT_NE(error_of(Bytes((1U << 20) + 1, 0)).find("over the limit of 1 MiB"), std::string::npos);
}

// Counts of 2^53 froze a rollout: sums over windows must stay within 64 bits, and charts and guards must read each.
TEST(Telemetry, RefusesWindowsThatNobodyCanHaveCounted) {
  using Change = void (*)(InferenceWindow&);
  const std::pair<Change, const char*> table[] = {
      {[](InferenceWindow& w) { w.ended_at = w.started_at - Duration{1}; }, "ends before its start"},
      {[](InferenceWindow& w) { w.ended_at = w.started_at + longest_window + Duration{1}; }, "longer than a day"},
      {[](InferenceWindow& w) { w.started_at = instant_from_ms(0); }, "longer than a day"},
      {[](InferenceWindow& w) { w.count = most_in_window + 1; }, "10000000000"},
      {[](InferenceWindow& w) { w.count = UINT64_MAX; }, "10000000000"},
      {[](InferenceWindow& w) { w.errors = w.count + 1; }, "more errors than observations"},
      {[](InferenceWindow& w) { w.labelled = w.count + 1; }, "more labelled than observations"},
      {[](InferenceWindow& w) { w.correct = w.labelled + 1; }, "more correct than labelled"},
      {[](InferenceWindow& w) { w.classes[7] = most_in_window + 1; }, "10000000000"},
      {[](InferenceWindow& w) { w.features[0].counts[1] = 1ULL << 53; }, "10000000000"},
      {[](InferenceWindow& w) {
         w.latency = {1, 2, 3};
       },
       "not a latency histogram"},
      {[](InferenceWindow& w) { w.numbers["tokens"].count = w.count + 1; }, "sum that its values cannot have"},
      {[](InferenceWindow& w) {
         w.numbers["tokens"] = {601, 601, 1, 1};
       },
       "more values of a number than observations"},
      {[](InferenceWindow& w) {
         w.numbers["tokens"] = {0, 0, 0, 0};
       },
       "no values"},
      {[](InferenceWindow& w) {
         w.numbers["tokens"] = {1, 1, 2, 1};
       },
       "sum that its values cannot have"},
      {[](InferenceWindow& w) {
         w.numbers["tokens"] = {1, 2e18, 2e18, 2e18};
       },
       "so large"},
      {[](InferenceWindow& w) { w.numbers["tokens"].sum = HUGE_VAL; }, "a finite number"},
      {[](InferenceWindow& w) {
         w.numbers["Tokens"] = {1, 1, 1, 1};
       },
       "[a-z0-9_]{1,40}"},
      {[](InferenceWindow& w) {
         w.numbers[std::string(41, 'x')] = {1, 1, 1, 1};
       },
       "40"},
      {[](InferenceWindow& w) {
         for (char c = 'a'; c <= 'p'; ++c) w.numbers[std::string(1, c)] = {1, 1, 1, 1};
       },
       "more than 16 numbers of a program"},
      {[](InferenceWindow& w) {
         w.numbers[std::string(estimated_accuracy)] = {w.count + 1, 1, 0, 1};
       },
       "more values of a number"},
      {[](InferenceWindow& w) { w.confidences.bins[0] = w.count; }, "more confidences than observations"},
      {[](InferenceWindow& w) { w.confidences.sum = 599; }, "between 0 and 1"},
      {[](InferenceWindow& w) { w.confidences.sum = -0.1; }, "between 0 and 1"},
      {[](InferenceWindow& w) {
         w.entropy = {601, 601, 1, 1};
       },
       "more entropies than observations"},
      {[](InferenceWindow& w) {
         w.entropy = {1, -1, -1, -1};
       },
       "between 0 and 64 nats"},
      {[](InferenceWindow& w) {
         w.entropy = {1, 65, 65, 65};
       },
       "between 0 and 64 nats"},
      {[](InferenceWindow& w) { w.tags["camera"].values["left"] = w.count; }, "more values of a tag"},
      {[](InferenceWindow& w) { w.tags["camera"].values["left"] = UINT64_MAX; }, "10000000000"},
      {[](InferenceWindow& w) { w.tags["camera"].other = most_in_window; }, "9999999450"},
      {[](InferenceWindow& w) { w.tags["camera"].values["left"] = 0; }, "never seen"},
      {[](InferenceWindow& w) { w.tags["camera"] = {}; }, "no values"},
      {[](InferenceWindow& w) { w.tags["Camera"].other = 1; }, "[a-z0-9_]{1,40}"},
      {[](InferenceWindow& w) { w.tags["camera"].values["\n"] = 1; }, "printable"},
      {[](InferenceWindow& w) { w.tags["camera"].values[std::string(33, 'x')] = 1; }, "32"},
      {[](InferenceWindow& w) {
         for (char c = 'a'; c <= 'e'; ++c) w.tags[std::string(1, c)].other = 1;
       },
       "4"},
      {[](InferenceWindow& w) {
         for (char c = 'a'; c <= 'i'; ++c) w.tags["camera"].values[std::string(1, c)] = 1;
       },
       "8"},
      {[](InferenceWindow& w) { w.latency = from_hex("01ffffffffffffff3f00").value(); }, "more than a window can hold"},
      {[](InferenceWindow& w) { w.started_at = w.ended_at = instant_from_ms(-1); }, "not a time from 1970 to 9999"},
      {[](InferenceWindow& w) { w.started_at = w.ended_at = latest_instant + Duration{1}; },
       "not a time from 1970 to 9999"}};
  for (const auto& [change, reason] : table) {
    InferenceWindow window = tagged_window();
    change(window);
    EXPECT_NE(error_of(encode(TelemetryBatch{"cam-7", "0123456789abcdef", 1, {{1, window}}})).find(reason),
              std::string::npos)
        << reason;
  }
  InferenceWindow largest = some_window();
  largest.ended_at = largest.started_at + longest_window;
  largest.count = largest.errors = largest.labelled = largest.correct = most_in_window;
  EXPECT_TRUE(decode_record(encode_record({1, largest})));
}

// Whatever reads windows later decodes each histogram: one that is not there is stored as an empty one.
TEST(Telemetry, AWindowWithoutLatencyHasAnEmptyHistogram) {
  InferenceWindow window = some_window();
  window.latency.clear();
  const auto record = decode_record(encode_record({1, window}));
  ASSERT_TRUE(record);
  EXPECT_EQ(std::get<InferenceWindow>(record->content).latency, LogHistogram{}.encode());
}

TEST(Numbers, AreStoredAsTheyTravelAndNothingTakesNoRoom) {
  const InferenceWindow window = telling_window();
  EXPECT_EQ(decode_numbers(encode(window.numbers)).value(), window.numbers);
  EXPECT_EQ(decode_confidences(encode(window.confidences)).value(), window.confidences);
  EXPECT_TRUE(encode(Numbers{}).empty());
  EXPECT_TRUE(encode(Confidences{}).empty());
  EXPECT_EQ(decode_numbers({}).value(), Numbers{});
  EXPECT_EQ(decode_confidences({}).value(), Confidences{});
  auto longer = encode(window.numbers);
  longer.push_back(0);
  EXPECT_FALSE(decode_numbers(longer));
}

TEST(Numbers, AddUpToWhatReadersTake) {
  NumberSummary seen;
  for (int i = 0; i < 1000; ++i) seen.add(0.1);
  const Numbers numbers{{"a", seen}};
  EXPECT_EQ(decode_numbers(encode(numbers)).value(), numbers);
  Confidences sure;
  for (const double confidence : {0.0, 0.5, 1.0, -0.1, 1.1, std::nan("")}) sure.add(confidence);
  EXPECT_EQ(sure.count(), 3U);
  EXPECT_EQ(sure.bins[0] + sure.bins[10] + sure.bins[19], 3U);
  EXPECT_EQ(decode_confidences(encode(sure)).value(), sure);
}

TEST(Numbers, MergeToWhatOneWindowWouldHaveCounted) {
  NumberSummary left, right, both;
  Confidences left_sure, right_sure, both_sure;
  for (const double value : {0.25, 0.5, 1.0})
    left.add(value), left_sure.add(value), both.add(value), both_sure.add(value);
  for (const double value : {0.125, 0.75})
    right.add(value), right_sure.add(value), both.add(value), both_sure.add(value);
  left.merge(right);
  left.merge({});
  left_sure.merge(right_sure);
  EXPECT_EQ(left, both);
  EXPECT_EQ(left_sure, both_sure);
  NumberSummary none;
  none.merge(both);
  EXPECT_EQ(none, both);
}

TEST(Tags, MergeKeepsTheMostAndEachKeysTotal) {
  Tags tags{{"camera", {{{"a", 1}, {"b", 5}}, 2}}};
  Tags others{{"camera", {{}, 1}}, {"shift", {{{"night", 1}}, 0}}};
  for (char c = 'b'; c <= 'i'; ++c) others["camera"].values[std::string(1, c)] = 3;
  merge(tags, others);
  EXPECT_EQ(tags.at("camera").values.size(), most_tag_values);
  EXPECT_FALSE(tags.at("camera").values.contains("a")) << "the rarest";
  EXPECT_EQ(tags.at("camera").values.at("b"), 8U);
  EXPECT_EQ(tags.at("camera").other, 4U);
  EXPECT_EQ(tags.at("camera").count(), 8U + 25U);
  for (const char* key : {"k1", "k2", "k3"}) merge(tags, {{key, {{{"v", 1}}, 0}}});
  EXPECT_EQ(tags.size(), most_tag_keys);
  EXPECT_FALSE(tags.contains("k3"));
  EXPECT_EQ(decode_tags(encode(tags)).value(), tags);
  EXPECT_TRUE(encode(Tags{}).empty());
}

TEST(Telemetry, RefusesReadingsThatNoAverageHolds) {
  HealthSample sample = some_health();
  sample.uptime_s = 1e300;
  EXPECT_NE(error_of(encode(TelemetryBatch{"cam-7", "0123456789abcdef", 1, {{1, sample}}})).find("uptime_s"),
            std::string::npos);
}

TEST(Telemetry, RefusesReadingsThatNoCommandGives) {
  const std::vector<std::pair<std::map<std::string, double>, std::string>> table = {
      {{{"Pump", 1}}, "[a-z0-9_]{1,40}"}, {{{"pump", 1e300}}, "so large"}, {{{std::string(41, 'x'), 1}}, "40"}};
  for (const auto& [numbers, reason] : table) {
    HealthSample sample = some_health();
    sample.numbers = numbers;
    EXPECT_NE(error_of(encode(TelemetryBatch{"cam-7", "0123456789abcdef", 1, {{1, sample}}})).find(reason),
              std::string::npos)
        << reason;
  }
  HealthSample sample = some_health();
  for (int i = 0; i < 17; ++i) sample.numbers["n" + std::to_string(i)] = i;
  EXPECT_NE(error_of(encode(TelemetryBatch{"cam-7", "0123456789abcdef", 1, {{1, sample}}})).find("16"),
            std::string::npos);
  sample.numbers.erase("n0");
  EXPECT_TRUE(decode_record(encode_record({1, sample})));
}

TEST(Telemetry, EveryCutIsRefused) {
  const auto bytes = encode(some_batch());
  for (std::size_t size = 0; size < bytes.size(); ++size) error_of(ByteView(bytes).first(size));
  auto longer = bytes;
  longer.push_back(0);
  EXPECT_NE(error_of(longer).find("bytes follow the end"), std::string::npos);
}

TEST(Telemetry, NoMutationIsTakenForSomethingThatCannotBeWritten) {
  auto batch = some_batch();
  batch.records[0].content = tagged_window();
  const auto good = encode(batch);
  Rng rng(11);
  for (int i = 0; i < 10000; ++i) {
    auto bytes = good;
    for (auto flips = 1 + rng.below(3); flips > 0; --flips)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.below(256));
    const auto decoded = decode_telemetry(bytes);
    if (decoded) {
      ASSERT_EQ(decode_telemetry(encode(*decoded)).value(), *decoded) << to_hex(bytes);
    }
  }
}

TEST(TelemetryAck, IsJson) {
  const TelemetryAck ack{"0123456789abcdef", 812};
  EXPECT_EQ(encode(ack), R"({"epoch":"0123456789abcdef","seq":812})");
  EXPECT_EQ(decode_telemetry_ack(encode(ack)).value(), ack);
  for (const char* bad : {"", "[]", "{}", R"({"epoch":"0123456789abcdef"})", R"({"epoch":"0123456789abcdef","seq":-1})",
                          R"({"epoch":"x","seq":1})"})
    EXPECT_EQ(decode_telemetry_ack(bad).error().code, Errc::malformed_json) << bad;
}

TEST(TelemetryAck, MaySayWhoseItIsAndAskForANewEpoch) {
  const TelemetryAck ack{"0123456789abcdef", 812, 0xfedcba9876543210, {}};
  EXPECT_EQ(encode(ack), R"({"epoch":"0123456789abcdef","link":"fedcba9876543210","seq":812})");
  EXPECT_EQ(decode_telemetry_ack(encode(ack)).value(), ack);
  const TelemetryAck renew{"0123456789abcdef", 812, 1, ChainPoint{820, 2}};
  EXPECT_EQ(encode(renew), R"({"epoch":"0123456789abcdef","link":"0000000000000001",)"
                           R"("renew":{"link":"0000000000000002","seq":820},"seq":812})");
  EXPECT_EQ(decode_telemetry_ack(encode(renew)).value(), renew);
  for (const char* bad : {R"({"epoch":"0123456789abcdef","seq":1,"link":"x"})",
                          R"({"epoch":"0123456789abcdef","seq":1,"renew":{"seq":1,"link":"0000000000000001"}})",
                          R"({"epoch":"0123456789abcdef","seq":1,"link":"0000000000000001","renew":{"seq":1}})"})
    EXPECT_EQ(decode_telemetry_ack(bad).error().code, Errc::malformed_json) << bad;
}

TEST(TelemetryRefusal, IsJson) {
  const TelemetryRefusal refusal{"0123456789abcdef", "a record needs seq"};
  EXPECT_EQ(encode(refusal), R"({"refused":{"batch":"0123456789abcdef","message":"a record needs seq"}})");
  EXPECT_EQ(decode_telemetry_refusal(encode(refusal)).value(), refusal);
  EXPECT_LT(encode(TelemetryRefusal{"0123456789abcdef", std::string(5000, '\xff')}).size(), 1024u);
  for (const char* bad : {"", "[]", "{}", R"({"refused":1})", R"({"refused":{"batch":"x"}})"})
    EXPECT_EQ(decode_telemetry_refusal(bad).error().code, Errc::malformed_json) << bad;
  EXPECT_FALSE(decode_telemetry_ack(encode(refusal)));
}

}  // namespace
}  // namespace argosy::wire
