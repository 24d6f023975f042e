#include "common/stats/log_histogram.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace argosy {

namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint64_t count_limit = 1ULL << 62;

const double ln_gamma = std::log((1 + LogHistogram::relative_error) / (1 - LogHistogram::relative_error));

int index_of(double value) {
  return static_cast<int>(std::ceil(std::log(value) / ln_gamma));
}

const int lowest_index = index_of(LogHistogram::smallest);
const int highest_index = index_of(LogHistogram::largest);

// The value whose distance to both ends of the bucket is the same share of that end.
double value_of(int index) {
  return std::exp(index * ln_gamma) * (1 - LogHistogram::relative_error);
}

std::uint64_t add_up_to_limit(std::uint64_t a, std::uint64_t b) {
  return std::min(count_limit, a + std::min(b, count_limit));
}

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

Error corrupt(const char* reason) {
  return make_error(Errc::corrupt, std::string("not a latency histogram: ") + reason);
}

Result<std::uint64_t> take_varint(ByteView& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (bytes.empty()) return corrupt("it is cut short");
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && shift > 0) return corrupt("a number is longer than it needs to be");
    return value;
  }
  return corrupt("a number is over 63 bits");
}

std::uint64_t zigzag(int value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 31);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace

void LogHistogram::add(double value, std::uint64_t times) {
  if (std::isnan(value) || times == 0) return;
  count_ = add_up_to_limit(count_, times);
  auto& bucket = value < smallest ? zeros_ : buckets_[index_of(std::min(value, largest))];
  bucket = add_up_to_limit(bucket, times);
}

void LogHistogram::merge(const LogHistogram& other) {
  count_ = add_up_to_limit(count_, other.count_);
  zeros_ = add_up_to_limit(zeros_, other.zeros_);
  for (const auto& [index, count] : other.buckets_) {
    auto& bucket = buckets_[index];
    bucket = add_up_to_limit(bucket, count);
  }
}

std::optional<double> LogHistogram::quantile(double q) const {
  if (empty()) return std::nullopt;
  const auto rank = static_cast<std::uint64_t>(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1));
  std::uint64_t below = zeros_;
  if (rank < below) return 0.0;
  for (const auto& [index, count] : buckets_) {
    below = add_up_to_limit(below, count);
    if (rank < below) return value_of(index);
  }
  return buckets_.empty() ? 0.0 : value_of(buckets_.rbegin()->first);
}

std::optional<double> LogHistogram::smooth_quantile(double q) const {
  if (empty()) return std::nullopt;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1) + 0.5;  // values end at whole numbers
  auto below = static_cast<double>(zeros_);
  if (rank < below || buckets_.empty()) return 0.0;
  for (const auto& [index, count] : buckets_) {
    const auto here = static_cast<double>(count);
    if (rank < below + here) return std::exp((index - 1 + (rank - below) / here) * ln_gamma);
    below += here;
  }
  return std::exp(buckets_.rbegin()->first * ln_gamma);
}

std::optional<double> LogHistogram::mean() const {
  if (empty()) return std::nullopt;
  double sum = 0;
  for (const auto& [index, count] : buckets_) sum += value_of(index) * static_cast<double>(count);
  return sum / static_cast<double>(count_);
}

Bytes LogHistogram::encode() const {
  Bytes out{format};
  put_varint(out, zeros_);
  put_varint(out, buckets_.size());
  std::optional<int> previous;
  for (const auto& [index, count] : buckets_) {
    put_varint(out, previous ? static_cast<std::uint64_t>(index - *previous - 1) : zigzag(index));
    put_varint(out, count);
    previous = index;
  }
  return out;
}

Result<LogHistogram> LogHistogram::decode(ByteView bytes) {
  if (bytes.size() > encoded_limit) return corrupt("it is over 32768 bytes");
  if (bytes.empty() || bytes.front() != format) return corrupt("its format is unknown (the first byte must be 1)");
  bytes = bytes.subspan(1);
  LogHistogram histogram;
  ARGOSY_TRY(histogram.zeros_, take_varint(bytes));
  ARGOSY_TRY(const auto buckets, take_varint(bytes));
  if (histogram.zeros_ > count_limit) return corrupt("its counts are too large");
  histogram.count_ = histogram.zeros_;
  std::int64_t index = 0;
  for (std::uint64_t i = 0; i < buckets; ++i) {
    ARGOSY_TRY(const auto step, take_varint(bytes));
    ARGOSY_TRY(const auto count, take_varint(bytes));
    if (i > 0 && step > 1U << 16) return corrupt("a bucket is out of range");
    index = i == 0 ? unzigzag(step) : index + static_cast<std::int64_t>(step) + 1;
    if (index < lowest_index || index > highest_index) return corrupt("a bucket is out of range");
    if (count == 0) return corrupt("a bucket is empty");
    histogram.buckets_.emplace_hint(histogram.buckets_.end(), static_cast<int>(index), count);
    if (count > count_limit || histogram.count_ > count_limit - count) return corrupt("its counts are too large");
    histogram.count_ += count;
  }
  if (!bytes.empty()) return corrupt("bytes follow its end");
  return histogram;
}

}  // namespace argosy
