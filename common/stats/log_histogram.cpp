#include "common/stats/log_histogram.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "common/base/varint.hpp"

namespace argosy {

namespace {

constexpr std::uint8_t format_of_buckets = 1;
constexpr std::uint8_t format_of_runs = 2;
constexpr std::uint64_t largest_gap = 1U << 16;  // buckets between two; more is refused before it is reckoned with

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
  return std::min(LogHistogram::count_limit, a + std::min(b, LogHistogram::count_limit));
}

Error corrupt(const char* reason) {
  return make_error(Errc::corrupt, std::string("not a latency histogram: ") + reason);
}

// Varints one after the other. After the first fault it gives noughts alone.
class Numbers {
 public:
  explicit Numbers(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t next() {
    // Nearly all are of one byte or two.
    if (!bytes_.empty() && bytes_[0] < 0x80) {
      const std::uint64_t number = bytes_[0];
      bytes_ = bytes_.subspan(1);
      return number;
    }
    if (bytes_.size() > 1 && bytes_[1] < 0x80 && bytes_[1] > 0) {
      const std::uint64_t number = (bytes_[0] & 0x7FU) | std::uint64_t{bytes_[1]} << 7;
      bytes_ = bytes_.subspan(2);
      return number;
    }
    const auto number = take_varint(bytes_);
    if (!number) fail("a number is cut short, over 63 bits, or longer than it needs to be");
    return number.value_or(0);
  }
  std::size_t left() const { return bytes_.size(); }
  void fail(const char* reason) {
    if (!fault_) fault_ = reason;
    bytes_ = {};
  }
  const char* fault() const { return fault_; }

 private:
  ByteView bytes_;
  const char* fault_ = nullptr;
};

// The index of a bucket, or of the first of a run: `after` the one before, or its end, comes a gap.
std::int64_t take_index(Numbers& in, bool is_first, std::int64_t after) {
  const auto step = in.next();
  if (is_first) return unzigzag(step);
  if (step > largest_gap) in.fail("a bucket is out of range");
  return after + static_cast<std::int64_t>(std::min(step, largest_gap)) + 1;
}

}  // namespace

std::uint64_t& LogHistogram::bucket_at(int index) {
  const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), index,
                                   [](const Bucket& bucket, int wanted) { return bucket.first < wanted; });
  if (at != buckets_.end() && at->first == index) return at->second;
  return buckets_.insert(at, {index, 0})->second;
}

void LogHistogram::add(double value, std::uint64_t times) {
  if (std::isnan(value) || times == 0) return;
  count_ = add_up_to_limit(count_, times);
  auto& bucket = value < smallest ? zeros_ : bucket_at(index_of(std::min(value, largest)));
  bucket = add_up_to_limit(bucket, times);
}

// Where there are no gaps and nothing lies beyond the ends, each bucket is found by its index.
bool LogHistogram::add_in_place(const Buckets& more) {
  if (more.empty()) return true;
  if (buckets_.empty()) return false;
  const int first = buckets_.front().first, last = buckets_.back().first;
  const bool has_gaps = buckets_.size() != static_cast<std::size_t>(last - first) + 1;
  if (has_gaps || more.front().first < first || more.back().first > last) return false;
  for (const auto& [index, count] : more) {
    auto& mine = buckets_[static_cast<std::size_t>(index - first)].second;
    mine = add_up_to_limit(mine, count);
  }
  return true;
}

void LogHistogram::merge(const LogHistogram& other) {
  count_ = add_up_to_limit(count_, other.count_);
  zeros_ = add_up_to_limit(zeros_, other.zeros_);
  if (add_in_place(other.buckets_)) return;
  Buckets merged;
  merged.reserve(buckets_.size() + other.buckets_.size());
  auto mine = buckets_.begin();
  for (const auto& [index, count] : other.buckets_) {
    while (mine != buckets_.end() && mine->first < index) merged.push_back(*mine++);
    const bool is_shared = mine != buckets_.end() && mine->first == index;
    merged.emplace_back(index, is_shared ? add_up_to_limit((mine++)->second, count) : count);
  }
  merged.insert(merged.end(), mine, buckets_.end());
  buckets_ = std::move(merged);
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
  return buckets_.empty() ? 0.0 : value_of(buckets_.back().first);
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
  return std::exp(buckets_.back().first * ln_gamma);
}

std::optional<double> LogHistogram::mean() const {
  if (empty()) return std::nullopt;
  double sum = 0;
  for (const auto& [index, count] : buckets_) sum += value_of(index) * static_cast<double>(count);
  return sum / static_cast<double>(count_);
}

std::vector<std::uint64_t> LogHistogram::counts_by(std::span<const double> bounds) const {
  std::vector<std::uint64_t> counts(bounds.size() + 1);
  counts.front() = zeros_;
  std::size_t at = 0;
  int last = bounds.empty() ? 0 : index_of(bounds[0]);
  for (const auto& [index, count] : buckets_) {
    while (at < bounds.size() && index > last) {
      if (++at < bounds.size()) last = index_of(bounds[at]);
    }
    counts[at] = add_up_to_limit(counts[at], count);
  }
  return counts;
}

Bytes LogHistogram::encode() const {
  Bytes out{format_of_buckets};
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

Bytes LogHistogram::encode_runs() const {
  const auto ends_run = [](const Bucket& left, const Bucket& right) { return right.first != left.first + 1; };
  Bytes out{format_of_runs};
  out.reserve(16 + 2 * buckets_.size());
  std::size_t runs = buckets_.empty() ? 0 : 1;
  for (std::size_t i = 1; i < buckets_.size(); ++i) runs += ends_run(buckets_[i - 1], buckets_[i]) ? 1 : 0;
  put_varint(out, zeros_);
  put_varint(out, runs);
  for (auto first = buckets_.begin(); first != buckets_.end();) {
    auto last = std::adjacent_find(first, buckets_.end(), ends_run);
    const auto end = last == buckets_.end() ? last : std::next(last);
    const bool is_first_run = first == buckets_.begin();
    put_varint(out, is_first_run ? zigzag(first->first)
                                 : static_cast<std::uint64_t>(first->first - std::prev(first)->first - 2));
    put_varint(out, static_cast<std::uint64_t>(end - first - 1));
    for (; first != end; ++first) put_varint(out, first->second);
  }
  return out;
}

Result<LogHistogram> LogHistogram::decode(ByteView bytes) {
  if (bytes.size() > encoded_limit) return corrupt("it is over 32768 bytes");
  const auto format = bytes.empty() ? std::uint8_t{0} : bytes.front();
  if (format != format_of_buckets && format != format_of_runs)
    return corrupt("its format is unknown (the first byte must be 1 or 2)");
  Numbers in(bytes.subspan(1));
  LogHistogram histogram;
  histogram.count_ = histogram.zeros_ = in.next();
  if (histogram.zeros_ > count_limit) return corrupt("its counts are too large");
  // A lone bucket is a run of one, which does not tell its length.
  const auto runs = in.next();
  histogram.buckets_.reserve(in.left() / 2 + 8);  // most counts are of one byte or two
  std::int64_t index = 0;
  for (std::uint64_t run = 0; run < runs && !in.fault(); ++run) {
    index = take_index(in, run == 0, index);
    const auto length = format == format_of_runs ? in.next() + 1 : 1;
    if (length > in.left()) in.fail("it is cut short");
    if (index < lowest_index || index > highest_index - static_cast<std::int64_t>(length) + 1)
      in.fail("a bucket is out of range");
    if (in.fault()) break;
    for (const auto end = index + static_cast<std::int64_t>(length); index < end; ++index) {
      const auto count = in.next();
      if (count == 0 || count > count_limit - histogram.count_) {
        in.fail(count == 0 ? "a bucket is empty" : "its counts are too large");
        break;
      }
      histogram.buckets_.emplace_back(static_cast<int>(index), count);
      histogram.count_ += count;
    }
    if (format == format_of_buckets) --index;
  }
  if (in.left() > 0) in.fail("bytes follow its end");
  if (in.fault()) return corrupt(in.fault());
  return histogram;
}

}  // namespace argosy
