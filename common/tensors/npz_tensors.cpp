#include "common/tensors/npz_tensors.hpp"

#include <algorithm>
#include <optional>

#include "common/tensors/byte_reader.hpp"
#include "common/tensors/npy_tensors.hpp"

namespace argosy {

namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t member_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
constexpr std::uint32_t zip64_end_signature = 0x06064b50;
constexpr std::uint64_t end_bytes = 22;
constexpr std::uint64_t zip64_locator_bytes = 20;
constexpr std::uint64_t max_comment_bytes = 0xffff;
constexpr std::uint32_t in_zip64 = 0xffff'ffff;  // a field's real value is in the zip64 record
constexpr std::uint16_t zip64_extra = 1;
constexpr std::string_view member_suffix = ".npy";

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

std::optional<std::uint64_t> find_end(ByteView file) {
  if (file.size() < end_bytes) return std::nullopt;
  const std::uint64_t last = file.size() - end_bytes;
  const std::uint64_t first = last - std::min(last, max_comment_bytes);
  for (std::uint64_t at = last + 1; at-- > first;)
    if (ByteReader(file.subspan(at)).number<std::uint32_t>() == end_signature) return at;
  return std::nullopt;
}

// From the zip64 records in front of the end record.
std::optional<Directory> read_zip64_directory(ByteView file, std::uint64_t end) {
  if (end < zip64_locator_bytes) return std::nullopt;
  ByteReader locator(file.subspan(end - zip64_locator_bytes));
  if (locator.number<std::uint32_t>() != zip64_locator_signature) return std::nullopt;
  locator.take(4);
  const auto at = locator.number<std::uint64_t>();
  if (at > file.size()) return std::nullopt;
  ByteReader record(file.subspan(at));
  if (record.number<std::uint32_t>() != zip64_end_signature) return std::nullopt;
  record.take(36);  // its size, versions, disks and counts
  Directory directory;
  directory.size = record.number<std::uint64_t>();
  directory.offset = record.number<std::uint64_t>();
  return record.ok() ? std::optional(directory) : std::nullopt;
}

std::optional<ByteView> find_directory(ByteView file) {
  const auto end = find_end(file);
  if (!end) return std::nullopt;
  ByteReader reader(file.subspan(*end));
  reader.take(12);  // signature, disks and counts
  Directory directory;
  directory.size = reader.number<std::uint32_t>();
  directory.offset = reader.number<std::uint32_t>();
  if (directory.size == in_zip64 || directory.offset == in_zip64) {
    const auto large = read_zip64_directory(file, *end);
    if (!large) return std::nullopt;
    directory = *large;
  }
  return slice(file, directory.offset, directory.size);
}

struct Member {
  std::string_view name;
  bool is_stored = false;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;
};

// The extra field has 64 bits for each number that did not fit into 32, in this order.
void widen(Member& member, std::uint32_t plain, std::uint32_t packed, std::uint32_t offset, ByteReader extra) {
  while (!extra.rest().empty()) {
    const auto id = extra.number<std::uint16_t>();
    ByteReader field(extra.take(extra.number<std::uint16_t>()));
    if (id != zip64_extra) continue;
    if (plain == in_zip64) field.take(8);
    if (packed == in_zip64) member.size = field.number<std::uint64_t>();
    if (offset == in_zip64) member.header_offset = field.number<std::uint64_t>();
    return;
  }
}

std::optional<Member> read_member(ByteReader& reader) {
  if (reader.number<std::uint32_t>() != member_signature) return std::nullopt;
  reader.take(4);  // versions
  const bool is_encrypted = reader.number<std::uint16_t>() & 1;
  const bool is_compressed = reader.number<std::uint16_t>() != 0;
  reader.take(8);  // time, date and check sum
  const auto packed = reader.number<std::uint32_t>();
  const auto plain = reader.number<std::uint32_t>();
  const auto name_size = reader.number<std::uint16_t>();
  const auto extra_size = reader.number<std::uint16_t>();
  const auto comment_size = reader.number<std::uint16_t>();
  reader.take(8);  // disk and attributes
  const auto offset = reader.number<std::uint32_t>();
  Member member{reader.text(name_size), !is_encrypted && !is_compressed, packed, offset};
  widen(member, plain, packed, offset, ByteReader(reader.take(extra_size)));
  reader.take(comment_size);
  return reader.ok() ? std::optional(member) : std::nullopt;
}

std::optional<ByteView> content_of(ByteView file, const Member& member) {
  if (member.header_offset > file.size()) return std::nullopt;
  ByteReader reader(file.subspan(member.header_offset));
  if (reader.number<std::uint32_t>() != local_signature) return std::nullopt;
  reader.take(22);
  const auto name_size = reader.number<std::uint16_t>();
  const auto extra_size = reader.number<std::uint16_t>();
  reader.take(std::uint64_t{name_size} + extra_size);
  const ByteView content = reader.take(member.size);
  return reader.ok() ? std::optional(content) : std::nullopt;
}

void collect_member(ByteView file, Member member, TensorCollector& found) {
  if (!member.name.ends_with(member_suffix)) return;
  member.name.remove_suffix(member_suffix.size());
  if (!member.is_stored) return found.remark(member.name, "is compressed: store it, as numpy.savez does");
  const auto content = content_of(file, member);
  if (!content) return found.remark(member.name, "does not lie where the zip's directory says");
  collect_npy_array(member.name, *content, found);
}

}  // namespace

bool is_npz(ByteView file) {
  ByteReader reader(file);
  if (reader.number<std::uint32_t>() != local_signature) return false;
  reader.take(22);
  const auto name_size = reader.number<std::uint16_t>();
  reader.take(2);
  return reader.text(name_size).ends_with(member_suffix);
}

void collect_npz_tensors(ByteView file, TensorCollector& found) {
  const auto directory = find_directory(file);
  if (!directory) return found.remark("the zip has no central directory: it may be cut short");
  ByteReader reader(*directory);
  while (!reader.rest().empty()) {
    const auto member = read_member(reader);
    if (!member) return found.remark("the zip's directory ends inside a member");
    collect_member(file, *member, found);
  }
}

}  // namespace argosy
