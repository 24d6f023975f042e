// What one who judges remembers of a (device, model) while it is in memory: the part that the list of due pairs knows
// of. Each judge has a kind of its own. Pure; owned by the list, touched on the I/O thread alone.
#pragma once

#include <compare>
#include <cstddef>
#include <string>

#include "common/base/instant.hpp"

namespace argosy::server {

struct WatchedPair {
  std::string device;
  std::string model;
  friend auto operator<=>(const WatchedPair&, const WatchedPair&) = default;
};

class PairMemory {
 public:
  static constexpr Instant never = Instant::min();

  virtual ~PairMemory() = default;
  virtual std::size_t bytes() const = 0;  // about

  bool is_sure = true;    // it has heard of every window that is stored; else the database has to be asked
  bool is_dirty = false;  // it has learned since it was written
  Instant write_at{};     // once it is dirty, it is written in its turn after this

 private:
  friend class WatchList;
  friend class RecencyLine;
  const WatchedPair* pair_ = nullptr;
  PairMemory* older_ = nullptr;  // in the order in which they were heard of
  PairMemory* newer_ = nullptr;
  std::size_t counted_ = 0;  // bytes, in the list's sum
};

}  // namespace argosy::server
