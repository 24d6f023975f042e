// Makes rounds of loops out of methods: `loops.add({...}, round_of<&DriftService::tick>(drift))`. Knows no domain word.
// On the executor's thread of the loop.
#pragma once

#include <type_traits>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

namespace detail {

template <class T>
Task<Result<void>> without_value(Task<Result<T>> task) {
  ARGOSY_CO_CHECK(co_await std::move(task));
  co_return Result<void>{};
}

}  // namespace detail

// Calls `method` of `part`, with the time of the round or without; what it answers beside an error is of no interest.
// The part must outlive the rounds.
template <auto method, class Part>
Loop::Round round_of(Part& part) {
  return [&part](Instant now) {
    if constexpr (std::is_invocable_v<decltype(method), Part&, Instant>) {
      return detail::without_value((part.*method)(now));
    } else {
      return detail::without_value((part.*method)());
    }
  };
}

}  // namespace argosy::server
