#include "server/devices/revocation.hpp"

namespace argosy::server {

std::vector<std::string> topics_of(const std::string& device) {
  std::vector<std::string> topics;
  for (const char* name : {"/down/desired", "/down/ack", "/up/state", "/up/telemetry", "/up/event"})
    topics.push_back("argosy/v1/" + device + name);
  return topics;
}

bool takes_too_long(const RevocationStatus& status, Instant now) {
  return status.waiting > 0 && status.since && now - *status.since > revocation_patience;
}

}  // namespace argosy::server
