// Has the broker know which devices' certificates have ended, and says when it does not. Every instance keeps the
// revocation list and closes its HTTPS connections; the leader also proves that the broker reads the list, ends MQTT
// connections, and clears what revoked devices left there. On the I/O thread; what is to be done lies in the database,
// so that one that died in the middle is gone on with.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/certificates.hpp"
#include "server/base/task.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {

class DbPool;

struct RevocationOptions {
  CertificateAndKey authority;
  std::filesystem::path list_file;  // crl.pem, which the broker reads
};

// The broker, as far as this needs it; both empty without one.
struct BrokerDoor {
  // Goes to the broker with this certificate and away again, taking the place of whoever is there under its name.
  // Whether it was let in; Errc::unavailable when the broker does not answer.
  std::function<Task<Result<bool>>(std::string name, CertificateAndKey identity)> visit;
  // Keeps `payload` on the topic; empty: clears it.
  std::function<Task<Result<void>>(std::string topic, std::string payload)> publish;
};

class RevocationService {
 public:
  virtual ~RevocationService() = default;

  // What holds for each certificate as soon as it has ended: connections to close, things remembered to forget.
  virtual void on_ended(std::function<void(const EndedCertificate&)> hear) = 0;
  // One round: the list, then, when leading, the broker. Come round several times a second.
  virtual Task<Result<void>> tick(Instant now, bool leading) = 0;
  // The broker is there again, and may have forgotten what was cleared.
  virtual void broker_is_back() = 0;
  // As of the last round.
  virtual const RevocationStatus& status() const = 0;
};

// Throws when no key can be made.
std::unique_ptr<RevocationService> create_revocation_service(DbPool& db, RevocationOptions options, BrokerDoor broker);

}  // namespace argosy::server
