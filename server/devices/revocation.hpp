// What has to happen when a device's certificate ends before its time, and how far it has come. Pure.
//
// HTTPS looks at the database for each request, so there it has ended when the transaction has. The broker knows what
// the revocation list says: the list is written anew, the broker reads it (deploy/systemd), a probe shows that it did,
// and then the device's connection is taken away; of a revoked device also what it left behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::server {

inline constexpr Duration revocation_patience{10'000};  // longer than this the broker's obedience is worth an event

struct EndedCertificate {
  std::int64_t id = 0;
  std::string device;
  std::string fingerprint;    // SHA-256 of the DER form, hex
  bool clear_traces = false;  // the device is revoked, and nobody has its name since
  Instant ended_at{};
};

struct RevocationStatus {
  std::size_t waiting = 0;       // certificates that the broker may still take; counted up to a thousand
  std::optional<Instant> since;  // when the oldest of them ended
  std::string reason;            // why it takes time; empty: it is under way
};

// Every topic on which a device or the server can have left a retained message.
std::vector<std::string> topics_of(const std::string& device);

// Whether people should hear of it, once for each time that it lasts too long.
bool takes_too_long(const RevocationStatus& status, Instant now);

}  // namespace argosy::server
