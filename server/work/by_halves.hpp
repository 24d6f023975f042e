// Finds the one that spoils it for the others: many are tried together, and what fails together is tried in halves
// until the one at fault is alone, at about 2 * log2(n) more tries for each. An error that is everybody's ends it: what
// was not taken by then gets that error, and can be tried again later. Knows no domain word; on the caller's thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

// The database is not there or has no time: every half would fail as the whole did.
inline bool is_for_all(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::out_of_space || code == Errc::cancelled;
}

// `Take` is a named functor: (std::vector<Item>) -> awaitable<Result<std::vector<Value>>>, all or nothing, one value an
// item. At most `most_faults` are looked for; where there are more,
// the fault is not in the items, and the rest gets Errc::unavailable. One result an item, in order.
template <class Value, class Item, class Take>
boost::asio::awaitable<std::vector<Result<Value>>> take_by_halves(std::vector<Item> items, Take take,
                                                                  std::size_t most_faults = 16) {
  using Range = std::pair<std::size_t, std::size_t>;
  std::vector<Result<Value>> results(items.size(), make_error(Errc::unavailable, "it was not tried"));
  std::vector<Range> ranges;  // the next one last
  if (!items.empty()) ranges.emplace_back(0, items.size());
  std::size_t faults = 0;
  while (!ranges.empty()) {
    const auto [begin, end] = ranges.back();
    ranges.pop_back();
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to = items.begin() + static_cast<std::ptrdiff_t>(end);
    auto taken = co_await take(std::vector<Item>(from, to));
    if (taken) {
      for (std::size_t i = begin; i < end; ++i) results[i] = std::move((*taken)[i - begin]);
    } else if (is_for_all(taken.error().code)) {
      ranges.emplace_back(begin, end);
      for (const auto& [first, last] : ranges)
        for (std::size_t i = first; i < last; ++i) results[i] = taken.error();
      co_return results;
    } else if (end - begin == 1) {
      results[begin] = taken.error();
      if (++faults == most_faults) break;
    } else {
      const std::size_t middle = begin + (end - begin) / 2;
      ranges.emplace_back(middle, end);
      ranges.emplace_back(begin, middle);
    }
  }
  for (const auto& [first, last] : ranges)
    for (std::size_t i = first; i < last; ++i)
      results[i] = make_error(Errc::unavailable, "many others were refused; it is tried again");
  co_return results;
}

}  // namespace argosy::server
