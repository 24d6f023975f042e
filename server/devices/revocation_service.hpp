// Has the broker know which devices' certificates have ended, and says when it does not. Every instance keeps the
// revocation list and closes its HTTPS connections; the leader also proves that the broker reads the list, ends MQTT
// connections, and clears what revoked devices left there. On the I/O thread; what is to be done lies in the database,
// so that one that died in the middle is gone on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/certificates.hpp"
#include "server/base/task.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

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
  // Throws when no key can be made.
  RevocationService(DbPool& db, RevocationOptions options, BrokerDoor broker);

  // What holds for each certificate as soon as it has ended: connections to close, things remembered to forget.
  void on_ended(std::function<void(const EndedCertificate&)> hear) { hear_.push_back(std::move(hear)); }
  // One round: the list, then, when leading, the broker. Come round several times a second.
  Task<Result<void>> tick(Instant now, bool leading);
  // The broker is there again, and may have forgotten what was cleared.
  void broker_is_back() { broker_forgot_ = true; }
  // As of the last round.
  const RevocationStatus& status() const { return status_; }

 private:
  // What ended since the last round becomes part of the list; at the start all of it.
  Task<Result<void>> keep_list(Instant now);
  Task<Result<void>> enforce(Instant now);
  // The newest list names a certificate that is ours: a broker that turns it away has read that list.
  Task<Result<void>> prove(Instant now);
  Task<Result<void>> end_at_broker(const EndedCertificate& certificate, Instant now);
  Task<Result<bool>> visit(std::string name, std::string serial, Instant now);
  Task<Result<void>> tell(std::string reason, Instant now);
  // What time does by itself: present certificates expire, and expired ones need not be remembered.
  Task<Result<void>> keep_up(Instant now);

  DbPool& db_;
  RevocationOptions options_;
  BrokerDoor broker_;
  std::string key_;  // of the certificates with which this goes to the broker
  std::vector<std::function<void(const EndedCertificate&)>> hear_;
  std::optional<std::int64_t> listed_;  // the last that the list in the file names; none before the first
  std::int64_t heard_ = 0;              // the last that was told to those who hear
  std::string probe_serial_;            // named by that list
  bool in_effect_ = false;              // the broker has read that list
  bool broker_forgot_ = false;
  bool settled_ = false;  // nothing waits, as far as was heard
  bool told_ = false;
  Instant expired_at_{};
  Instant forgot_at_{};
  RevocationStatus status_;
};

void add_metrics(Metrics& metrics, const RevocationService& revocation);

}  // namespace argosy::server
