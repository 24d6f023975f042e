// The chain over the audit log: a row's hash covers the row and the hash before it, so that whatever is touched,
// removed or put in between later does not fit what follows. Pure. What this cannot see, a head that was noted
// elsewhere can: the end cut off, or the whole chain made anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/crypto/digest.hpp"

namespace argosy::server {

struct SealedRow {
  std::int64_t seal = 0;  // 1, 2, 3, ...
  std::int64_t id = 0;
  std::int64_t at_us = 0;  // since 1970
  std::int64_t sealed_at_us = 0;
  std::string actor{}, action{}, object{}, address{};
  std::string details{};  // as PostgreSQL renders its jsonb
  Digest hash{};
};

struct ChainHead {
  std::int64_t seal = 0;
  Digest hash{};
};

// Before the first row.
ChainHead genesis();
Digest seal_hash(const Digest& previous, const SealedRow& row);

struct ChainFault {
  std::int64_t row_id = 0;  // 0: it is not there any more
  std::int64_t seal = 0;
  std::string what;  // a sentence
};

class ChainWalk {
 public:
  explicit ChainWalk(ChainHead start) : head_(start) {}
  // The next row in order of its seal; what is wrong with it.
  std::optional<ChainFault> take(const SealedRow& row);
  const ChainHead& head() const { return head_; }

 private:
  ChainHead head_;
  std::int64_t newest_us_ = 0;
};

// A line of the archive, and back.
std::string to_archive_line(const SealedRow& row);
Result<SealedRow> from_archive_line(const std::string& line);

}  // namespace argosy::server
