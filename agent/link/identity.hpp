// Who this device is: a P-256 key made here, the certificate that the server gave for it, and the authority. Files in
// one folder, mode 0600. Blocking, milliseconds.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/instant.hpp"

namespace argosy::agent {

struct Identity {
  std::string device;
  std::string private_key_pem;
  std::string certificate_pem;
  std::string ca_pem;
  std::string mqtt_host;  // empty: the server offers no broker
  int mqtt_port = 0;
  Instant not_before{};
  Instant not_after{};
  // At two thirds of the certificate's life.
  Instant renew_at() const { return not_before + (not_after - not_before) * 2 / 3; }
};

// The server's answer to an enrolment or renewal.
struct IssuedIdentity {
  std::string device;
  std::string certificate_pem;
  std::string ca_pem;
  std::string mqtt_host;
  int mqtt_port = 0;
};
Result<IssuedIdentity> decode_issued_identity(std::string_view json);

class IdentityStore {
 public:
  explicit IdentityStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // None before the first enrolment. Errc::corrupt says what does not fit together.
  Result<std::optional<Identity>> load() const;
  // The key of this device, made at the first call: kept through a lost answer, so that enrolling again is the same.
  Result<std::string> key() const;
  // Checks that certificate, key and authority belong together at `now`, then keeps them.
  Result<Identity> keep(const IssuedIdentity& issued, Instant now) const;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path key_file() const { return folder_ / "device.key"; }
  std::filesystem::path certificate_file() const { return folder_ / "device.crt"; }
  std::filesystem::path ca_file() const { return folder_ / "ca.crt"; }

 private:
  std::filesystem::path issued_file() const { return folder_ / "issued.json"; }
  std::filesystem::path folder_;
};

}  // namespace argosy::agent
