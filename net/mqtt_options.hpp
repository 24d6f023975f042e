// How a client of Paho's connects: with a clean session, and over TLS to a broker that it verifies. Whoever connects
// also reconnects: Paho is told not to.
#pragma once

#include <chrono>
#include <string>

namespace mqtt {
class connect_options;
}

namespace argosy::net {

struct MqttIdentity {   // PEM files
  std::string ca_file;  // believed; empty: no TLS
  std::string certificate_file;
  std::string key_file;
};

struct MqttSession {
  MqttIdentity identity;
  std::chrono::seconds keep_alive{30};
  std::chrono::seconds connect_limit{15};
  int most_in_flight = 10;  // published, not yet acknowledged
};

mqtt::connect_options make_connect_options(const MqttSession& session);

}  // namespace argosy::net
