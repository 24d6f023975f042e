#include "server/http/problem.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

struct Kind {
  int status;
  std::string_view title;
};

Kind kind_of(Errc code) {
  switch (code) {
    case Errc::internal:
      return {500, "The server failed"};
    case Errc::invalid_argument:
      return {400, "A value is not acceptable"};
    case Errc::malformed_json:
      return {400, "The body is not the JSON that is asked for"};
    case Errc::malformed_cbor:
      return {400, "The body is not the CBOR that is asked for"};
    case Errc::filter_syntax:
      return {400, "The filter does not parse"};
    case Errc::unknown_key:
      return {400, "A key is not known"};
    case Errc::not_found:
      return {404, "There is no such thing"};
    case Errc::conflict:
      return {409, "It contradicts what is there"};
    case Errc::illegal_transition:
      return {409, "Not possible in the present state"};
    case Errc::precondition_failed:
      return {412, "It was changed meanwhile"};
    case Errc::precondition_required:
      return {428, "If-Match is required"};
    case Errc::idempotency_mismatch:
      return {422, "The Idempotency-Key was used for another request"};
    case Errc::unauthenticated:
      return {401, "Sign in first"};
    case Errc::forbidden:
      return {403, "Not allowed"};
    case Errc::claim_invalid:
      return {401, "The claim is not valid"};
    case Errc::claim_expired:
      return {401, "The claim has expired"};
    case Errc::too_large:
      return {413, "Too large"};
    case Errc::range_not_satisfiable:
      return {416, "The range lies outside of the content"};
    case Errc::truncated:
      return {400, "The body ended early"};
    case Errc::digest_mismatch:
      return {422, "The digest does not match"};
    case Errc::base_mismatch:
      return {409, "The patch is for another base"};
    case Errc::malformed_patch:
      return {422, "The patch is malformed"};
    case Errc::malformed_model:
      return {422, "The model is malformed"};
    case Errc::signature_missing:
    case Errc::signature_malformed:
    case Errc::signature_key:
    case Errc::signature_invalid:
    case Errc::signature_digest:
    case Errc::signature_release:
    case Errc::signature_sequence:
    case Errc::signature_expired:
    case Errc::signature_selector:
    case Errc::signature_validation:
      return {422, "The signature is not one of this release"};
    case Errc::incompatible:
      return {409, "Not compatible"};
    case Errc::unprocessable:
      return {422, "It cannot be kept"};
    case Errc::rate_limited:
      return {429, "Too many requests"};
    case Errc::unavailable:
      return {503, "Not available just now"};
    case Errc::timeout:
      return {503, "It took too long"};
    case Errc::cancelled:
      return {503, "It was cancelled"};
    case Errc::io:
      return {500, "The server could not read or write"};
    case Errc::out_of_space:
      return {507, "The server is out of space"};
    case Errc::corrupt:
      return {500, "Stored data is corrupt"};
  }
  return {500, "The server failed"};
}

// What a caller sent is quoted, but not at any length: the answer to a bad request is no larger than a good one's.
constexpr std::size_t most_words = 1000;  // bytes

std::string in_few_words(std::string_view text) {
  if (text.size() <= most_words) return std::string(text);
  std::size_t end = most_words;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

nlohmann::ordered_json document(int status, std::string_view slug, std::string_view title, std::string_view detail) {
  return {{"type", "https://argosy.dev/problems/" + std::string(slug)},
          {"title", title},
          {"status", status},
          {"detail", in_few_words(detail)}};
}

Response problem_response(int status, const nlohmann::ordered_json& document) {
  // Details may quote what a caller sent: replace what is not UTF-8 instead of failing over it.
  Response response = Response::json(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), status);
  response.content_type = "application/problem+json";
  return response;
}

}  // namespace

int http_status(Errc code) {
  return kind_of(code).status;
}

Response problem(const Error& error) {
  const Kind kind = kind_of(error.code);
  auto body = document(kind.status, slug(error.code), kind.title, error.message);
  if (const auto field = named_field(error)) {
    body["errors"] = nlohmann::ordered_json::array(
        {{{"field", in_few_words(field->field)}, {"message", in_few_words(field->message)}}});
  }
  Response response = problem_response(kind.status, body);
  if (kind.status == 503 || kind.status == 429) response.headers.emplace_back("Retry-After", "1");
  if (kind.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Response problem(int status, std::string_view slug, std::string_view title, std::string_view detail) {
  return problem_response(status, document(status, slug, title, detail));
}

}  // namespace argosy::server
