// Who may become a device: claims (counted, expiring tokens that a person hands out) and the decision about one
// enrolment. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

inline constexpr int max_claim_uses = 1'000'000;
inline constexpr std::int64_t max_claim_seconds = 366LL * 86400;
// The server's names at the broker, which no device may have: its own, and the one under which it tries whether the
// broker knows the newest revocation list.
inline constexpr std::string_view server_identity = "argosyd";
inline constexpr std::string_view probe_identity = "argosyd-probe";
// Certificates of one device that ended before their time and are still named in the revocation list. One that keeps on
// renewing may not fill it.
inline constexpr int max_ended_certificates = 32;

struct ClaimOffer {  // what a person asks for
  int max_uses = 1;
  std::int64_t expires_in_s = 0;
  std::optional<std::string> hardware_class;  // when set, forced on the device
  Labels labels;                              // given to the device, over its own
};
Result<void> check_claim(const ClaimOffer& offer);

struct Claim {
  std::int64_t id = 0;
  std::optional<std::string> hardware_class;
  Labels labels;
  int max_uses = 0;
  int uses = 0;
  Instant expires_at{};
  std::string created_by;
  Instant created_at{};
  std::optional<Instant> revoked_at;
};

struct NewClaim {
  std::int64_t id = 0;
  std::string token;      // shown once; only its SHA-256 is stored
  std::string ca_sha256;  // so that a device can pin the fleet's CA before it trusts the connection
};

struct Credentials {
  DeviceId device;
  std::string certificate_pem;
  std::string authority_pem;
  std::string mqtt_host;
  std::uint16_t mqtt_port = 0;
};

struct EnrolmentRequest {
  std::string claim;
  DeviceId device;
  std::string hardware_class;
  std::string csr_pem;
  Labels labels;
  std::string board;  // what it says it is; empty: nothing
};
// The body of POST /device/v1/enrol. Checks names and labels, not the claim and not the CSR.
Result<EnrolmentRequest> parse_enrolment(std::string_view json);
// [A-Za-z0-9_-]{1,64}, and none of the server's own names.
Result<void> check_device_name(std::string_view name);

struct KnownDevice {  // who bears the name already
  std::string key_sha256;
  std::optional<Instant> certificate_not_after;
  std::optional<Instant> revoked_at;
};

// What a device asks for whose certificate has ended: POST /device/v1/return. The request for the certificate is signed
// with its key, and holds the challenge that this server gave a moment ago.
struct ReturnRequest {
  DeviceId device;
  std::string csr_pem;
  std::string challenge;
};
Result<ReturnRequest> parse_return(std::string_view json);

// Challenges need no memory: a time, a random part and a code over both, good for five minutes with every instance that
// has the same secret.
inline constexpr std::chrono::minutes challenge_life{5};
std::string make_challenge(ByteView secret, std::string_view random_hex, Instant now);
Result<void> check_challenge(ByteView secret, std::string_view challenge, Instant now);

enum class Enrolment : std::uint8_t {
  fresh,  // a new name, or a revoked one with a new key: spends one use of the claim
  again,  // the same device with the same key, whose last answer was lost: spends nothing
  taken,  // the name is a living device's with another key: replacement.hpp says what becomes of it
};

struct KeyFacts {
  std::string sha256;
  bool refused = false;  // a device was revoked with it, under whatever name
};

// `way_back`: how long after its certificate ended a device with the same key may still enrol without a use of a claim.
Result<Enrolment> decide_enrolment(const std::optional<Claim>& claim, const std::optional<KnownDevice>& known,
                                   std::string_view device, const KeyFacts& key, Duration way_back, Instant now);

// Whether a device that has shown possession of this key may have a certificate without any claim. Errc::forbidden;
// whoever has another key than the device learns nothing else.
Result<void> decide_return(const std::optional<KnownDevice>& known, std::string_view device, const KeyFacts& key,
                           Duration way_back, Instant now);

}  // namespace argosy::server
