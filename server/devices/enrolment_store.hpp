// The SQL of claims and of devices' certificates: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "server/devices/enrolment.hpp"

namespace argosy::server {

struct IssuedCertificate {
  std::string pem;
  std::string fingerprint;  // SHA-256 of the DER form, hex
  std::string serial;       // hex
  Instant not_after{};
};

// Signs for this device. Called inside a transaction, once the decision has fallen; may be called again on a retry.
using Issue = std::function<Result<IssuedCertificate>(const DeviceId& device)>;

struct EnrolmentOrder {
  EnrolmentRequest request;
  std::string token_sha256;
  std::string key_sha256;
  Duration way_back{};
  Issue issue;
  Instant now{};
  Instant good_until{};  // a certificate that is handed out again lasts at least till then
  std::string address;   // where the request came from, for the audit log
};

struct RenewalOrder {
  DeviceId device;
  std::string key_sha256;
  Issue issue;
  Instant good_until{};
  std::string address;
};

struct ReturnOrder {
  RenewalOrder renewal;
  Duration way_back{};
  Instant now{};
};

struct CreateClaim {
  ClaimOffer offer;
  std::string token_sha256;
  std::string actor;
  Instant now;
  std::int64_t operator()(pqxx::work& transaction) const;
};

struct ListClaims {
  std::vector<Claim> operator()(pqxx::work& transaction) const;
};

struct RevokeClaim {
  std::int64_t id = 0;
  std::string actor;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

struct Admission {
  std::optional<IssuedCertificate> certificate;
  std::string refusal;  // without one: an operator has to let the board in first. What was noted of it stays
};

struct EnrolDevice {
  EnrolmentOrder order;
  Result<Admission> operator()(pqxx::work& transaction) const;

 private:
  std::optional<Claim> lock_claim(pqxx::work& transaction) const;
  Result<Admission> hand_out_again(pqxx::work& transaction) const;
  Result<Admission> ask_for_place(pqxx::work& transaction, const Claim& claim) const;
  Result<Admission> take_place(pqxx::work& transaction, const Claim& claim, const std::string& accepted_by) const;
  // `kept`: the labels of the device whose place it takes.
  Result<Admission> enrol(pqxx::work& transaction, const Claim& claim, const std::optional<Labels>& kept) const;
  void write_device(pqxx::work& transaction, const std::string& hardware_class, const Labels& labels, bool keeps_place,
                    const IssuedCertificate& certificate) const;
};

struct RenewDevice {
  RenewalOrder order;
  Result<IssuedCertificate> operator()(pqxx::work& transaction) const;
};

struct ReturnDevice {
  ReturnOrder order;
  Result<IssuedCertificate> operator()(pqxx::work& transaction) const;
};

// Whether it is the device's present certificate; the next one becomes that by its first use.
struct IsCurrentCertificate {
  DeviceId device;
  std::string fingerprint;
  bool operator()(pqxx::work& transaction) const;

 private:
  bool take_up_next(pqxx::work& transaction) const;
  bool is_present(pqxx::work& transaction) const;
};

}  // namespace argosy::server
