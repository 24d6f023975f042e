// Days of a device, model and version, one behind the other in two values: `entries` has what charts draw, `shapes` the
// features and classes of the same days in the same order. A day that windows came late for has several entries, which
// readers add up. Pure.
//
// An entry is the day as varint (days since 1970), and its figures as encode_figures writes them, as a block; in
// `entries` without features and classes, in `shapes` with nothing else.
#pragma once

#include <functional>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct DayEntries {
  Bytes entries;
  Bytes shapes;

  void add(const TakenWindow& day);  // a sum that starts at its day, not before 1970
};

// Each of them, with its start, its figures and no names. Of `shapes`, which may end some days before, features and
// classes. Errc::corrupt for what add() did not write; what came before the fault was visited.
Result<void> visit_days(ByteView entries, ByteView shapes, std::uint32_t parts,
                        const std::function<void(TakenWindow&&)>& visit);

}  // namespace argosy::server
