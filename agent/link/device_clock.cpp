#include "agent/link/device_clock.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t max_floor_bytes = 64;

Duration since_boot() {
  timespec shown{};
  ::clock_gettime(CLOCK_BOOTTIME, &shown);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(shown.tv_sec) +
                                              std::chrono::nanoseconds(shown.tv_nsec));
}

Duration size_of(Duration difference) {
  return difference < Duration::zero() ? -difference : difference;
}

}  // namespace

ClockReading read_clocks() {
  return {wall_clock_now(), since_boot()};
}

DeviceClock::DeviceClock(Instant floor, std::function<ClockReading()> read) : read_(std::move(read)), floor_(floor) {
  const ClockReading start = read_();
  started_ = start.uptime;
  ageing_base_ = std::max(floor, start.board);
  base_ = ageing_base_;
}

Instant DeviceClock::now() const {
  return at(read_());
}

Instant DeviceClock::ageing() const {
  return ageing_base_ + (read_().uptime - started_);
}

Duration DeviceClock::board_ahead() const {
  const ClockReading reading = read_();
  return reading.board - at(reading);
}

std::optional<Instant> DeviceClock::worth_keeping() const {
  return known_ ? std::optional(now()) : std::nullopt;
}

void DeviceClock::set(const ClockReading& reading, Instant to) {
  const Duration by = to - at(reading);
  if (size_of(by) <= tolerance) return;
  base_ = base_.load() + by;
  if (hear_) hear_(by);
}

void DeviceClock::heard(Instant server_now) {
  known_ = true;
  set(read_(), server_now);
}

bool DeviceClock::proved(Instant at_least) {
  const ClockReading reading = read_();
  if (known_ || at_least <= at(reading)) return false;
  floor_ = at_least - (reading.uptime - started_);
  set(reading, at_least);
  return true;
}

void DeviceClock::look() {
  if (known_) return;
  const ClockReading reading = read_();
  set(reading, std::max(floor_ + (reading.uptime - started_), reading.board));
}

std::string DeviceClock::fault() const {
  const ClockReading reading = read_();
  const Instant shown = at(reading);
  if (size_of(reading.board - shown) <= worth_saying) return {};
  const std::string board = "the board's clock says " + to_rfc3339(reading.board);
  if (known_) return board + ", the server's " + to_rfc3339(shown) + ": everything here goes by the server's";
  return board + ", and it is " + to_rfc3339(shown) + " at least; no server has told the time yet";
}

Instant load_floor(const std::filesystem::path& file) {
  const auto text = read_file(file, max_floor_bytes);
  const auto known = text ? parse_rfc3339(*text) : Result<Instant>(text.error());
  return known ? *known : Instant{};
}

Result<void> keep_floor(const std::filesystem::path& file, Instant known) {
  return write_file_atomically(file, to_rfc3339(known));
}

}  // namespace argosy::agent
