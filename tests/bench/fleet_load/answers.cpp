#include "tests/bench/fleet_load/answers.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace argosy::fleet_load {

namespace {

constexpr std::size_t hex_digits = 16;
constexpr std::string_view topic_root = "argosy/v1/";

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

template <class Number>
bool take_number(std::string_view& text, Number& number, int base) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (read.ec != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return true;
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<wire::TelemetryAck> read_plain_ack(std::string_view text) {
  wire::TelemetryAck ack;
  if (!take(text, R"({"epoch":")") || text.size() < 2 * hex_digits) return std::nullopt;
  ack.epoch = std::string(text.substr(0, hex_digits));
  text.remove_prefix(hex_digits);
  if (!take(text, R"(","link":")") || text.size() < hex_digits) return std::nullopt;
  std::string_view link = text.substr(0, hex_digits);
  if (!is_lower_hex(ack.epoch) || !is_lower_hex(link)) return std::nullopt;
  wire::ChainLink number = 0;
  if (!take_number(link, number, 16)) return std::nullopt;
  ack.link = number;
  text.remove_prefix(hex_digits);
  if (!take(text, R"(","seq":)") || !take_number(text, ack.seq, 10) || text != "}") return std::nullopt;
  return ack;
}

std::optional<DownTopic> parse_down_topic(std::string_view topic, std::string_view prefix, std::size_t first) {
  DownTopic parsed;
  if (!take(topic, topic_root) || !take(topic, prefix)) return std::nullopt;
  if (!take_number(topic, parsed.device, 10) || parsed.device < first) return std::nullopt;
  parsed.device -= first;
  if (topic == "/down/ack") return parsed;
  parsed.kind = DownKind::desired;
  if (topic == "/down/desired") return parsed;
  return std::nullopt;
}

}  // namespace argosy::fleet_load
