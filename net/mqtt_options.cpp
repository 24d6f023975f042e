#include "net/mqtt_options.hpp"

#include <mqtt/connect_options.h>

namespace argosy::net {

namespace {

mqtt::ssl_options tls_of(const MqttIdentity& identity) {
  mqtt::ssl_options tls;
  tls.set_trust_store(identity.ca_file);
  tls.set_key_store(identity.certificate_file);
  tls.set_private_key(identity.key_file);
  tls.set_enable_server_cert_auth(true);
  tls.set_verify(true);
  return tls;
}

}  // namespace

mqtt::connect_options make_connect_options(const MqttSession& session) {
  mqtt::connect_options options;
  if (!session.identity.ca_file.empty()) options.set_ssl(tls_of(session.identity));
  options.set_clean_session(true);
  options.set_automatic_reconnect(false);
  options.set_keep_alive_interval(session.keep_alive);
  options.set_connect_timeout(session.connect_limit);
  options.set_max_inflight(session.most_in_flight);
  return options;
}

}  // namespace argosy::net
