#include "server/telemetry/window_figures.hpp"

#include "server/telemetry/stored_bytes.hpp"

namespace argosy::server {

namespace {

constexpr std::uint8_t figures_format = 1;

void put_features(Bytes& out, const std::vector<wire::FeatureCounts>& features) {
  put_varint(out, features.size());
  for (const auto& [name, counts] : features) {
    put_block(out, as_bytes(name));
    put_varint(out, counts.size());
    for (const auto count : counts) put_varint(out, count);
  }
}

std::vector<wire::FeatureCounts> take_features(ByteReader& in) {
  std::vector<wire::FeatureCounts> features(in.size());
  for (auto& [name, counts] : features) {
    name = as_text(in.block());
    counts.resize(in.size());
    for (auto& count : counts) count = in.number();
  }
  return features;
}

std::uint64_t parts_of(const TakenWindow& window) {
  std::uint64_t parts = 0;
  if (!window.latency.empty()) parts |= part_latency;
  if (!window.features.empty()) parts |= part_features;
  if (!window.classes.empty()) parts |= part_classes;
  if (!window.numbers.empty()) parts |= part_numbers;
  if (window.confidences.count() > 0) parts |= part_confidences;
  if (window.device_started_at) parts |= part_device_time;
  if (window.entropy.count > 0) parts |= part_entropy;
  if (!window.tags.empty()) parts |= part_tags;
  return parts;
}

}  // namespace

Bytes encode_figures(const TakenWindow& window) {
  constexpr std::size_t usual_size = 512;
  Bytes out;
  out.reserve(usual_size);
  out.push_back(figures_format);
  put_varint(out, static_cast<std::uint64_t>((window.ended_at - window.started_at).count()));
  for (const auto count : {window.count, window.errors, window.labelled, window.correct}) put_varint(out, count);
  put_signed(out, window.received_at - window.ended_at);
  const auto parts = parts_of(window);
  put_varint(out, parts);
  if ((parts & part_latency) != 0) put_block(out, window.latency.encode_runs());
  if ((parts & part_features) != 0) put_features(out, window.features);
  if ((parts & part_classes) != 0) put_classes(out, window.classes);
  if ((parts & part_numbers) != 0) put_block(out, encode(window.numbers));
  if ((parts & part_confidences) != 0) put_block(out, encode(window.confidences));
  if ((parts & part_device_time) != 0) put_signed(out, *window.device_started_at - window.started_at);
  if ((parts & part_entropy) != 0) put_block(out, encode_entropy(window.entropy));
  if ((parts & part_tags) != 0) put_block(out, encode(window.tags));
  return out;
}

Result<void> decode_figures(ByteView bytes, TakenWindow& window, std::uint32_t wanted) {
  constexpr const char* what = "the figures of a window";
  if (bytes.empty() || bytes.size() > figures_limit || bytes.front() != figures_format)
    return make_error(Errc::corrupt, "not the figures of a window: their format is unknown (the first byte must be 1)");
  ByteReader in(bytes.subspan(1));
  window.ended_at = window.started_at + in.length_ms();
  for (auto* count : {&window.count, &window.errors, &window.labelled, &window.correct}) *count = in.number();
  window.received_at = window.ended_at + in.signed_ms();
  const auto parts = in.number();
  if ((parts & ~std::uint64_t{all_parts}) != 0) in.fail("it has parts that nobody knows");
  // Parts come in the order of their numbers, and what is wanted of them in `parts & wanted`.
  const auto is_last = [&](std::uint32_t part) { return wanted != all_parts && (parts & wanted) < part; };
  if (is_last(part_latency)) return in.check(what);
  if ((parts & part_latency) != 0) {
    const auto latency = in.block();
    if ((wanted & part_latency) != 0) window.latency = in.decoded(LogHistogram::decode(latency));
  }
  if (is_last(part_features)) return in.check(what);
  if ((parts & part_features) != 0) window.features = take_features(in);
  if (is_last(part_classes)) return in.check(what);
  if ((parts & part_classes) != 0) window.classes = in.classes();
  if (is_last(part_numbers)) return in.check(what);
  if ((parts & part_numbers) != 0) window.numbers = in.decoded(wire::decode_numbers(in.block()));
  if ((parts & part_confidences) != 0) window.confidences = in.decoded(wire::decode_confidences(in.block()));
  if ((parts & part_device_time) != 0) window.device_started_at = window.started_at + in.signed_ms();
  if ((parts & part_entropy) != 0) window.entropy = in.decoded(wire::decode_entropy(in.block()));
  if ((parts & part_tags) != 0) window.tags = in.decoded(wire::decode_tags(in.block()));
  return in.finish(what);
}

void read_figures(std::string_view bytea, TakenWindow& window) {
  constexpr std::string_view prefix = "\\x";
  const auto bytes = bytea.starts_with(prefix) ? from_hex(bytea.substr(prefix.size())) : Bytes{};
  if (bytes) (void)decode_figures(*bytes, window);
}

}  // namespace argosy::server
