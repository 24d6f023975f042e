// A quick look at a model file before it is published, by who publishes it and by the server: can these bytes be what
// their format says? It catches a truncated upload or the wrong file, in time proportional to the number of top-level
// fields; whether the model loads and is any good is the devices' validation. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/wire/inventory.hpp"

namespace argosy::wire {

// Errc::malformed_model with the byte offset. Knows "onnx" and "tflite"; any other format passes. What a model in ONNX
// asks of its engine; nothing for one that says none, and for other formats.
Result<std::optional<OnnxReach>> check_model_file(std::string_view format, ByteView file);

}  // namespace argosy::wire
