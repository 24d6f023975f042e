// What a program tells of a model beside latency and outcome, as one window carries it: numbers under names of its own,
// and how sure and how undecided the model was. Pure. Written only where there are any, so that readers of all versions
// read the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/wire/cbor.hpp"

namespace argosy::wire {

inline constexpr std::size_t most_numbers = 16;  // names of a program's
// What the agent itself knows of a window's inferences goes under names that no program may use.
inline constexpr std::string_view agents_number_prefix = "argosy_";
// Of labels that came later, in the window in which they came: 1 for each that was right, 0 for each that was wrong;
// and how long after the inference. There may be more of them than the window has inferences.
inline constexpr std::string_view labels_later = "argosy_labels_later";
inline constexpr std::string_view labels_delay_s = "argosy_labels_delay_s";
// How likely each inference was right, by its confidence and what its release's validation says of such.
inline constexpr std::string_view estimated_accuracy = "argosy_estimated_accuracy";
inline constexpr std::size_t most_window_numbers = most_numbers + 3;
inline constexpr std::size_t number_name_limit = 40;
inline constexpr double largest_number = 1e18;  // either way
inline constexpr std::size_t confidence_bins = 20;
inline constexpr double most_entropy = 64;  // nats; over 10^27 classes have no more

bool is_number_name(std::string_view name);    // [a-z0-9_]{1,40}
bool is_agents_number(std::string_view name);  // one of its three

struct NumberSummary {
  std::uint64_t count = 0;  // of values, from 1
  double sum = 0;
  double min = 0;
  double max = 0;

  void add(double value);
  void merge(const NumberSummary& other);
  friend bool operator==(const NumberSummary&, const NumberSummary&) = default;
};
using Numbers = std::map<std::string, NumberSummary>;

// Of the predicted class, 0..1, in bins of one width; 1 is in the last.
struct Confidences {
  double sum = 0;
  std::array<std::uint64_t, confidence_bins> bins{};

  void add(double confidence);  // outside of 0..1: not at all
  void merge(const Confidences& other);
  std::uint64_t count() const;
  friend bool operator==(const Confidences&, const Confidences&) = default;
};

// The entropy of the predictions, in nats: a summary and no bins, as how far it reaches hangs on the number of classes.
bool is_entropy(double nats);  // 0..most_entropy

void write(CborWriter& out, const NumberSummary& seen);
void write(CborWriter& out, const Numbers& numbers);
void write(CborWriter& out, const Confidences& confidences);
// At most `most` values in each. Errc::malformed_cbor, also for what no values can add up to.
Result<Numbers> read_numbers(CborReader& in, std::uint64_t most);
Result<Confidences> read_confidences(CborReader& in, std::uint64_t most);
Result<NumberSummary> read_entropy(CborReader& in, std::uint64_t most);

// As they are stored: the same bytes, empty for nothing.
Bytes encode(const Numbers& numbers);
Bytes encode(const Confidences& confidences);
Bytes encode_entropy(const NumberSummary& entropy);
Result<Numbers> decode_numbers(ByteView bytes);
Result<Confidences> decode_confidences(ByteView bytes);
Result<NumberSummary> decode_entropy(ByteView bytes);

}  // namespace argosy::wire
