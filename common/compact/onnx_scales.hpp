// Which 8-bit weights of an ONNX model stand for real numbers by scales of their own, in both versions of it: those of
// DequantizeLinear, QLinearConv and QLinearMatMul. Pure. A scale that serves anything else, or a bias that is quantised
// along with it, has to stay: runtimes fuse such nodes by rules of their own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"

namespace argosy {

struct Int8Scales {
  std::vector<float> old_scales, new_scales;  // one for the tensor, or one a channel
  std::vector<int> zero_points;               // as many; the same in both versions
  std::uint64_t new_offset = 0;               // where the new scales lie in the exact file
  std::size_t axis = 0;                       // along which channels are counted
  bool has_sign = true;
  bool is_bound = false;  // the new scales have to stay
};

// By the name of the weights. Empty for what is no ONNX model.
std::map<std::string, Int8Scales, std::less<>> find_int8_tensors(ByteView base, ByteView exact);

}  // namespace argosy
