#include "server/devices/enrolment.hpp"

#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

constexpr std::string_view name_rule = "must match [A-Za-z0-9_-]{1,64}";

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
  if (name == server_identity) return field_error("device", "is the server's own name; choose another");
  return {};
}

Result<Enrolment> decide_enrolment(const std::optional<Claim>& claim, const std::optional<KnownDevice>& known,
                                   std::string_view device, std::string_view key_sha256, Duration way_back,
                                   Instant now) {
  if (!claim || claim->revoked_at)
    return make_error(Errc::claim_invalid, "no such claim; copy it again, or ask for a new one");
  const bool same_key = known && known->key_sha256 == key_sha256;
  const bool revoked = known && known->revoked_at;
  if (same_key && !revoked && may_come_back(*known, way_back, now)) return Enrolment::again;

  ARGOSY_CHECK(check_spendable(*claim, now));
  const std::string name(device);
  if (known && !revoked && !same_key)
    return make_error(Errc::conflict, "the name '" + name +
                                          "' belongs to a device with another key; choose another name, or revoke "
                                          "that device first");
  if (revoked && same_key)
    return make_error(Errc::conflict, "the device '" + name + "' was revoked with this key at " +
                                          to_rfc3339(*known->revoked_at) + "; make a new key to enrol it again");
  return Enrolment::fresh;
}

}  // namespace argosy::server
