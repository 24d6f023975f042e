#include "common/stats/hourly_usual.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include "common/base/varint.hpp"

namespace argosy {

namespace {

constexpr double ln_step = 0.005;         // half a percent
constexpr std::uint64_t firm_values = 3;  // an hour of fewer may be one stall
constexpr std::size_t loose_days = 3;     // so many of those are as good as a firm one
constexpr Duration nearby{40 * 60'000};   // what belongs to the hour before, or after, as well
constexpr std::uint64_t first_distances = 20;
constexpr double median_by_mean = 0.845;      // of the distances of what is normal
constexpr double slowest_learning = 0.003;    // of the deviation
constexpr double smallest_deviation = 0.001;  // below it nobody can tell

constexpr Duration an_hour{3'600'000};

// Of a day as cells are by: from Thursday on.
bool is_weekend(std::size_t day) {
  return day == 2 || day == 3;
}

std::int64_t hour_of(Instant at) {
  return std::chrono::floor<std::chrono::hours>(at).time_since_epoch().count();
}

void put_exact(Bytes& out, double number) {
  for (auto bits = std::bit_cast<std::uint64_t>(number), left = std::uint64_t{8}; left > 0; bits >>= 8, --left)
    out.push_back(static_cast<std::uint8_t>(bits));
}

std::optional<double> take_exact(ByteView& bytes) {
  if (bytes.size() < 8) return std::nullopt;
  std::uint64_t bits = 0;
  for (unsigned place = 0; place < 8; ++place) bits |= std::uint64_t{bytes[place]} << (8 * place);
  bytes = bytes.subspan(8);
  const auto number = std::bit_cast<double>(bits);
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

void HourlyUsual::learn(Instant at, double ln_value) {
  const auto hour = hour_of(at);
  if (hour < hour_ || !std::isfinite(ln_value)) return;
  const auto usual = of_hour(hour);
  if (hour != hour_) {
    close_hour();
    hour_ = hour;
  }
  const double expected = usual ? *usual : values_ > 0 ? ln_sum_ / static_cast<double>(values_) : ln_value;
  ln_sum_ += ln_value;
  ++values_;
  learn_distance(std::abs(ln_value - expected));
}

// From the mean of the first ones on, a step towards each, whatever its size: that comes to rest where as many are
// above as below.
void HourlyUsual::learn_distance(double distance) {
  const double rate = std::max(1.0 / static_cast<double>(++learned_), slowest_learning);
  if (learned_ <= first_distances)
    ln_deviation_ += rate * (median_by_mean * distance - ln_deviation_);
  else
    ln_deviation_ *= distance > ln_deviation_ ? 1 + rate : 1 - rate;
  ln_deviation_ = std::max(ln_deviation_, smallest_deviation);
}

void HourlyUsual::close_hour() {
  if (hour_ < 0 || values_ == 0) return;
  const double steps = std::round(ln_sum_ / static_cast<double>(values_) / ln_step);
  auto& closed = cells_[static_cast<std::size_t>(hour_) % cells_.size()];
  closed = {static_cast<std::int16_t>(std::clamp(steps, -32'000.0, 32'000.0)), values_ >= firm_values};
  ln_sum_ = 0;
  values_ = 0;
}

const HourlyUsual::Cell& HourlyUsual::cell(std::int64_t hour) const {
  return cells_[static_cast<std::size_t>(hour) % cells_.size()];
}

std::optional<double> HourlyUsual::of_hour(std::int64_t hour) const {
  if (hour < 0) return std::nullopt;
  std::array<double, days> known{};
  std::size_t count = 0;
  std::size_t days_known = 0;
  bool any_firm = false;
  const bool on_weekend = is_weekend(static_cast<std::size_t>(hour) / hours % days);
  for (std::size_t day = 0; day < days; ++day) {
    const auto& of_day = cells_[day * hours + static_cast<std::size_t>(hour) % hours];
    if (!of_day.is_known()) continue;
    ++days_known;
    any_firm = any_firm || of_day.is_firm;
    if (is_weekend(day) == on_weekend) known[count++] = of_day.steps * ln_step;
  }
  if (count == 0 || (!any_firm && days_known < loose_days)) return std::nullopt;
  std::sort(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(count));
  const double median = (known[(count - 1) / 2] + known[count / 2]) / 2;
  const auto& week_ago = cell(hour);
  const bool is_over = hour < hour_;  // then this is its own, and what is high now would make itself usual
  return !is_over && week_ago.is_known() && week_ago.is_firm ? std::max(median, week_ago.steps * ln_step) : median;
}

std::optional<double> HourlyUsual::ln_at(Instant at) const {
  auto usual = of_hour(hour_of(at));
  if (!usual) return std::nullopt;
  const Duration near = clocks_changed_lately(at) ? an_hour : nearby;
  for (const Instant neighbour : {at - near, at + near}) {
    if (hour_of(neighbour) == hour_of(at)) continue;
    if (const auto also = of_hour(hour_of(neighbour))) usual = std::max(*usual, *also);
  }
  return usual;
}

HourlyUsual::Running HourlyUsual::running(Instant at) const {
  if (values_ == 0) return {};
  return {ln_sum_ / static_cast<double>(values_), values_, hour_of(at) == hour_};
}

std::size_t HourlyUsual::hours_known() const {
  return static_cast<std::size_t>(
      std::count_if(cells_.begin(), cells_.end(), [](const Cell& each) { return each.is_known(); }));
}

std::optional<double> HourlyUsual::highest() const {
  const auto least_first = [](const Cell& a, const Cell& b) { return a.steps < b.steps; };
  const auto found = std::max_element(cells_.begin(), cells_.end(), least_first);  // unknown is under all
  return found->is_known() ? std::optional(found->steps * ln_step) : std::nullopt;
}

bool clocks_changed_lately(Instant at) {
  using namespace std::chrono;
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const bool may_have = date.month() == March || date.month() == April || date.month() >= October;
  if (!may_have || date.month() == December) return false;
  const year y = date.year();
  const sys_days changes[] = {y / March / Sunday[2],   y / March / Sunday[last],   y / April / Sunday[1],
                              y / October / Sunday[1], y / October / Sunday[last], y / November / Sunday[1]};
  // From the day before: the clocks of the east change while it is Saturday in UTC.
  return std::any_of(std::begin(changes), std::end(changes),
                     [day](sys_days change) { return day >= change - days{1} && day <= change + days{7}; });
}

// The running hour, then each cell: 0 unknown, else 1 + 2 * its distance from the one before (zigzag) + whether it is
// firm. Unknown ones at the end are left out.
Bytes HourlyUsual::pack() const {
  Bytes out;
  out.reserve(40 + cells_.size());
  put_varint(out, zigzag(hour_));
  put_varint(out, values_);
  put_varint(out, learned_);
  put_exact(out, ln_sum_);
  put_exact(out, ln_deviation_);
  auto end = cells_.size();
  while (end > 0 && !cells_[end - 1].is_known()) --end;
  int before = 0;
  for (std::size_t place = 0; place < end; ++place) {
    const auto& each = cells_[place];
    if (!each.is_known()) {
      put_varint(out, 0);
      continue;
    }
    put_varint(out, 1 + 2 * zigzag(each.steps - before) + (each.is_firm ? 1 : 0));
    before = each.steps;
  }
  return out;
}

HourlyUsual HourlyUsual::unpack(ByteView bytes) {
  HourlyUsual usual;
  const auto hour = take_varint(bytes);
  const auto values = take_varint(bytes);
  const auto learned = take_varint(bytes);
  const auto ln_sum = take_exact(bytes);
  const auto ln_deviation = take_exact(bytes);
  if (!hour || !values || !learned || !ln_sum || !ln_deviation) return usual;
  usual.hour_ = unzigzag(*hour);
  usual.values_ = *values;
  usual.learned_ = *learned;
  usual.ln_sum_ = *ln_sum;
  usual.ln_deviation_ = *ln_deviation;
  std::int64_t before = 0;
  for (std::size_t place = 0; place < usual.cells_.size() && !bytes.empty(); ++place) {
    const auto packed = take_varint(bytes);
    if (!packed) return usual;
    if (*packed == 0) continue;
    before += unzigzag((*packed - 1) / 2);
    if (before <= unknown || before > INT16_MAX) return usual;
    usual.cells_[place] = {static_cast<std::int16_t>(before), (*packed - 1) % 2 == 1};
  }
  return usual;
}

}  // namespace argosy
