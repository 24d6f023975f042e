// A quick look at a model file before it is published: can these bytes be what their format says? It catches a
// truncated upload or the wrong file, in time proportional to the number of top-level fields; whether the model loads
// and is any good is the devices' validation. Pure.
#pragma once

#include <string_view>

#include "common/base/encoding.hpp"

namespace argosy::server {

// Errc::malformed_model with the byte offset. Knows "onnx" and "tflite"; any other format passes.
Result<void> check_model_file(std::string_view format, ByteView file);

}  // namespace argosy::server
