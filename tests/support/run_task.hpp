// Drives coroutines from a test: one thread, no sleeping, a deadline instead of a hang.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace argosy::test {

inline constexpr std::chrono::seconds task_deadline{30};

// Runs what is ready on `io` until `done()`; false when the deadline came first.
inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& done,
                      std::chrono::steady_clock::duration deadline = task_deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

// The value of a coroutine. Throws what it threw, or std::runtime_error after task_deadline.
template <class T>
T run_task(boost::asio::io_context& io, boost::asio::awaitable<T> task) {
  using Slot = std::conditional_t<std::is_void_v<T>, bool, std::optional<T>>;
  bool done = false;
  std::exception_ptr failure;
  Slot slot{};
  if constexpr (std::is_void_v<T>) {
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
      failure = error;
      done = true;
    });
  } else {
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      if (!error) slot.emplace(std::move(value));
      done = true;
    });
  }
  if (!run_until(io, [&] { return done; })) {
    // The coroutine still refers to this frame: there is no way on.
    ADD_FAILURE() << "the coroutine did not finish before the deadline";
    std::terminate();
  }
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) return std::move(*slot);
}

}  // namespace argosy::test
