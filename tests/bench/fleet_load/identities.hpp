// Client certificates for simulated devices, by the fleet's own authority. One key serves them all: only the names
// differ. The I/O thread; a certificate is made when it is first wanted, in about 0.2 ms.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include <boost/asio/ssl/context.hpp>

#include "common/base/error.hpp"
#include "common/crypto/certificates.hpp"

namespace argosy::fleet_load {

class Identities {
 public:
  // Of a folder with ca.pem and ca.key.
  static Result<Identities> open(const std::string& folder);

  // Believes the fleet's authority, and is nobody yet.
  const std::shared_ptr<boost::asio::ssl::context>& context() const { return context_; }
  Result<std::string> certificate_of(const std::string& name);
  const std::string& private_key() const { return private_key_; }

 private:
  CertificateAndKey authority_;
  std::string private_key_;
  std::string request_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unordered_map<std::string, std::string> certificates_;
};

}  // namespace argosy::fleet_load
