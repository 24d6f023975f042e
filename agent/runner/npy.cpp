#include "agent/runner/npy.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

namespace argosy::agent {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read as they lie in the file");

constexpr std::size_t max_dimensions = 8;
constexpr std::size_t max_arrays = 16;
constexpr std::size_t max_header_bytes = 64 * 1024;

Error corrupt_array(std::string message) {
  return make_error(Errc::corrupt, std::move(message));
}

template <class T>
T load(ByteView bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct TypeRow {
  NpyType type;
  std::string_view descr, name;
  std::size_t size;
};
constexpr TypeRow types[] = {
    {NpyType::float32, "<f4", "float32", 4}, {NpyType::float64, "<f8", "float64", 8},
    {NpyType::int8, "|i1", "int8", 1},       {NpyType::uint8, "|u1", "uint8", 1},
    {NpyType::int32, "<i4", "int32", 4},     {NpyType::int64, "<i8", "int64", 8},
};
const TypeRow& row(NpyType type) {
  return types[static_cast<std::size_t>(type)];
}

// Reads the header's Python dictionary: strings, True, False and tuples of non-negative integers.
class HeaderScanner {
 public:
  explicit HeaderScanner(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_spaces();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    skip_spaces();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string_view> string() {
    skip_spaces();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<std::vector<std::int64_t>> tuple() {
    if (!take('(')) return std::nullopt;
    std::vector<std::int64_t> values;
    while (!take(')')) {
      std::int64_t value = 0;
      skip_spaces();
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc{} || value < 0 || values.size() == max_dimensions) return std::nullopt;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      values.push_back(value);
      if (!take(',') && !text_.starts_with(')')) return std::nullopt;
    }
    return values;
  }

 private:
  void skip_spaces() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) text_.remove_prefix(1);
  }
  std::string_view text_;
};

struct Header {
  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

std::optional<Header> parse_header(std::string_view text) {
  HeaderScanner scan(text);
  Header header;
  if (!scan.take('{')) return std::nullopt;
  while (!scan.take('}')) {
    const auto key = scan.string();
    if (!key || !scan.take(':')) return std::nullopt;
    if (*key == "descr") {
      header.descr = scan.string();
    } else if (*key == "shape") {
      header.shape = scan.tuple();
    } else if (*key == "fortran_order") {
      if (scan.take("True"))
        header.fortran_order = true;
      else if (scan.take("False"))
        header.fortran_order = false;
    } else {
      return std::nullopt;
    }
    scan.take(',');
  }
  if (!header.descr || !header.fortran_order || !header.shape) return std::nullopt;
  return header;
}

// Bytes of an array of this shape, or nothing when they do not fit 63 bits.
std::optional<std::uint64_t> total_bytes(const std::vector<std::int64_t>& shape, std::size_t element) {
  std::uint64_t total = element;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(total, static_cast<std::uint64_t>(size), &total)) return std::nullopt;
  }
  if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return total;
}

// Zip structures: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
constexpr std::uint32_t end_signature = 0x06054b50, central_signature = 0x02014b50, local_signature = 0x04034b50;
constexpr std::size_t end_size = 22, central_size = 46, local_size = 30;

std::optional<std::size_t> find_end_record(ByteView bytes) {
  if (bytes.size() < end_size) return std::nullopt;
  const std::size_t lowest = bytes.size() - std::min<std::size_t>(bytes.size(), end_size + 65535);
  for (std::size_t at = bytes.size() - end_size + 1; at-- > lowest;) {
    if (load<std::uint32_t>(bytes, at) == end_signature) return at;
  }
  return std::nullopt;
}

struct Member {
  std::string name;
  std::size_t local_offset, size, next;
};

Result<Member> parse_central(ByteView bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < central_size || load<std::uint32_t>(bytes, at) != central_signature)
    return corrupt_array("the zip's directory is broken at byte " + std::to_string(at));
  const auto flags = load<std::uint16_t>(bytes, at + 8), method = load<std::uint16_t>(bytes, at + 10);
  const auto packed = load<std::uint32_t>(bytes, at + 20), size = load<std::uint32_t>(bytes, at + 24);
  const std::size_t name_size = load<std::uint16_t>(bytes, at + 28);
  const std::size_t next =
      at + central_size + name_size + load<std::uint16_t>(bytes, at + 30) + load<std::uint16_t>(bytes, at + 32);
  if (next > bytes.size()) return corrupt_array("the zip's directory ends in the middle of an entry");
  std::string member(as_text(bytes.subspan(at + central_size, name_size)));
  if (flags & 1) return corrupt_array("member '" + member + "' is encrypted");
  if (method != 0)
    return corrupt_array("member '" + member + "' is compressed: save it with numpy.savez, not savez_compressed");
  if (packed != size) return corrupt_array("member '" + member + "' is stored with two sizes");
  return Member{std::move(member), load<std::uint32_t>(bytes, at + 42), size, next};
}

Result<ByteView> member_data(ByteView bytes, const Member& member) {
  const std::size_t at = member.local_offset;
  if (at > bytes.size() || bytes.size() - at < local_size || load<std::uint32_t>(bytes, at) != local_signature)
    return corrupt_array("member '" + member.name + "' is not where the zip's directory says");
  const std::size_t start = at + local_size + load<std::uint16_t>(bytes, at + 26) + load<std::uint16_t>(bytes, at + 28);
  if (start > bytes.size() || bytes.size() - start < member.size)
    return corrupt_array("member '" + member.name + "' reaches beyond the file's end");
  return bytes.subspan(start, member.size);
}

}  // namespace

std::string_view name(NpyType type) {
  return row(type).name;
}
std::size_t size_bytes(NpyType type) {
  return row(type).size;
}

double NpyArray::at(std::size_t index) const {
  const std::size_t offset = index * size_bytes(type);
  switch (type) {
    case NpyType::float32:
      return load<float>(data, offset);
    case NpyType::float64:
      return load<double>(data, offset);
    case NpyType::int8:
      return load<std::int8_t>(data, offset);
    case NpyType::uint8:
      return load<std::uint8_t>(data, offset);
    case NpyType::int32:
      return load<std::int32_t>(data, offset);
    case NpyType::int64:
      return static_cast<double>(load<std::int64_t>(data, offset));
  }
  return 0;
}

std::string NpyArray::describe() const {
  std::string text(name(type));
  text += " [";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

Result<NpyArray> parse_npy(ByteView bytes) {
  constexpr std::string_view magic("\x93NUMPY", 6);
  if (bytes.size() < 10 || as_text(bytes.first(6)) != magic) return corrupt_array("not a .npy file");
  const unsigned version = bytes[6];
  const std::size_t start = version == 1 ? 10 : 12;
  if (version < 1 || version > 3 || bytes.size() < start)
    return corrupt_array(".npy version " + std::to_string(version) + " is unknown: 1 to 3 are read");
  const std::size_t header_size = version == 1 ? load<std::uint16_t>(bytes, 8) : load<std::uint32_t>(bytes, 8);
  if (header_size > max_header_bytes || bytes.size() - start < header_size)
    return corrupt_array("the .npy header is cut");
  const auto header = parse_header(as_text(bytes.subspan(start, header_size)));
  if (!header) return corrupt_array("the .npy header is not one that NumPy writes for a plain array");
  if (*header->fortran_order && header->shape->size() > 1)
    return corrupt_array("the array is in Fortran order: save numpy.ascontiguousarray of it");
  const auto type = std::find_if(std::begin(types), std::end(types),
                                 [&](const TypeRow& each) { return each.descr == *header->descr; });
  if (type == std::end(types))
    return corrupt_array("element type '" + std::string(*header->descr) +
                         "' is not read: use float32, float64, int8, uint8, int32 or int64");
  const ByteView data = bytes.subspan(start + header_size);
  const auto expected = total_bytes(*header->shape, type->size);
  if (!expected || *expected != data.size())
    return corrupt_array("the array holds " + std::to_string(data.size()) + " bytes where its shape needs " +
                         (expected ? std::to_string(*expected) : "more than 63 bits can count"));
  return NpyArray{type->type, *header->shape, data};
}

Result<std::vector<NpzEntry>> parse_npz(ByteView bytes) {
  const auto end = find_end_record(bytes);
  if (!end) return corrupt_array("not a .npz file, or a truncated one: it has no zip directory");
  const std::size_t members = load<std::uint16_t>(bytes, *end + 10);
  if (members > max_arrays)
    return corrupt_array(std::to_string(members) + " arrays in one file: at most " + std::to_string(max_arrays));
  std::vector<NpzEntry> entries;
  std::size_t at = load<std::uint32_t>(bytes, *end + 16);
  for (std::size_t i = 0; i < members; ++i) {
    ARGOSY_TRY(Member member, parse_central(bytes, at));
    ARGOSY_TRY(const ByteView data, member_data(bytes, member));
    at = member.next;
    if (member.name.ends_with(".npy")) member.name.resize(member.name.size() - 4);
    auto array = parse_npy(data);
    if (!array) return std::move(array).error().within("array '" + member.name + "'");
    entries.push_back({std::move(member.name), std::move(*array)});
  }
  return entries;
}

}  // namespace argosy::agent
