#include "common/base/random.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <sys/random.h>

namespace argosy {

namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

__extension__ using Wide = unsigned __int128;

std::uint64_t rotate_left(std::uint64_t x, int k) {
  return x << k | x >> (64 - k);
}

}  // namespace

Rng::Rng(std::uint64_t seed) {
  for (auto& word : state_) word = splitmix64(seed);
}

Rng::result_type Rng::operator()() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Rng::uniform() {
  return static_cast<double>((*this)() >> 11) * 0x1.0p-53;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  return static_cast<std::uint64_t>(static_cast<Wide>((*this)()) * bound >> 64);
}

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t stable_hash(std::uint64_t seed, std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3ULL;
  }
  return splitmix64(hash);
}

Bytes secure_random(std::size_t size) {
  Bytes bytes(size);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = getrandom(bytes.data() + filled, size - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error("getrandom failed: the system gives no entropy");
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

Duration full_jitter(Duration base, Duration cap, int attempt, Rng& rng) {
  const int doublings = std::clamp(attempt, 0, 30);
  const bool capped = base.count() > cap.count() >> doublings;  // so that the shift cannot overflow
  const auto ceiling = capped ? cap.count() : base.count() << doublings;
  return Duration{static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling, 1))))};
}

}  // namespace argosy
