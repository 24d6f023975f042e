#include "agent/runner/reach.hpp"

#include <onnxruntime_cxx_api.h>

#include "common/base/encoding.hpp"

namespace argosy::agent {
namespace {

// Every release so far reads these; each later one reads more.
constexpr std::uint32_t first_opset = 7;
constexpr std::uint32_t first_ir = 3;
constexpr std::uint32_t tried_at_most = 120;  // one byte of a varint

void append(Bytes& to, const Bytes& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// A field of protobuf that holds bytes, of fewer than 128.
Bytes field(std::uint8_t number, const Bytes& content) {
  Bytes bytes{static_cast<std::uint8_t>(number << 3 | 2), static_cast<std::uint8_t>(content.size())};
  append(bytes, content);
  return bytes;
}
Bytes text(std::uint8_t number, std::string_view content) {
  return field(number, Bytes(content.begin(), content.end()));
}
Bytes whole_number(std::uint8_t number, std::uint32_t value) {
  return {static_cast<std::uint8_t>(number << 3), static_cast<std::uint8_t>(value)};
}
template <class... Parts>
Bytes joined(const Parts&... parts) {
  Bytes bytes;
  (append(bytes, parts), ...);
  return bytes;
}

// ValueInfoProto: name = 1, type = 2 { tensor_type = 1 { elem_type = 1: float, shape = 2 { dim = 1 { dim_value = 1 } }
// } }.
Bytes one_float(std::string_view name) {
  const Bytes shape = field(2, field(1, whole_number(1, 1)));
  return joined(text(1, name), field(2, field(1, joined(whole_number(1, 1), shape))));
}

// ModelProto of onnx.proto with one node, "y = Identity(x)".
Bytes smallest_model(const wire::OnnxReach& stamp) {
  const Bytes node = joined(text(1, "x"), text(2, "y"), text(4, "Identity"));
  const Bytes graph = joined(field(1, node), text(2, "g"), field(11, one_float("x")), field(12, one_float("y")));
  return joined(whole_number(1, stamp.ir), field(7, graph), field(8, whole_number(2, stamp.opset)));
}

bool is_loaded(Ort::Env& env, const wire::OnnxReach& stamp) {
  const Bytes model = smallest_model(stamp);
  try {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
    const Ort::Session session(env, model.data(), model.size(), options);
    return true;
  } catch (const Ort::Exception&) {
    return false;
  }
}

// The last in a row that are loaded; 0 when the first is not.
std::uint32_t highest(Ort::Env& env, wire::OnnxReach stamp, std::uint32_t wire::OnnxReach::*part) {
  std::uint32_t last = 0;
  for (; stamp.*part <= tried_at_most && is_loaded(env, stamp); ++(stamp.*part)) last = stamp.*part;
  return last;
}

}  // namespace

Result<wire::OnnxReach> reach_of_engine() {
  Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "argosy-runner");
  const wire::OnnxReach lowest{first_opset, first_ir};
  const wire::OnnxReach reach{highest(env, lowest, &wire::OnnxReach::opset),
                              highest(env, lowest, &wire::OnnxReach::ir)};
  if (reach.opset == 0 || reach.ir == 0)
    return make_error(Errc::incompatible, "ONNX Runtime loads not even the smallest model of opset " +
                                              std::to_string(first_opset) + " and IR " + std::to_string(first_ir));
  return reach;
}

}  // namespace argosy::agent
