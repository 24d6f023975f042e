// What numbers would cost, coded one way or another, before it is decided. One thread; 1.3 MiB.
#pragma once

#include "common/delta/number_coder.hpp"
#include "common/delta/residual_statistics.hpp"

namespace argosy::tensor {

class Trial {
 public:
  // Bits for `fresh`, with frequencies made for it alone. Whole numbers; `old` as NumberCoder wants it.
  double bits(Element element, residual::Mode mode, ByteView old, ByteView fresh) {
    double raw = 0;
    statistics_.clear();
    NumberCoder().code(element, mode, old, fresh,
                       [&](std::size_t family, int context, const residual::Coded& coded, std::size_t) {
                         statistics_.add(family, context, coded.symbol);
                         raw += coded.raw_bits;
                       });
    double bits = raw;
    for (const std::size_t family : statistics_.used_families())
      bits += statistics_.bits(family) + bits_to_learn(statistics_.distinct(family));
    return bits;
  }

 private:
  // A few numbers always seem cheap by frequencies of their own, which the tables have to hold; many share their tables
  // with others.
  static double bits_to_learn(double distinct) {
    return 7 * std::min(distinct, 128.0) + 3 * std::clamp(distinct - 128, 0.0, 384.0);
  }

  Statistics statistics_;
};

}  // namespace argosy::tensor
