#include "common/wire/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/bounds.hpp"

namespace argosy::wire {
namespace {

// What rounding may make of a sum of many values.
constexpr double rounding = 1e-6;

bool can_add_up(const NumberSummary& seen) {
  const auto count = static_cast<double>(seen.count);
  const double slack = rounding * count * std::max(std::abs(seen.min), std::abs(seen.max));
  return seen.min <= seen.max && seen.sum >= count * seen.min - slack && seen.sum <= count * seen.max + slack;
}

Result<double> read_value(CborReader& in) {
  ARGOSY_TRY(const double value, in.number());
  if (std::abs(value) > largest_number)
    return in.malformed("a number of a program is so large that no figure holds it");
  return value;
}

Result<NumberSummary> read_summary(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const auto parts, in.array(4));
  if (parts != 4) return in.malformed("a program's number is [count, sum, min, max]");
  NumberSummary seen;
  ARGOSY_TRY(seen.count, in.unsigned_integer(most));
  if (seen.count == 0) return in.malformed("a program's number has no values");
  ARGOSY_TRY(seen.sum, in.number());
  ARGOSY_TRY(seen.min, read_value(in));
  ARGOSY_TRY(seen.max, read_value(in));
  if (!can_add_up(seen)) return in.malformed("a program's number has a sum that its values cannot have");
  return seen;
}

template <class Value, class Read>
Result<Value> decode_whole(ByteView bytes, Read read) {
  if (bytes.empty()) return Value{};
  CborReader in(bytes);
  ARGOSY_TRY(auto value, read(in, largest_count));
  if (!in.at_end()) return in.malformed("bytes follow the end");
  return value;
}

}  // namespace

bool is_number_name(std::string_view name) {
  return !name.empty() && name.size() <= number_name_limit && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_agents_number(std::string_view name) {
  return name == labels_later || name == labels_delay_s || name == estimated_accuracy;
}

void NumberSummary::add(double value) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  sum += value;
  ++count;
}

void NumberSummary::merge(const NumberSummary& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  sum += other.sum;
  count += other.count;
}

void Confidences::add(double confidence) {
  if (!(confidence >= 0 && confidence <= 1)) return;
  sum += confidence;
  ++bins[std::min(confidence_bins - 1, static_cast<std::size_t>(confidence * confidence_bins))];
}

void Confidences::merge(const Confidences& other) {
  sum += other.sum;
  for (std::size_t i = 0; i < bins.size(); ++i) bins[i] += other.bins[i];
}

std::uint64_t Confidences::count() const {
  return std::accumulate(bins.begin(), bins.end(), std::uint64_t{0});
}

bool is_entropy(double nats) {
  return nats >= 0 && nats <= most_entropy;
}

void write(CborWriter& out, const NumberSummary& seen) {
  out.array(4);
  out.unsigned_integer(seen.count);
  out.number(seen.sum);
  out.number(seen.min);
  out.number(seen.max);
}

void write(CborWriter& out, const Numbers& numbers) {
  out.map(numbers.size());
  for (const auto& [name, seen] : numbers) {
    out.text(name);
    write(out, seen);
  }
}

void write(CborWriter& out, const Confidences& confidences) {
  out.array(2);
  out.number(confidences.sum);
  out.array(confidences.bins.size());
  for (const auto count : confidences.bins) out.unsigned_integer(count);
}

Result<Numbers> read_numbers(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const auto pairs, in.map(most_window_numbers));
  Numbers numbers;
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto name, in.text(number_name_limit));
    if (!is_number_name(name)) return in.malformed("a program's number has a name other than [a-z0-9_]{1,40}");
    ARGOSY_TRY(const auto seen, read_summary(in, most));
    if (!numbers.emplace(name, seen).second) return in.malformed("a program's number comes twice");
  }
  return numbers;
}

Result<Confidences> read_confidences(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const auto parts, in.array(2));
  if (parts != 2) return in.malformed("confidences are [sum, bins]");
  Confidences seen;
  ARGOSY_TRY(seen.sum, in.number());
  ARGOSY_TRY(const auto bins, in.array(confidence_bins));
  if (bins != confidence_bins)
    return in.malformed("confidences are counted in " + std::to_string(confidence_bins) + " bins");
  for (auto& bin : seen.bins) {
    ARGOSY_TRY(bin, in.unsigned_integer(most));
  }
  const auto count = static_cast<double>(seen.count());
  if (count == 0 || count > static_cast<double>(most))
    return in.malformed("confidences are of none of the inferences, or of more than there are");
  if (seen.sum < 0 || seen.sum > count * (1 + rounding)) return in.malformed("confidences lie between 0 and 1");
  return seen;
}

Result<NumberSummary> read_entropy(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const NumberSummary seen, read_summary(in, most));
  if (!is_entropy(seen.min) || !is_entropy(seen.max)) return in.malformed("an entropy lies between 0 and 64 nats");
  return seen;
}

Bytes encode(const Numbers& numbers) {
  Bytes out;
  CborWriter writer(out);
  if (!numbers.empty()) write(writer, numbers);
  return out;
}

Bytes encode(const Confidences& confidences) {
  Bytes out;
  CborWriter writer(out);
  if (confidences.count() > 0) write(writer, confidences);
  return out;
}

Bytes encode_entropy(const NumberSummary& entropy) {
  Bytes out;
  CborWriter writer(out);
  if (entropy.count > 0) write(writer, entropy);
  return out;
}

Result<Numbers> decode_numbers(ByteView bytes) {
  return decode_whole<Numbers>(bytes, read_numbers);
}

Result<Confidences> decode_confidences(ByteView bytes) {
  return decode_whole<Confidences>(bytes, read_confidences);
}

Result<NumberSummary> decode_entropy(ByteView bytes) {
  return decode_whole<NumberSummary>(bytes, read_entropy);
}

}  // namespace argosy::wire
