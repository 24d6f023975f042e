// Writing and reading the values in which telemetry is stored, made of varints and blocks. Pure; for the formats of
// this folder.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/base/varint.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::server {

inline void put_signed(Bytes& out, Duration value) {
  put_varint(out, zigzag(value.count()));
}

inline void put_block(Bytes& out, ByteView bytes) {
  put_varint(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// In ascending order: the first label as zigzag, then the gap less 1.
void put_classes(Bytes& out, const wire::Classes& classes);

// What is left to read of a value. After the first fault it gives noughts alone, and finish() says what was wrong.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    const auto value = take_varint(bytes_);
    if (!value) fail("a number is cut short, or not written as it should be");
    return value.value_or(0);
  }
  Duration signed_ms() { return within_reach(Duration{unzigzag(number())}); }
  Duration length_ms() { return within_reach(Duration{static_cast<std::int64_t>(number())}); }
  // A fault unless it can be the time between two times of the years 1970 to 9999.
  Duration within_reach(Duration time) {
    constexpr Duration longest{1'000'000'000'000'000};
    if (time >= -longest && time <= longest) return time;
    fail("a time is out of range");
    return Duration{0};
  }
  // Of things that take a byte or more each, so that no more is made room for than can come.
  std::size_t size() { return size_up_to(bytes_.size()); }
  std::size_t size_up_to(std::size_t limit) {
    const auto value = number();
    if (value <= limit) return static_cast<std::size_t>(value);
    fail("it is cut short, or holds too much");
    return 0;
  }
  ByteView bytes(std::size_t length) {
    if (length > bytes_.size()) fail("it is cut short");
    const auto taken = bytes_.first(has_failed() ? 0 : length);
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  ByteView block() { return bytes(size()); }
  wire::Classes classes();
  template <class T>
  T decoded(Result<T> value) {
    if (value) return std::move(*value);
    fail(value.error().message);
    return T{};
  }

  void fail(std::string why) {
    if (fault_.empty()) fault_ = std::move(why);
    bytes_ = {};
  }
  std::size_t left() const { return bytes_.size(); }
  bool has_failed() const { return !fault_.empty(); }
  // Errc::corrupt when something was wrong so far; `what` names the value in the message.
  Result<void> check(const char* what) const {
    if (has_failed()) return make_error(Errc::corrupt, std::string("not ") + what + ": " + fault_);
    return {};
  }
  // Likewise, and when bytes are left.
  Result<void> finish(const char* what) {
    if (!bytes_.empty()) fail("bytes follow its end");
    return check(what);
  }

 private:
  ByteView bytes_;
  std::string fault_;
};

}  // namespace argosy::server
