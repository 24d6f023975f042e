// A histogram of positive values (latencies in milliseconds) whose quantiles are within 1 % of the true ones. Sparse,
// mergeable without loss, some hundred bytes when encoded. Pure; one owner at a time.
// Mapping: C. Masson, J. Rim, H. Lee, "DDSketch", VLDB 2019: bucket i holds (g^(i-1), g^i] with g = 1.01 / 0.99.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy {

class LogHistogram {
 public:
  static constexpr double relative_error = 0.01;
  static constexpr double smallest = 1e-6;  // anything under it, zero and negative values too, counts as zero
  static constexpr double largest = 1e9;    // anything over it counts as this
  static constexpr std::size_t encoded_limit = 32768;       // bytes; more is refused by decode()
  static constexpr std::uint64_t count_limit = 1ULL << 62;  // no count grows over it

  void add(double value, std::uint64_t times = 1);  // NaN is not counted
  void merge(const LogHistogram& other);

  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  // The value at rank floor(q * (count - 1)) of the sorted values, within 1 %; nothing when empty. q in [0, 1].
  std::optional<double> quantile(double q) const;
  // The value at the nearest rank, from where in its bucket that lies, were the bucket's values spread evenly: within 2
  // %, and it moves as the values move. Where figures are compared, buckets must not make equal what is not.
  std::optional<double> smooth_quantile(double q) const;
  std::optional<double> mean() const;  // within 1 %
  // How many values lie up to each of the rising bounds and over the one before, and last how many over all of them; a
  // value within 2 % of a bound may count on its other side.
  std::vector<std::uint64_t> counts_by(std::span<const double> bounds) const;

  // Byte 1 (the format), then varints (LEB128): zeros, buckets, and per bucket in ascending order the index (the first
  // zigzag, then the gap to the one before, less 1) and its count.
  Bytes encode() const;
  // The same in two thirds of the bytes, for what is kept and never sent. Byte 2, then varints: zeros, runs, and per
  // run of neighbouring buckets its first index (zigzag, then the gap to the end of the run before, less 1), its length
  // less 1, and the counts. Runs end where a bucket is missing.
  Bytes encode_runs() const;
  // Errc::corrupt with the reason; accepts exactly what the two above write.
  static Result<LogHistogram> decode(ByteView bytes);

  friend bool operator==(const LogHistogram&, const LogHistogram&) = default;

 private:
  friend class HistogramSum;
  using Bucket = std::pair<int, std::uint64_t>;  // index, how many
  using Buckets = std::vector<Bucket>;           // by index

  std::uint64_t& bucket_at(int index);

  bool add_in_place(const Buckets& more);

  std::uint64_t zeros_ = 0;
  std::uint64_t count_ = 0;  // zeros included
  Buckets buckets_;
};

}  // namespace argosy
