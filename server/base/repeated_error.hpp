// Logs the errors of something that is tried again and again: each when it is new, and then once a minute. On one
// thread. Remembers the last few texts, so that two errors that take turns do not fill the log either.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

#include "common/base/error.hpp"

namespace argosy::server {

class RepeatedError {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kept = 8;
  static constexpr std::chrono::minutes repeat_after{1};

  explicit RepeatedError(std::string name) : name_(std::move(name)) {}
  void report(const Error& error);
  void clear();  // it worked
  // Whether this text is to be said now; remembers it if so.
  bool is_news(const std::string& message, Clock::time_point now);

 private:
  struct Said {
    std::string message;
    Clock::time_point at;
  };
  std::string name_;
  std::deque<Said> said_;
};

}  // namespace argosy::server
