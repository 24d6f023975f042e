// 8-bit weights of a compact release: kept on the scales that the base has, and at its
// numbers, where they are near. Pure.
#pragma once

#include "common/compact/compact_model.hpp"
#include "common/compact/onnx_scales.hpp"

namespace argosy {

void add_error(CompactTensor& tensor, double old, double exact, double compact);

// Writes numbers and scales into `file`, which has the exact ones: each channel on the old scale or on the new one,
// whichever moves fewer numbers. A number keeps its old value while that is near enough: half a step of the scale at 7
// bits, which is no more than rounding, one at 4, one and a half at 2.
CompactTensor compact_int8(const TensorExtent& extent, const Int8Scales& scales, ByteView old, ByteView exact, int bits,
                           std::span<std::uint8_t> file);

}  // namespace argosy
