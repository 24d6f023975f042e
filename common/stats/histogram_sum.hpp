// The sum of many histograms whose values lie near one another. Each bucket has its place, so adding one costs what is
// in that one, and nothing for what is in the sum. Pure; one owner at a time; at most 14 KB.
#pragma once

#include <cstdint>
#include <vector>

#include "common/stats/log_histogram.hpp"

namespace argosy {

class HistogramSum {
 public:
  void add(const LogHistogram& histogram);
  void add(const HistogramSum& other);
  LogHistogram total() const;

 private:
  void reach(int first, int last);

  std::uint64_t zeros_ = 0;
  int first_ = 0;                      // the bucket that counts_ begins with
  std::vector<std::uint64_t> counts_;  // from bucket to bucket
};

}  // namespace argosy
