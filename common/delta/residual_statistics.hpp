// How often each symbol came in each context, and from that the frequency tables of a patch: contexts that are alike
// share one, so that tables cost less than they save. One thread; 0.9 MiB.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

using Counts = std::array<std::uint32_t, residual::symbols>;

// Bits that an ideal coder with these counts' own frequencies takes for them.
double entropy_bits(const Counts& counts);

// Contexts that share a table.
struct Cluster {
  std::vector<std::size_t> contexts;
  Counts counts{};
  double bits = 0;  // with the table
};

class Statistics {
 public:
  Statistics() : counts_(residual::families * residual::contexts) {}
  void add(std::size_t family, int context, std::uint8_t symbol) {
    used_[family] = true;
    ++counts_[family * residual::contexts + static_cast<std::size_t>(context)][symbol];
  }
  void clear();
  std::vector<std::size_t> used_families() const;
  double bits(std::size_t family) const;
  // Symbols that occur, in each context anew.
  double distinct(std::size_t family) const;
  Models models() const;

 private:
  std::vector<Cluster> used_contexts(std::size_t family) const;
  std::vector<Counts> counts_;
  std::array<bool, residual::families> used_{};
};

}  // namespace argosy::tensor
