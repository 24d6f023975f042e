#include "common/wire/telemetry.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <set>
#include <span>
#include <utility>

#include "common/base/bounds.hpp"
#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/cbor.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t document_limit = 1U << 20;
constexpr std::size_t ack_limit = 1024;
constexpr std::string_view ack_name = "the telemetry ack";
constexpr std::string_view refusal_name = "the telemetry refusal";
constexpr std::size_t record_limit = 500;
constexpr std::size_t name_limit = 64;
constexpr std::size_t class_limit = 1024;
constexpr std::size_t feature_limit = 64;
constexpr std::size_t bin_limit = 258;
constexpr std::size_t link_size = 8;
constexpr std::size_t message_limit = 150;
constexpr std::int64_t longest_offset_ms = 253'402'300'799'999;  // from 1970 to 9999
constexpr std::size_t key_limit = 32;                            // pairs in a map, unknown ones included

// The time, "more" and "numbers" beside them.
static_assert(outer_health_fields + 3 <= key_limit, "servers of all versions must be able to read it");
static_assert(health_fields.size() - outer_health_fields <= key_limit, "the same holds for what is inside \"more\"");

bool is_printable_name(std::string_view text) {
  return !text.empty() && text.size() <= name_limit &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_epoch(std::string_view text) {
  return text.size() == 16 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, name_limit)) out.push_back(c >= ' ' && c <= '~' ? c : '?');
  return out + "\"";
}

// Writing -------------------------------------------------------------------------------------------------------------

void write(CborWriter& out, const InferenceWindow& window) {
  const bool is_confident = window.confidences.count() > 0;
  const bool has_entropy = window.entropy.count > 0;
  out.map(11U + (window.numbers.empty() ? 0U : 1U) + (is_confident ? 1U : 0U) + (has_entropy ? 1U : 0U) +
          (window.tags.empty() ? 0U : 1U));
  out.text("start");
  out.integer(to_ms(window.started_at));
  out.text("end");
  out.integer(to_ms(window.ended_at));
  out.text("model");
  out.text(window.model);
  out.text("version");
  out.text(window.version);
  out.text("count");
  out.unsigned_integer(window.count);
  out.text("errors");
  out.unsigned_integer(window.errors);
  out.text("labelled");
  out.unsigned_integer(window.labelled);
  out.text("correct");
  out.unsigned_integer(window.correct);
  out.text("latency");
  out.bytes(window.latency);
  out.text("classes");
  out.map(window.classes.size());
  for (const auto& [label, count] : window.classes) {
    out.integer(label);
    out.unsigned_integer(count);
  }
  out.text("features");
  out.array(window.features.size());
  for (const auto& feature : window.features) {
    out.array(2);
    out.text(feature.name);
    out.array(feature.counts.size());
    for (const auto count : feature.counts) out.unsigned_integer(count);
  }
  if (!window.numbers.empty()) {
    out.text("numbers");
    write(out, window.numbers);
  }
  if (is_confident) {
    out.text("confidences");
    write(out, window.confidences);
  }
  if (has_entropy) {
    out.text("entropy");
    write(out, window.entropy);
  }
  if (!window.tags.empty()) {
    out.text("tags");
    write(out, window.tags);
  }
}

std::size_t present(std::span<const HealthField> fields, const HealthSample& sample) {
  return static_cast<std::size_t>(std::count_if(
      fields.begin(), fields.end(), [&](const HealthField& field) { return (sample.*field.member).has_value(); }));
}

void write(CborWriter& out, std::span<const HealthField> fields, const HealthSample& sample) {
  for (const HealthField& field : fields) {
    if (!(sample.*field.member)) continue;
    out.text(field.name);
    out.number(*(sample.*field.member));
  }
}

void write(CborWriter& out, const HealthSample& sample) {
  const auto outer = std::span(health_fields).first(outer_health_fields);
  const auto inner = std::span(health_fields).subspan(outer_health_fields);
  const std::size_t more = present(inner, sample);
  out.map(1U + present(outer, sample) + (more > 0 ? 1U : 0U) + (sample.numbers.empty() ? 0U : 1U));
  out.text("at");
  out.integer(to_ms(sample.at));
  write(out, outer, sample);
  if (more > 0) {
    out.text("more");
    out.map(more);
    write(out, inner, sample);
  }
  if (!sample.numbers.empty()) {
    out.text("numbers");
    out.map(sample.numbers.size());
    for (const auto& [name, value] : sample.numbers) {
      out.text(name);
      out.number(value);
    }
  }
}

void write(CborWriter& out, const TelemetryRecord& record) {
  out.map(2);
  out.text("seq");
  out.unsigned_integer(record.seq);
  out.text(std::holds_alternative<InferenceWindow>(record.content) ? "window" : "health");
  std::visit([&](const auto& content) { write(out, content); }, record.content);
}

void write(CborWriter& out, const Bytes& record) {
  out.item(record);
}

Bytes bytes_of(const std::vector<ChainLink>& chain) {
  Bytes out;
  out.reserve(chain.size() * link_size);
  for (const ChainLink link : chain)
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(link >> shift));
  return out;
}

// About how long a batch becomes; only of records whose length is known.
std::size_t length_hint(const StoredBatch& batch) {
  constexpr std::size_t head = 256;
  std::size_t size = head + batch.chain.size() * link_size;
  for (const Bytes& record : batch.records) size += record.size();
  return size;
}
std::size_t length_hint(const TelemetryBatch&) {
  return 0;
}

template <class Record>
Bytes encode_batch(const BatchOf<Record>& batch) {
  Bytes out;
  out.reserve(length_hint(batch));
  CborWriter writer(out);
  const bool chained = !batch.chain.empty();
  writer.map(5 + (chained ? 2U : 0U) + (batch.refused > 0 ? 1U : 0U) + (batch.sent_at ? 1U : 0U) +
             (batch.clock_offset ? 1U : 0U));
  writer.text("v");
  writer.unsigned_integer(1);
  writer.text("device");
  writer.text(batch.device);
  writer.text("epoch");
  writer.text(batch.epoch);
  writer.text("oldest");
  writer.unsigned_integer(batch.oldest);
  if (chained) {
    writer.text("chain");
    writer.bytes(bytes_of(batch.chain));
    writer.text("since");
    writer.unsigned_integer(batch.since);
  }
  if (batch.refused > 0) {
    writer.text("refused");
    writer.unsigned_integer(batch.refused);
  }
  if (batch.sent_at) {
    writer.text("sent_at");
    writer.integer(to_ms(*batch.sent_at));
  }
  if (batch.clock_offset) {
    writer.text("clock_offset");
    writer.integer(batch.clock_offset->count());
  }
  writer.text("records");
  writer.array(batch.records.size());
  for (const Record& record : batch.records) write(writer, record);
  return out;
}

// Reading -------------------------------------------------------------------------------------------------------------

// Calls `read_value(key)` for each pair of the map that comes next; it answers whether it took the value. Values under
// keys that it does not know are skipped, so that a newer agent may say more.
template <class ReadValue>
Result<void> read_map(CborReader& in, ReadValue read_value) {
  ARGOSY_TRY(const auto pairs, in.map(key_limit));
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto key, in.text(name_limit));
    if (!seen.insert(key).second) return in.malformed("the key " + quoted(key) + " comes twice");
    Result<bool> taken = read_value(key);
    if (!taken) return std::move(taken).error();
    if (!*taken) ARGOSY_CHECK(in.skip());
  }
  return {};
}

template <class Target, class T>
Result<bool> take_into(Target& target, Result<T> value) {
  if (!value) return std::move(value).error();
  target = std::move(*value);
  return true;
}

Result<Instant> read_instant(CborReader& in) {
  ARGOSY_TRY(const auto ms, in.integer());
  const Instant at = instant_from_ms(ms);
  if (!is_storable(at)) return in.malformed(std::to_string(ms) + " ms is not a time from 1970 to 9999");
  return at;
}

Result<std::string> read_name(CborReader& in, bool (*is_valid)(std::string_view), std::string_view what) {
  ARGOSY_TRY(const auto text, in.text(name_limit));
  if (!is_valid(text)) return in.malformed(quoted(text) + " is not a valid " + std::string(what));
  return std::string(text);
}

Result<Bytes> read_latency(CborReader& in) {
  ARGOSY_TRY(const auto bytes, in.bytes(LogHistogram::encoded_limit));
  if (bytes.empty()) return Bytes();
  const auto histogram = LogHistogram::decode(bytes);
  if (!histogram) return in.malformed(histogram.error().message);
  if (histogram->count() > most_in_window)
    return in.malformed("a latency histogram counts more than a window can hold");
  return Bytes(bytes.begin(), bytes.end());
}

Result<Classes> read_classes(CborReader& in) {
  ARGOSY_TRY(const auto pairs, in.map(class_limit));
  Classes classes;
  classes.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto label, in.integer());
    if (label < INT32_MIN || label > INT32_MAX) return in.malformed("a class must fit 32 bits");
    ARGOSY_TRY(const auto count, in.unsigned_integer(most_in_window));
    if (!classes.emplace(static_cast<int>(label), count).second) return in.malformed("a class comes twice");
  }
  return classes;
}

Result<FeatureCounts> read_feature(CborReader& in) {
  ARGOSY_TRY(const auto parts, in.array(2));
  if (parts != 2) return in.malformed("a feature is [name, counts]");
  FeatureCounts feature;
  ARGOSY_TRY(feature.name, read_name(in, is_printable_name, "feature name"));
  ARGOSY_TRY(const auto bins, in.array(bin_limit));
  feature.counts.reserve(bins);
  for (std::size_t i = 0; i < bins; ++i) {
    ARGOSY_TRY(const auto count, in.unsigned_integer(most_in_window));
    feature.counts.push_back(count);
  }
  return feature;
}

Result<std::vector<FeatureCounts>> read_features(CborReader& in) {
  ARGOSY_TRY(const auto items, in.array(feature_limit));
  std::vector<FeatureCounts> features;
  features.reserve(items);
  for (std::size_t i = 0; i < items; ++i) {
    ARGOSY_TRY(auto feature, read_feature(in));
    features.push_back(std::move(feature));
  }
  return features;
}

// Why no device can have counted this; empty when one can.
std::string_view impossible_in(const InferenceWindow& window) {
  if (window.model.empty() || window.version.empty()) return "a window needs start, model and version";
  if (window.ended_at < window.started_at) return "a window ends before its start";
  if (window.ended_at - window.started_at > longest_window) return "a window is longer than a day";
  if (window.errors > window.count) return "a window has more errors than observations";
  if (window.labelled > window.count) return "a window has more labelled than observations";
  if (window.correct > window.labelled) return "a window has more correct than labelled";
  if (window.confidences.count() > window.count) return "a window has more confidences than observations";
  if (window.entropy.count > window.count) return "a window has more entropies than observations";
  const auto of_program = std::count_if(window.numbers.begin(), window.numbers.end(), [](const auto& number) {
    return !number.first.starts_with(agents_number_prefix);
  });
  if (of_program > static_cast<std::ptrdiff_t>(most_numbers)) return "a window has more than 16 numbers of a program";
  for (const auto& [name, seen] : window.numbers)
    if (seen.count > window.count && name != labels_later && name != labels_delay_s)
      return "a window has more values of a number than observations";
  for (const auto& [key, counts] : window.tags)
    if (counts.count() > window.count) return "a window has more values of a tag than observations";
  return {};
}

Result<InferenceWindow> read_window(CborReader& in) {
  InferenceWindow window;
  const auto count = [&](std::uint64_t& target) { return take_into(target, in.unsigned_integer(most_in_window)); };
  bool has_start = false;
  bool has_end = false;
  ARGOSY_CHECK(read_map(in, [&](std::string_view key) -> Result<bool> {
    if (key == "start") has_start = true;
    if (key == "end") has_end = true;
    if (key == "start") return take_into(window.started_at, read_instant(in));
    if (key == "end") return take_into(window.ended_at, read_instant(in));
    if (key == "model") return take_into(window.model, read_name(in, is_name, "model name"));
    if (key == "version") return take_into(window.version, read_name(in, is_version, "version"));
    if (key == "count") return count(window.count);
    if (key == "errors") return count(window.errors);
    if (key == "labelled") return count(window.labelled);
    if (key == "correct") return count(window.correct);
    if (key == "latency") return take_into(window.latency, read_latency(in));
    if (key == "classes") return take_into(window.classes, read_classes(in));
    if (key == "features") return take_into(window.features, read_features(in));
    if (key == "numbers") return take_into(window.numbers, read_numbers(in, most_in_window));
    if (key == "confidences") return take_into(window.confidences, read_confidences(in, most_in_window));
    if (key == "entropy") return take_into(window.entropy, read_entropy(in, most_in_window));
    if (key == "tags") return take_into(window.tags, read_tags(in, most_in_window));
    return false;
  }));
  if (!has_start) return in.malformed("a window needs start, model and version");
  if (!has_end) window.ended_at = window.started_at;
  if (window.latency.empty()) window.latency = LogHistogram{}.encode();
  if (const auto why = impossible_in(window); !why.empty()) return in.malformed(why);
  return window;
}

Result<double> read_reading(CborReader& in, std::string_view name) {
  ARGOSY_TRY(const double reading, in.number());
  if (std::abs(reading) > largest_reading) return in.malformed("no reading of " + std::string(name) + " is so large");
  return reading;
}

// Whether one of the fields has this name.
Result<bool> read_field(CborReader& in, std::string_view key, HealthSample& sample) {
  const auto* field = std::find_if(health_fields.begin(), health_fields.end(),
                                   [&](const HealthField& candidate) { return candidate.name == key; });
  if (field == health_fields.end()) return false;
  ARGOSY_TRY(sample.*field->member, read_reading(in, key));
  return true;
}

Result<std::map<std::string, double>> read_readings(CborReader& in) {
  ARGOSY_TRY(const auto pairs, in.map(most_numbers));
  std::map<std::string, double> numbers;
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto name, in.text(number_name_limit));
    if (!is_number_name(name)) return in.malformed("a reading has a name other than [a-z0-9_]{1,40}");
    ARGOSY_TRY(const double value, read_reading(in, name));
    if (!numbers.emplace(name, value).second) return in.malformed("a reading comes twice");
  }
  return numbers;
}

Result<bool> read_more(CborReader& in, HealthSample& sample) {
  ARGOSY_CHECK(read_map(in, [&](std::string_view key) { return read_field(in, key, sample); }));
  return true;
}

Result<HealthSample> read_health(CborReader& in) {
  HealthSample sample;
  bool timed = false;
  ARGOSY_CHECK(read_map(in, [&](std::string_view key) -> Result<bool> {
    if (key == "at") timed = true;
    if (key == "at") return take_into(sample.at, read_instant(in));
    if (key == "numbers") return take_into(sample.numbers, read_readings(in));
    if (key == "more") return read_more(in, sample);
    return read_field(in, key, sample);
  }));
  if (!timed) return in.malformed("a health sample needs its time, \"at\"");
  return sample;
}

template <class Content>
Result<bool> read_content(TelemetryRecord& record, bool& filled, CborReader& in, Result<Content> content) {
  if (!content) return std::move(content).error();
  if (filled) return in.malformed("a record is a window or a health sample, not both");
  filled = true;
  record.content = std::move(*content);
  return true;
}

Result<TelemetryRecord> read_record(CborReader& in) {
  TelemetryRecord record;
  bool filled = false;
  ARGOSY_CHECK(read_map(in, [&](std::string_view key) -> Result<bool> {
    if (key == "seq") return take_into(record.seq, in.unsigned_integer(largest_count));
    if (key == "window") return read_content(record, filled, in, read_window(in));
    if (key == "health") return read_content(record, filled, in, read_health(in));
    return false;
  }));
  if (record.seq == 0 || !filled) return in.malformed("a record needs seq, from 1, and window or health");
  return record;
}

Result<std::vector<ChainLink>> read_chain(CborReader& in) {
  ARGOSY_TRY(const auto bytes, in.bytes((record_limit + 1) * link_size));
  if (bytes.empty() || bytes.size() % link_size != 0) return in.malformed("a chain is links of 8 bytes");
  std::vector<ChainLink> chain(bytes.size() / link_size);
  for (std::size_t i = 0; i < bytes.size(); ++i) chain[i / link_size] = chain[i / link_size] << 8 | bytes[i];
  return chain;
}

Result<Duration> read_offset(CborReader& in) {
  ARGOSY_TRY(const auto ms, in.integer());
  if (ms < -longest_offset_ms || ms > longest_offset_ms) return in.malformed("a clock is off by at most 8,000 years");
  return Duration{ms};
}

Result<std::vector<TelemetryRecord>> read_records(CborReader& in) {
  ARGOSY_TRY(const auto items, in.array(record_limit));
  std::vector<TelemetryRecord> records;
  records.reserve(items);
  for (std::size_t i = 0; i < items; ++i) {
    ARGOSY_TRY(auto record, read_record(in));
    if (i > 0 && record.seq != records.back().seq + 1)
      return in.malformed("record " + std::to_string(record.seq) + " follows " + std::to_string(records.back().seq) +
                          ": a batch has no holes");
    records.push_back(std::move(record));
  }
  return records;
}

// Answers in JSON
// ------------------------------------------------------------------------------------------------------

std::string hex_of(ChainLink link) {
  return to_hex(bytes_of({link}));
}

ChainLink read_link(JsonReader& fields) {
  std::string text;
  fields.required("link", text);
  fields.check("link", is_epoch(text), "must be 16 hex digits");
  ChainLink link = 0;
  std::from_chars(text.data(), text.data() + text.size(), link, 16);
  return link;
}

}  // namespace

Bytes encode_record(const TelemetryRecord& record) {
  Bytes out;
  CborWriter writer(out);
  write(writer, record);
  return out;
}

Bytes encode(const TelemetryBatch& batch) {
  return encode_batch(batch);
}
Bytes encode(const StoredBatch& batch) {
  return encode_batch(batch);
}

Result<TelemetryBatch> decode_telemetry(ByteView cbor) {
  CborReader in(cbor);
  if (cbor.size() > document_limit)
    return in.malformed("a batch of " + std::to_string(cbor.size()) +
                        " bytes is over the limit of 1 MiB; send fewer records");
  TelemetryBatch batch;
  std::uint64_t version = 0;
  ARGOSY_CHECK(read_map(in, [&](std::string_view key) -> Result<bool> {
    if (key == "v") return take_into(version, in.unsigned_integer(largest_count));
    if (key == "device") return take_into(batch.device, read_name(in, is_name, "device name"));
    if (key == "epoch") return take_into(batch.epoch, read_name(in, is_epoch, "epoch (16 hex digits)"));
    if (key == "oldest") return take_into(batch.oldest, in.unsigned_integer(largest_count));
    if (key == "chain") return take_into(batch.chain, read_chain(in));
    if (key == "since") return take_into(batch.since, in.unsigned_integer(largest_count));
    if (key == "refused") return take_into(batch.refused, in.unsigned_integer(largest_count));
    if (key == "sent_at") return take_into(batch.sent_at, read_instant(in));
    if (key == "clock_offset") return take_into(batch.clock_offset, read_offset(in));
    if (key == "records") return take_into(batch.records, read_records(in));
    return false;
  }));
  if (!in.at_end()) return in.malformed("bytes follow the end of the batch");
  if (version != 1) return in.malformed("version " + std::to_string(version) + " is unknown; this server reads v 1");
  if (batch.device.empty() || batch.epoch.empty()) return in.malformed("a batch needs device and epoch");
  if (!batch.records.empty() && (batch.oldest == 0 || batch.oldest > batch.records.front().seq))
    return in.malformed("\"oldest\" must be from 1 to the first record's seq");
  if (batch.chain.empty()) batch.since = 0;
  if (!batch.chain.empty() && batch.chain.size() != batch.records.size() + 1)
    return in.malformed("a chain of " + std::to_string(batch.chain.size()) + " links does not fit " +
                        std::to_string(batch.records.size()) + " records: it has one more");
  if (!batch.records.empty() && batch.since >= batch.records.front().seq)
    return in.malformed("\"since\" must be before the first record's seq");
  return batch;
}

Result<TelemetryRecord> decode_record(ByteView cbor) {
  CborReader in(cbor);
  if (cbor.size() > document_limit) return in.malformed("a record is over the limit of 1 MiB");
  ARGOSY_TRY(auto record, read_record(in));
  if (!in.at_end()) return in.malformed("bytes follow the end of the record");
  return record;
}

Result<void> check_record(ByteView cbor) {
  CborReader in(cbor);
  if (cbor.size() > document_limit) return in.malformed("a record is over the limit of 1 MiB");
  ARGOSY_TRY(const auto pairs, in.map(key_limit));
  for (std::size_t i = 0; i < 2 * pairs; ++i) ARGOSY_CHECK(in.skip());
  if (!in.at_end()) return in.malformed("bytes follow the end of the record");
  return {};
}

std::string encode(const TelemetryAck& ack) {
  // By hand: one goes out for each message of a fleet, and nothing in it needs to be escaped.
  std::string text = R"({"epoch":")" + ack.epoch + '"';
  if (ack.link) text += R"(,"link":")" + hex_of(*ack.link) + '"';
  if (ack.renew)
    text += R"(,"renew":{"link":")" + hex_of(ack.renew->link) + R"(","seq":)" + std::to_string(ack.renew->seq) + '}';
  return text + R"(,"seq":)" + std::to_string(ack.seq) + '}';
}

Result<TelemetryAck> decode_telemetry_ack(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, ack_limit, ack_name));
  TelemetryAck ack;
  fields.required("epoch", ack.epoch).required("seq", ack.seq);
  fields.check("epoch", is_epoch(ack.epoch), "must be 16 hex digits");
  if (fields.has("link")) ack.link = read_link(fields);
  fields.optional_object("renew", [&](JsonReader& renew) {
    ChainPoint& point = ack.renew.emplace();
    renew.required("seq", point.seq);
    point.link = read_link(renew);
  });
  fields.check("renew", !ack.renew || ack.link, "comes beside a link");
  ARGOSY_CHECK(finish(fields, ack_name));
  return ack;
}

std::string encode(const TelemetryRefusal& refusal) {
  return write_json({{"refused", {{"batch", refusal.batch}, {"message", shortened(refusal.message, message_limit)}}}});
}

Result<TelemetryRefusal> decode_telemetry_refusal(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, ack_limit, refusal_name));
  TelemetryRefusal refusal;
  fields.required_object("refused", [&](JsonReader& refused) {
    refused.required("batch", refusal.batch).required("message", refusal.message);
    refused.check("batch", is_epoch(refusal.batch), "must be 16 hex digits");
  });
  ARGOSY_CHECK(finish(fields, refusal_name));
  refusal.message = shortened(refusal.message, message_limit);
  return refusal;
}

}  // namespace argosy::wire
