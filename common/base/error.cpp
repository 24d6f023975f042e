#include "common/base/error.hpp"

#include <stdexcept>

namespace argosy {

std::string_view slug(Errc code) {
  switch (code) {
    case Errc::internal:
      return "internal";
    case Errc::invalid_argument:
      return "invalid-argument";
    case Errc::malformed_json:
      return "malformed-json";
    case Errc::malformed_cbor:
      return "malformed-cbor";
    case Errc::filter_syntax:
      return "filter-syntax";
    case Errc::unknown_key:
      return "unknown-key";
    case Errc::not_found:
      return "not-found";
    case Errc::conflict:
      return "conflict";
    case Errc::illegal_transition:
      return "illegal-transition";
    case Errc::precondition_failed:
      return "precondition-failed";
    case Errc::precondition_required:
      return "precondition-required";
    case Errc::idempotency_mismatch:
      return "idempotency-mismatch";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::forbidden:
      return "forbidden";
    case Errc::claim_invalid:
      return "claim-invalid";
    case Errc::claim_expired:
      return "claim-expired";
    case Errc::too_large:
      return "too-large";
    case Errc::range_not_satisfiable:
      return "range-not-satisfiable";
    case Errc::truncated:
      return "truncated";
    case Errc::digest_mismatch:
      return "digest-mismatch";
    case Errc::base_mismatch:
      return "base-mismatch";
    case Errc::malformed_patch:
      return "malformed-patch";
    case Errc::malformed_model:
      return "malformed-model";
    case Errc::signature_missing:
      return "signature-missing";
    case Errc::signature_malformed:
      return "signature-malformed";
    case Errc::signature_key:
      return "signature-key";
    case Errc::signature_invalid:
      return "signature-invalid";
    case Errc::signature_digest:
      return "signature-digest";
    case Errc::signature_release:
      return "signature-release";
    case Errc::signature_sequence:
      return "signature-sequence";
    case Errc::signature_expired:
      return "signature-expired";
    case Errc::signature_selector:
      return "signature-selector";
    case Errc::signature_validation:
      return "signature-validation";
    case Errc::incompatible:
      return "incompatible";
    case Errc::unprocessable:
      return "unprocessable";
    case Errc::rate_limited:
      return "rate-limited";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::cancelled:
      return "cancelled";
    case Errc::io:
      return "io";
    case Errc::out_of_space:
      return "out-of-space";
    case Errc::corrupt:
      return "corrupt";
  }
  return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(std::string(slug(error.code)) + ": " + error.message);
}

}  // namespace argosy
