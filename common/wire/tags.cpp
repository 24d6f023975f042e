#include "common/wire/tags.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bounds.hpp"
#include "common/wire/numbers.hpp"

namespace argosy::wire {
namespace {

Result<TagCounts> read_counts(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const auto parts, in.array(2));
  if (parts != 2) return in.malformed("a tag's counts are [values, other]");
  ARGOSY_TRY(const auto pairs, in.map(most_tag_values));
  TagCounts counts;
  std::uint64_t left = most;
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto value, in.text(tag_value_limit));
    if (!is_tag_value(value)) return in.malformed("a tag's value is 1 to 32 printable characters of ASCII");
    ARGOSY_TRY(const auto count, in.unsigned_integer(left));
    if (count == 0) return in.malformed("a tag's value was never seen");
    left -= count;
    if (!counts.values.emplace(value, count).second) return in.malformed("a tag's value comes twice");
  }
  ARGOSY_TRY(counts.other, in.unsigned_integer(left));
  if (counts.count() == 0) return in.malformed("a tag has no values");
  return counts;
}

}  // namespace

bool is_tag_value(std::string_view value) {
  return !value.empty() && value.size() <= tag_value_limit &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void TagCounts::add(const std::string& value, std::uint64_t count) {
  const auto known = values.find(value);
  if (known != values.end())
    known->second += count;
  else if (values.size() < most_tag_values)
    values.emplace(value, count);
  else
    other += count;
}

void TagCounts::merge(const TagCounts& other_counts) {
  other += other_counts.other;
  for (const auto& [value, count] : other_counts.values) values[value] += count;
  while (values.size() > most_tag_values) {
    // The last of the smallest.
    const auto least = std::min_element(values.rbegin(), values.rend(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    other += least->second;
    values.erase(std::next(least).base());
  }
}

std::uint64_t TagCounts::count() const {
  std::uint64_t sum = other;
  for (const auto& [value, count] : values) sum += count;
  return sum;
}

bool add_tag(Tags& tags, const std::string& key, const std::string& value) {
  if (tags.size() >= most_tag_keys && !tags.contains(key)) return false;
  tags[key].add(value);
  return true;
}

void merge(Tags& tags, const Tags& others) {
  for (const auto& [key, counts] : others)
    if (tags.size() < most_tag_keys || tags.contains(key)) tags[key].merge(counts);
}

void write(CborWriter& out, const Tags& tags) {
  out.map(tags.size());
  for (const auto& [key, counts] : tags) {
    out.text(key);
    out.array(2);
    out.map(counts.values.size());
    for (const auto& [value, count] : counts.values) {
      out.text(value);
      out.unsigned_integer(count);
    }
    out.unsigned_integer(counts.other);
  }
}

Result<Tags> read_tags(CborReader& in, std::uint64_t most) {
  ARGOSY_TRY(const auto pairs, in.map(most_tag_keys));
  Tags tags;
  for (std::size_t i = 0; i < pairs; ++i) {
    ARGOSY_TRY(const auto key, in.text(number_name_limit));
    if (!is_number_name(key)) return in.malformed("a tag has a key other than [a-z0-9_]{1,40}");
    ARGOSY_TRY(auto counts, read_counts(in, most));
    if (!tags.emplace(key, std::move(counts)).second) return in.malformed("a tag comes twice");
  }
  return tags;
}

Bytes encode(const Tags& tags) {
  Bytes out;
  CborWriter writer(out);
  if (!tags.empty()) write(writer, tags);
  return out;
}

Result<Tags> decode_tags(ByteView bytes) {
  if (bytes.empty()) return Tags{};
  CborReader in(bytes);
  ARGOSY_TRY(auto tags, read_tags(in, largest_count));
  if (!in.at_end()) return in.malformed("bytes follow the end");
  return tags;
}

}  // namespace argosy::wire
