#include "agent/runner/npy.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <optional>

#include <zlib.h>

#include "common/base/text.hpp"
#include "common/delta/half_float.hpp"

namespace argosy::agent {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read as they lie in the file");

constexpr std::size_t max_dimensions = 8;
constexpr std::size_t max_arrays = 64;
constexpr std::size_t max_text_width = 1 << 20;
constexpr std::uint64_t max_unpacked_bytes = 2ULL << 30;
constexpr std::uint64_t most_inflation = 1032;  // of deflate: 258 bytes from two bits
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
  std::string_view code, name;  // of NumPy: the descr without its byte order
  std::size_t size;             // of an element; 0: the descr says it
};
constexpr TypeRow types[] = {
    {NpyType::boolean, "b1", "bool", 1},    {NpyType::int8, "i1", "int8", 1},
    {NpyType::int16, "i2", "int16", 2},     {NpyType::int32, "i4", "int32", 4},
    {NpyType::int64, "i8", "int64", 8},     {NpyType::uint8, "u1", "uint8", 1},
    {NpyType::uint16, "u2", "uint16", 2},   {NpyType::uint32, "u4", "uint32", 4},
    {NpyType::uint64, "u8", "uint64", 8},   {NpyType::float16, "f2", "float16", 2},
    {NpyType::float32, "f4", "float32", 4}, {NpyType::float64, "f8", "float64", 8},
    {NpyType::bytes, "S", "bytes", 0},      {NpyType::text, "U", "text", 0},
};
const TypeRow& row(NpyType type) {
  return types[static_cast<std::size_t>(type)];
}

constexpr std::size_t code_point_bytes = 4;  // of NumPy's U

struct Element {
  NpyType type;
  std::size_t width;
  std::size_t unit;  // what a byte order turns round
  bool is_big_endian;
};

Error unread_type(std::string_view descr) {
  const std::string shown = "elements of type '" + shortened(descr) + "'";
  if (descr == "|O" || descr == "O")
    return corrupt_array(
        "the array holds Python objects, which nobody but Python reads: give it a type before it is saved, "
        "np.asarray(array, dtype=np.int64) for labels, np.float32 for numbers, str for names");
  if (descr.find('c') != std::string_view::npos)
    return corrupt_array(shown + " are complex: save their real and imaginary parts, np.stack([a.real, a.imag], -1)");
  return corrupt_array(shown +
                       " are not read: use bool, integers, float16, float32, float64 or texts, as "
                       "np.asarray(array, dtype=np.float32) makes them");
}

// "<f4", "|u1", ">i8", "<U12".
Result<Element> parse_descr(std::string_view descr) {
  if (descr.size() < 2) return unread_type(descr);
  const std::string_view code = descr.substr(1);
  for (const TypeRow& each : types) {
    if (each.size > 0 && each.code == code) return Element{each.type, each.size, each.size, descr[0] == '>'};
    if (each.size > 0 || !code.starts_with(each.code)) continue;
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(code.data() + 1, code.data() + code.size(), length);
    if (error != std::errc{} || end != code.data() + code.size() || length > max_text_width) return unread_type(descr);
    const std::size_t unit = each.type == NpyType::text ? code_point_bytes : 1;
    return Element{each.type, length * unit, unit, descr[0] == '>'};
  }
  return unread_type(descr);
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
  std::size_t local_offset, packed, size, next;
  std::uint32_t sum;  // CRC-32 of what it unpacks to
  bool is_deflated;
};

constexpr std::uint16_t stored = 0, deflated = 8;

Result<Member> parse_central(ByteView bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < central_size || load<std::uint32_t>(bytes, at) != central_signature)
    return corrupt_array("the zip's directory is broken at byte " + std::to_string(at));
  const auto flags = load<std::uint16_t>(bytes, at + 8), method = load<std::uint16_t>(bytes, at + 10);
  const auto packed = load<std::uint32_t>(bytes, at + 20), size = load<std::uint32_t>(bytes, at + 24);
  const std::size_t name_size = load<std::uint16_t>(bytes, at + 28);
  const std::size_t next =
      at + central_size + name_size + load<std::uint16_t>(bytes, at + 30) + load<std::uint16_t>(bytes, at + 32);
  if (next > bytes.size()) return corrupt_array("the zip's directory ends in the middle of an entry");
  const std::string name(as_text(bytes.subspan(at + central_size, name_size)));
  const std::string member = "member '" + shortened(name) + "'";
  if (flags & 1) return corrupt_array(member + " is encrypted");
  if (method != stored && method != deflated)
    return corrupt_array(member + " is compressed by a method that NumPy does not use: save it with numpy.savez");
  if (method == stored && packed != size) return corrupt_array(member + " is stored with two sizes");
  if (method == deflated && size / most_inflation > packed)
    return corrupt_array(member + " claims to unpack to more than deflate can hold");
  return Member{name,
                load<std::uint32_t>(bytes, at + 42),
                packed,
                size,
                next,
                load<std::uint32_t>(bytes, at + 16),
                method == deflated};
}

Result<ByteView> member_data(ByteView bytes, const Member& member) {
  const std::size_t at = member.local_offset;
  const auto broken = [&](const char* what) {
    return corrupt_array("member '" + shortened(member.name) + "' " + what);
  };
  if (at > bytes.size() || bytes.size() - at < local_size || load<std::uint32_t>(bytes, at) != local_signature)
    return broken("is not where the zip's directory says");
  const std::size_t start = at + local_size + load<std::uint16_t>(bytes, at + 26) + load<std::uint16_t>(bytes, at + 28);
  if (start > bytes.size() || bytes.size() - start < member.packed) return broken("reaches beyond the file's end");
  return bytes.subspan(start, member.packed);
}

using Owned = std::shared_ptr<std::vector<std::uint8_t>>;

// Memory for what has to be unpacked. A data set that is too large for the limits is its own fault, not the model's.
Result<Owned> memory_for(std::uint64_t bytes) {
  const auto too_large = [&] {
    return make_error(Errc::too_large, "the array takes " + std::to_string(bytes >> 20) +
                                           " MB once it is unpacked, more than there is: save it with numpy.savez and "
                                           "in C order, which is read in place, or raise max_memory_mb");
  };
  if (bytes > max_unpacked_bytes) return too_large();
  try {
    return std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(bytes));
  } catch (const std::bad_alloc&) {
    return too_large();
  }
}

Result<Owned> inflate_member(ByteView packed, const Member& member) {
  ARGOSY_TRY(Owned unpacked, memory_for(member.size));
  z_stream stream{};
  constexpr int without_header = -15;
  if (::inflateInit2(&stream, without_header) != Z_OK) throw std::bad_alloc();
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = unpacked->data();
  stream.avail_out = static_cast<uInt>(unpacked->size());
  const int ended = ::inflate(&stream, Z_FINISH);
  const bool is_whole = ended == Z_STREAM_END && stream.avail_out == 0;
  ::inflateEnd(&stream);
  if (!is_whole) return corrupt_array("its compressed bytes are damaged or unpack to another size than was promised");
  return unpacked;
}

void swap_bytes(std::vector<std::uint8_t>& bytes, std::size_t unit) {
  for (std::size_t at = 0; at + unit <= bytes.size(); at += unit)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + unit));
}

// From the order in which the first dimension runs fastest to that in which the last one does.
void copy_to_c_order(ByteView from, const std::vector<std::int64_t>& shape, std::size_t width,
                     std::vector<std::uint8_t>& to) {
  std::vector<std::size_t> place(shape.size(), 0), stride(shape.size(), width);
  for (std::size_t i = 1; i < shape.size(); ++i) stride[i] = stride[i - 1] * static_cast<std::size_t>(shape[i - 1]);
  std::size_t offset = 0;
  for (std::size_t at = 0; at < to.size(); at += width) {
    std::memcpy(to.data() + at, from.data() + offset, width);
    for (std::size_t i = shape.size(); i-- > 0;) {
      offset += stride[i];
      if (++place[i] < static_cast<std::size_t>(shape[i])) break;
      offset -= stride[i] * place[i];
      place[i] = 0;
    }
  }
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    tail(6), tail(0);
  } else if (point < 0x110000) {
    out += static_cast<char>(0xf0 | point >> 18);
    tail(12), tail(6), tail(0);
  } else {
    out += '?';
  }
}

NpyArray one_text(ByteView bytes) {
  return {.type = NpyType::bytes, .shape = {}, .data = bytes, .width = bytes.size()};
}

}  // namespace

std::string_view name(NpyType type) {
  return row(type).name;
}
bool is_floating(NpyType type) {
  return type == NpyType::float16 || type == NpyType::float32 || type == NpyType::float64;
}
bool is_text(NpyType type) {
  return type == NpyType::bytes || type == NpyType::text;
}

double NpyArray::at(std::size_t index) const {
  const std::size_t offset = index * width;
  switch (type) {
    case NpyType::float16:
      return float_of_half(load<std::uint16_t>(data, offset));
    case NpyType::float32:
      return load<float>(data, offset);
    case NpyType::float64:
      return load<double>(data, offset);
    case NpyType::uint64:
      return static_cast<double>(load<std::uint64_t>(data, offset));
    default:
      return static_cast<double>(integer_at(index));
  }
}

std::int64_t NpyArray::integer_at(std::size_t index) const {
  const std::size_t offset = index * width;
  switch (type) {
    case NpyType::boolean:
    case NpyType::uint8:
      return load<std::uint8_t>(data, offset);
    case NpyType::int8:
      return load<std::int8_t>(data, offset);
    case NpyType::int16:
      return load<std::int16_t>(data, offset);
    case NpyType::uint16:
      return load<std::uint16_t>(data, offset);
    case NpyType::int32:
      return load<std::int32_t>(data, offset);
    case NpyType::uint32:
      return load<std::uint32_t>(data, offset);
    case NpyType::int64:
    case NpyType::uint64:
      return load<std::int64_t>(data, offset);
    case NpyType::float16:
    case NpyType::float32:
    case NpyType::float64: {
      const double value = at(index);
      constexpr double furthest = 9.2e18;
      return std::abs(value) < furthest ? static_cast<std::int64_t>(value) : 0;
    }
    case NpyType::bytes:
    case NpyType::text:
      break;
  }
  return 0;
}

std::string NpyArray::text_at(std::size_t index) const {
  if (!is_text(type)) return std::to_string(integer_at(index));
  const ByteView element = data.subspan(index * width, width);
  std::string text;
  if (type == NpyType::bytes) {
    text = as_text(element);
    text.resize(text.find_last_not_of('\0') + 1);
    return text;
  }
  for (std::size_t at = 0; at < element.size(); at += code_point_bytes) {
    const auto point = load<std::uint32_t>(element, at);
    if (point != 0) append_utf8(text, point);
  }
  return text;
}

std::string NpyArray::describe() const {
  return std::string(name(type)) + " " + describe_shape(shape);
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
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
  ARGOSY_TRY(const Element element, parse_descr(*header->descr));
  const ByteView data = bytes.subspan(start + header_size);
  const auto expected = total_bytes(*header->shape, element.width);
  if (!expected || *expected != data.size())
    return corrupt_array("the array holds " + std::to_string(data.size()) + " bytes where its shape needs " +
                         (expected ? std::to_string(*expected) : "more than 63 bits can count"));
  NpyArray array{.type = element.type, .shape = *header->shape, .data = data, .width = element.width};
  const bool is_reordered = *header->fortran_order && array.shape.size() > 1 && !data.empty();
  const bool is_swapped = element.is_big_endian && element.unit > 1 && !data.empty();
  if (!is_reordered && !is_swapped) return array;
  ARGOSY_TRY(Owned native, memory_for(data.size()));
  if (is_reordered)
    copy_to_c_order(data, array.shape, array.width, *native);
  else
    std::memcpy(native->data(), data.data(), data.size());
  if (is_swapped) swap_bytes(*native, element.unit);
  array.data = *native;
  array.owned = std::move(native);
  return array;
}

Result<std::vector<NpzEntry>> parse_npz(ByteView bytes) {
  const auto end = find_end_record(bytes);
  if (!end) return corrupt_array("not a .npz file, or a truncated one: np.savez(\"set.npz\", x=x, y=y) writes one");
  const std::size_t members = load<std::uint16_t>(bytes, *end + 10);
  if (members > max_arrays)
    return corrupt_array(std::to_string(members) + " arrays in one file: at most " + std::to_string(max_arrays));
  std::vector<NpzEntry> entries;
  std::size_t at = load<std::uint32_t>(bytes, *end + 16);
  std::uint64_t unpacked_bytes = 0;
  for (std::size_t i = 0; i < members; ++i) {
    ARGOSY_TRY(Member member, parse_central(bytes, at));
    ARGOSY_TRY(ByteView data, member_data(bytes, member));
    at = member.next;
    if (member.name.ends_with(".npy")) member.name.resize(member.name.size() - 4);
    const std::string array_name = "array '" + shortened(member.name) + "'";
    Owned unpacked;
    if (member.is_deflated) {
      unpacked_bytes += member.size;
      if (unpacked_bytes > max_unpacked_bytes)
        return make_error(Errc::too_large, array_name + ": the file unpacks to more than 2 GiB");
      auto inflated = inflate_member(data, member);
      if (!inflated) return std::move(inflated).error().within(array_name);
      unpacked = std::move(*inflated);
      data = *unpacked;
    }
    if (::crc32_z(0, data.data(), data.size()) != member.sum)
      return corrupt_array(array_name +
                           " is not as it was saved: its checksum differs, so that the file was damaged "
                           "on its way or on its disk; save or copy it again");
    auto array = member.name == settings_member ? Result<NpyArray>(one_text(data)) : parse_npy(data);
    if (!array) return std::move(array).error().within(array_name);
    if (!array->owned) array->owned = std::move(unpacked);
    entries.push_back({std::move(member.name), std::move(*array)});
  }
  return entries;
}

}  // namespace argosy::agent
