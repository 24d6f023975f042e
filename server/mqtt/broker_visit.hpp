// One short visit to the broker: a connection that says CONNECT with an identity given as text, hears whether it is let
// in, and leaves. MQTT 3.1.1 with a clean session, so that whoever was there under the same name is put out and what
// was queued for it is gone. On the I/O thread; at most five seconds.
#pragma once

#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

struct BrokerVisit {
  std::string uri;  // "ssl://broker.example:8883"
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
  std::string client_id;
};

// Whether the broker took it in. Errc::unavailable: nobody answers there, or not the broker of this authority;
// Errc::invalid_argument: the URI is not one of a broker with TLS.
boost::asio::awaitable<Result<bool>> visit_broker(boost::asio::any_io_executor io, BrokerVisit visit);

}  // namespace argosy::server
