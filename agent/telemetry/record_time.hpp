// The times in a telemetry record, moved together when the clock that they were written by is set. Pure.
#pragma once

#include "common/wire/telemetry.hpp"

namespace argosy::agent {

void shift_times(wire::TelemetryRecord& record, Duration by);
// Of one that is encoded; as it was, where it cannot be read, or where a time would leave the years that can be told.
Bytes shifted_record(ByteView record, Duration by);

}  // namespace argosy::agent
