// How new a model in ONNX may be for this engine: tried out, as ONNX Runtime does not tell. Takes some milliseconds.
#pragma once

#include "common/base/error.hpp"
#include "common/wire/inventory.hpp"

namespace argosy::agent {

// The highest opset and the highest IR version of a model that is loaded. Errc::incompatible when none is.
Result<wire::OnnxReach> reach_of_engine();

}  // namespace argosy::agent
