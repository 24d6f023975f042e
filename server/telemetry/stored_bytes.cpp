#include "server/telemetry/stored_bytes.hpp"

namespace argosy::server {

void put_classes(Bytes& out, const wire::Classes& classes) {
  put_varint(out, classes.size());
  std::optional<std::int64_t> previous;
  for (const auto& [label, count] : classes) {
    put_varint(out, previous ? static_cast<std::uint64_t>(label - *previous - 1) : zigzag(label));
    put_varint(out, count);
    previous = label;
  }
}

wire::Classes ByteReader::classes() {
  wire::Classes classes;
  std::int64_t label = 0;
  const auto entries = size();
  for (std::size_t i = 0; i < entries && !has_failed(); ++i) {
    const auto step = number();
    if (i > 0 && step > std::uint64_t{UINT32_MAX}) fail("a class is out of range");
    label = i == 0 ? unzigzag(step) : label + static_cast<std::int64_t>(step) + 1;
    if (label < INT32_MIN || label > INT32_MAX) fail("a class is out of range");
    if (!has_failed()) classes.emplace_hint(classes.end(), static_cast<int>(label), number());
  }
  return classes;
}

}  // namespace argosy::server
