// Who calls: a device by its client certificate, a program by its bearer token, a person by the session cookie - and
// for anything but reading, the cookie alone is not enough: X-CSRF-Token must match. Coroutines on the I/O thread.
#pragma once

#include <functional>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/access/access_service.hpp"
#include "server/base/task.hpp"
#include "server/http/peer_certificate.hpp"
#include "server/http/principal.hpp"

namespace argosy::server {

struct Request;

class Authenticator {
 public:
  // Whether a verified certificate is the device's present one.
  using IsCurrentDevice = std::function<Task<Result<bool>>(PeerCertificate)>;
  Authenticator(AccessService& access, IsCurrentDevice is_current_device);

  // Anonymous when the request carries nothing; Errc::unauthenticated when it carries something that is not (or no
  // longer) good, Errc::forbidden when the CSRF token is missing.
  Task<Result<Principal>> authenticate(const Request& request) const;
  // Whether the caller of an exchange that still goes on may do this; that is not use of a session.
  Task<Result<bool>> still_allowed(const Request& head, Permission permission) const;

 private:
  Task<Result<Principal>> device(PeerCertificate certificate) const;
  Task<Result<Principal>> token(std::string secret, Instant now) const;
  Task<Result<Principal>> person(const Request& request, std::string cookie, bool is_use) const;
  Task<Result<Principal>> identify(const Request& request, bool is_use) const;

  AccessService& access_;
  IsCurrentDevice is_current_device_;
};

}  // namespace argosy::server
