// Tags that a program attaches to its inferences, such as camera=left, as one window carries them: how many inferences
// had each value of a key. Pure. Bounded: 4 keys, 8 values of each; what is beyond is counted together as `other`, so
// that a window has at most 1.6 KB of them and each key's counts still add up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/wire/cbor.hpp"

namespace argosy::wire {

inline constexpr std::size_t most_tag_keys = 4;
inline constexpr std::size_t most_tag_values = 8;  // of one key
inline constexpr std::size_t tag_value_limit = 32;

bool is_tag_value(std::string_view value);  // 1 to 32 printable characters of ASCII; a key is a number's name

struct TagCounts {
  std::map<std::string, std::uint64_t> values;  // each from 1
  std::uint64_t other = 0;                      // of further values

  void add(const std::string& value, std::uint64_t count = 1);
  // The values of the highest counts keep their names, those with the same count by their order. `other` may hold some
  // that the other side names, so a value's count is the least there were; a key's total is exact.
  void merge(const TagCounts& other_counts);
  std::uint64_t count() const;
  friend bool operator==(const TagCounts&, const TagCounts&) = default;
};
using Tags = std::map<std::string, TagCounts>;  // by key

// Counts one inference; false when there are too many keys for this one.
bool add_tag(Tags& tags, const std::string& key, const std::string& value);
// Keys over the limit are left out: those that are new here, in their order.
void merge(Tags& tags, const Tags& others);

void write(CborWriter& out, const Tags& tags);
// At most `most` inferences under each key. Errc::malformed_cbor.
Result<Tags> read_tags(CborReader& in, std::uint64_t most);

// As they are stored: the same bytes, empty for nothing.
Bytes encode(const Tags& tags);
Result<Tags> decode_tags(ByteView bytes);

}  // namespace argosy::wire
