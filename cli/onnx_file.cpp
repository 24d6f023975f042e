#include "cli/onnx_file.hpp"

#include <charconv>
#include <functional>
#include <map>

#include "common/base/mapped_file.hpp"
#include "common/base/text.hpp"

namespace argosy::cli {

namespace fs = std::filesystem;

namespace {

constexpr int max_depth = 64;  // of messages: a graph within a graph is four
constexpr std::uint64_t most_packed_bytes = (2ULL << 30) - 1;

// The messages of onnx.proto in which tensors lie, and the tags that lead from one to the next.
enum class Message : std::uint8_t { other, model, graph, function, node, attribute, tensor, sparse_tensor };

Message message_at(Message outer, std::uint64_t tag) {
  struct Step {
    Message outer;
    std::uint64_t tag;
    Message inner;
  };
  static constexpr Step steps[] = {{Message::model, 7, Message::graph},
                                   {Message::model, 25, Message::function},
                                   {Message::function, 7, Message::node},
                                   {Message::graph, 1, Message::node},
                                   {Message::graph, 5, Message::tensor},
                                   {Message::graph, 15, Message::sparse_tensor},
                                   {Message::sparse_tensor, 1, Message::tensor},
                                   {Message::sparse_tensor, 2, Message::tensor},
                                   {Message::node, 5, Message::attribute},
                                   {Message::attribute, 5, Message::tensor},
                                   {Message::attribute, 6, Message::graph},
                                   {Message::attribute, 10, Message::tensor},
                                   {Message::attribute, 11, Message::graph},
                                   {Message::attribute, 22, Message::sparse_tensor},
                                   {Message::attribute, 23, Message::sparse_tensor}};
  for (const Step& step : steps)
    if (step.outer == outer && step.tag == tag) return step.inner;
  return Message::other;
}

namespace tensor_tag {
constexpr std::uint64_t raw_data = 9, external_data = 13, data_location = 14;
}
constexpr unsigned varint_wire = 0, eight_byte_wire = 1, bytes_wire = 2, four_byte_wire = 5;

struct Field {
  std::uint64_t tag = 0, number = 0;
  ByteView raw;    // the field whole
  ByteView bytes;  // of a text or message
  bool is_bytes = false;
};

// Field by field; ok() is false where the message makes no sense.
class Fields {
 public:
  explicit Fields(ByteView message) : left_(message) {}
  bool ok() const { return ok_; }

  std::optional<Field> next() {
    if (!ok_ || left_.empty()) return std::nullopt;
    const ByteView start = left_;
    Field field;
    const std::uint64_t key = varint();
    field.tag = key >> 3;
    switch (key & 7) {
      case varint_wire:
        field.number = varint();
        break;
      case eight_byte_wire:
        take(8);
        break;
      case four_byte_wire:
        take(4);
        break;
      case bytes_wire:
        field.bytes = take(varint());
        field.is_bytes = true;
        break;
      default:
        ok_ = false;
    }
    if (!ok_ || field.tag == 0) {
      ok_ = false;
      return std::nullopt;
    }
    field.raw = start.first(start.size() - left_.size());
    return field;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const ByteView byte = take(1);
      if (!ok_) return 0;
      value |= static_cast<std::uint64_t>(byte[0] & 0x7fU) << shift;
      if ((byte[0] & 0x80U) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  ByteView take(std::uint64_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_) return {};
    const ByteView taken = left_.first(static_cast<std::size_t>(size));
    left_ = left_.subspan(taken.size());
    return taken;
  }

  ByteView left_;
  bool ok_ = true;
};

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_bytes(std::string& out, std::uint64_t tag, std::string_view bytes) {
  append_varint(out, tag << 3 | bytes_wire);
  append_varint(out, bytes.size());
  out += bytes;
}

// Where a tensor's bytes lie.
struct Place {
  std::string file;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // absent: to the end
};
using FetchBytes = std::function<Result<std::string>(const Place&)>;

Result<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  return make_error(Errc::malformed_model, "'" + shortened(text) + "' is no place in a file of weights");
}

// The place of a tensor that lies outside; nothing for one that is all there.
Result<std::optional<Place>> outside(ByteView tensor) {
  std::map<std::string, std::string> entries;
  bool is_outside = false;
  Fields fields(tensor);
  while (const auto field = fields.next()) {
    if (field->tag == tensor_tag::data_location) is_outside = field->number == 1;
    if (field->tag != tensor_tag::external_data) continue;
    std::string key, value;
    Fields entry(field->bytes);
    while (const auto part = entry.next()) (part->tag == 1 ? key : value) = as_text(part->bytes);
    entries[key] = value;
  }
  if (!is_outside) return std::optional<Place>();
  Place place{entries["location"], 0, std::nullopt};
  if (entries.contains("offset")) {
    ARGOSY_TRY(place.offset, number_of(entries["offset"]));
  }
  if (entries.contains("length")) {
    ARGOSY_TRY(place.length, number_of(entries["length"]));
  }
  return std::optional(std::move(place));
}

Result<std::optional<std::string>> filled_tensor(ByteView tensor, const FetchBytes& fetch) {
  ARGOSY_TRY(const auto place, outside(tensor));
  if (!place) return std::optional<std::string>();
  std::string filled;
  Fields fields(tensor);
  while (const auto field = fields.next()) {
    const bool is_about_place = field->tag == tensor_tag::external_data || field->tag == tensor_tag::data_location ||
                                field->tag == tensor_tag::raw_data;
    if (!is_about_place) filled += as_text(field->raw);
  }
  ARGOSY_TRY(const std::string bytes, fetch(*place));
  append_bytes(filled, tensor_tag::raw_data, bytes);
  return std::optional(std::move(filled));
}

// The message with what was outside; nothing where nothing was.
Result<std::optional<std::string>> filled(ByteView message, Message kind, int depth, const FetchBytes& fetch) {
  if (kind == Message::tensor) return filled_tensor(message, fetch);
  if (depth > max_depth) return make_error(Errc::malformed_model, "the model's graphs are nested too deeply");
  std::string whole;
  bool has_changed = false;
  std::size_t copied = 0;  // of the message
  Fields fields(message);
  while (const auto field = fields.next()) {
    const Message inner = field->is_bytes ? message_at(kind, field->tag) : Message::other;
    if (inner == Message::other) continue;
    ARGOSY_TRY(const auto changed, filled(field->bytes, inner, depth + 1, fetch));
    if (!changed) continue;
    has_changed = true;
    const auto start = static_cast<std::size_t>(field->raw.data() - message.data());
    whole += as_text(message.subspan(copied, start - copied));
    append_bytes(whole, field->tag, *changed);
    copied = start + field->raw.size();
    if (whole.size() > most_packed_bytes)
      return make_error(Errc::too_large, "the model and its weights are over 2 GiB, which one ONNX file cannot hold");
  }
  if (!fields.ok()) return make_error(Errc::malformed_model, "the model's file is broken or cut");
  if (!has_changed) return std::optional<std::string>();
  whole += as_text(message.subspan(copied));
  return std::optional(std::move(whole));
}

// A name in the model's own folder or below: a model must not have other files of this machine put into a release.
Result<void> check_place(const Place& place) {
  const fs::path path(place.file);
  bool is_inside = !place.file.empty() && path.is_relative();
  for (const fs::path& part : path) is_inside = is_inside && part != "..";
  if (is_inside) return {};
  return make_error(Errc::invalid_argument,
                    "the model's weights lie in '" + shortened(place.file) +
                        "', outside its folder: save it whole, onnx.save(onnx.load(file), file)");
}

}  // namespace

Result<std::string> packed_onnx(const fs::path& model) {
  ARGOSY_TRY(const MappedFile file, MappedFile::open(model));
  std::map<std::string, MappedFile> beside;
  const auto fetch = [&](const Place& place) -> Result<std::string> {
    ARGOSY_CHECK(check_place(place));
    auto& weights = beside[place.file];
    if (weights.bytes().empty()) {
      auto opened = MappedFile::open(model.parent_path() / place.file);
      if (!opened) return std::move(opened).error().within("the model's weights");
      weights = std::move(*opened);
    }
    const std::uint64_t all = weights.bytes().size();
    const std::uint64_t length = place.length.value_or(all - std::min(place.offset, all));
    if (place.offset > all || length > all - place.offset)
      return make_error(Errc::truncated, "the model's weights in '" + shortened(place.file) + "' end at byte " +
                                             std::to_string(all) + ", before those that it names");
    return std::string(
        as_text(weights.bytes().subspan(static_cast<std::size_t>(place.offset), static_cast<std::size_t>(length))));
  };
  ARGOSY_TRY(auto whole, filled(file.bytes(), Message::model, 0, fetch));
  return whole ? std::move(*whole) : std::string(as_text(file.bytes()));
}

}  // namespace argosy::cli
