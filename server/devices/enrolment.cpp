#include "server/devices/enrolment.hpp"

#include <charconv>

#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/token.hpp"
#include "common/json/json_reader.hpp"
#include "common/wire/inventory.hpp"

namespace argosy::server {

namespace {

constexpr std::string_view name_rule = "must match [A-Za-z0-9_-]{1,64}";
constexpr std::size_t max_challenge_bytes = 160;

std::int64_t seconds_of(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

std::string code_of(ByteView secret, std::string_view what) {
  return hmac_sha256(secret, as_bytes(what)).to_hex();
}

Result<void> check_spendable(const Claim& claim, Instant now) {
  if (now >= claim.expires_at)
    return make_error(Errc::claim_expired,
                      "this claim expired at " + to_rfc3339(claim.expires_at) + "; ask for a new one");
  if (claim.uses >= claim.max_uses)
    return make_error(Errc::claim_invalid, "this claim has been used " + std::to_string(claim.uses) +
                                               " times, which is all it was good for; ask for a new one");
  return {};
}

bool may_come_back(const KnownDevice& known, Duration way_back, Instant now) {
  return known.certificate_not_after && now < *known.certificate_not_after + way_back;
}

}  // namespace

Result<void> check_claim(const ClaimOffer& offer) {
  if (offer.max_uses < 1 || offer.max_uses > max_claim_uses)
    return field_error("max_uses", "must be from 1 to " + std::to_string(max_claim_uses));
  if (offer.expires_in_s < 1 || offer.expires_in_s > max_claim_seconds)
    return field_error("expires_in_s", "must be from 1 to " + std::to_string(max_claim_seconds));
  if (offer.hardware_class && !is_name(*offer.hardware_class)) return field_error("hardware_class", name_rule);
  return check_labels(offer.labels);
}

Result<EnrolmentRequest> parse_enrolment(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  EnrolmentRequest request;
  std::string device;
  std::map<std::string, std::string> labels;
  body.required("claim", request.claim)
      .required("device", device)
      .required("hardware_class", request.hardware_class)
      .required("csr", request.csr_pem)
      .optional("labels", labels)
      .optional("board", request.board)
      .check("board", request.board.size() <= wire::most_board_bytes && is_text(request.board),
             "must be text of at most " + std::to_string(wire::most_board_bytes) + " bytes")
      .check("hardware_class", is_name(request.hardware_class), name_rule);
  ARGOSY_CHECK(body.finish());
  ARGOSY_CHECK(check_device_name(device));
  request.labels.insert(labels.begin(), labels.end());
  ARGOSY_CHECK(check_labels(request.labels));
  request.device = DeviceId{std::move(device)};
  return request;
}

Result<void> check_device_name(std::string_view name) {
  if (!is_name(name)) return field_error("device", name_rule);
  if (name == server_identity || name == probe_identity)
    return field_error("device", "is the server's own name; choose another");
  return {};
}

Result<ReturnRequest> parse_return(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  ReturnRequest request;
  std::string device;
  body.required("device", device).required("csr", request.csr_pem).required("challenge", request.challenge);
  ARGOSY_CHECK(body.finish());
  ARGOSY_CHECK(check_device_name(device));
  request.device = DeviceId{std::move(device)};
  return request;
}

std::string make_challenge(ByteView secret, std::string_view random_hex, Instant now) {
  const std::string what = std::to_string(seconds_of(now)) + "." + std::string(random_hex);
  return what + "." + code_of(secret, what);
}

Result<void> check_challenge(ByteView secret, std::string_view challenge, Instant now) {
  const Error refused = make_error(
      Errc::unauthenticated, "this challenge is none of this server's, or older than five minutes; ask for a new one");
  const std::size_t end = challenge.rfind('.');
  if (challenge.size() > max_challenge_bytes || end == std::string_view::npos) return refused;
  const std::string_view what = challenge.substr(0, end);
  if (!equal_in_constant_time(code_of(secret, what), challenge.substr(end + 1))) return refused;
  std::int64_t at = 0;  // ours: the code holds
  std::from_chars(what.data(), what.data() + what.size(), at);
  const std::chrono::seconds age{seconds_of(now) - at};
  if (age < -challenge_life || age > challenge_life) return refused;  // instances' clocks differ a little
  return {};
}

Result<Enrolment> decide_enrolment(const std::optional<Claim>& claim, const std::optional<KnownDevice>& known,
                                   std::string_view device, const KeyFacts& key, Duration way_back, Instant now) {
  if (!claim || claim->revoked_at)
    return make_error(Errc::claim_invalid, "no such claim; copy it again, or ask for a new one");
  const std::string name(device);
  const bool same_key = known && known->key_sha256 == key.sha256;
  const bool revoked = known && known->revoked_at;
  if (revoked && same_key)
    return make_error(Errc::conflict, "the device '" + name + "' was revoked with this key at " +
                                          to_rfc3339(*known->revoked_at) + "; make a new key to enrol it again");
  if (key.refused)
    return make_error(Errc::conflict, "a device was revoked with this key; make a new key to enrol '" + name + "'");
  if (same_key && may_come_back(*known, way_back, now)) return Enrolment::again;

  ARGOSY_CHECK(check_spendable(*claim, now));
  return known && !revoked && !same_key ? Enrolment::taken : Enrolment::fresh;
}

Result<void> decide_return(const std::optional<KnownDevice>& known, std::string_view device, const KeyFacts& key,
                           Duration way_back, Instant now) {
  const std::string name(device);
  if (!known || known->key_sha256 != key.sha256)
    return make_error(Errc::forbidden, "no device '" + name + "' with this key is known here; enrol it with a claim");
  if (known->revoked_at || key.refused)
    return make_error(Errc::forbidden, "the device '" + name + "' was revoked; enrol it with a new key and a claim");
  if (!may_come_back(*known, way_back, now))
    return make_error(Errc::forbidden, "the device '" + name +
                                           "' was away for longer than pki.way_back_days; revoke it, "
                                           "and enrol it with a new key and a claim");
  return {};
}

}  // namespace argosy::server
