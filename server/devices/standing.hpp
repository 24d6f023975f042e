// What is known of devices that ask again and again: which certificate is theirs, and how new what they should run is.
// So a poll with nothing to tell needs no query. Memory of one instance, on its I/O thread, at most `limit` devices.
//
// Why it is right: the database tells every instance of each change when it commits (trigger devices_standing, channel
// argosy_devices), and what is kept counts only for a second after the last proof that the news are complete. So a
// revocation holds on every instance within that second, with the connection for the news lost as well: then nothing is
// kept, and every request asks the database. On the instance that made the change it holds at once (forget()).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/crypto/digest.hpp"

namespace argosy::server {

struct Standing {
  Digest certificate;  // SHA-256 of its DER form
  std::int64_t desired_rev = 0;
};

class Standings {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Options {
    std::size_t limit = 200'000;
    std::chrono::milliseconds trust{1000};
  };
  Standings() : Standings(Options{}) {}
  explicit Standings(Options options) : options_(options) {}

  // Nothing when it is not known, or not surely.
  std::optional<Standing> find(std::string_view device, Time now) const;

  // Around a reading of the database: what is read while the device changes is not kept.
  void begin_reading(const std::string& device);
  void end_reading(const std::string& device, std::optional<Standing> read);

  void forget(const std::string& device);
  void forget_all();
  // Everything that was committed before is forgotten where it had to be.
  void complete_until(Time time) { complete_until_ = std::max(complete_until_, time); }

  std::size_t size() const { return known_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Reading {
    int readers = 0;
    bool is_overtaken = false;
  };
  Options options_;
  Time complete_until_{};
  std::unordered_map<std::string, Standing, Hash, std::equal_to<>> known_;
  std::unordered_map<std::string, Reading> readings_;  // as many as there are requests under way
};

}  // namespace argosy::server
