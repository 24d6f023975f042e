#include "agent/link/device_api.hpp"

#include "common/json/json_reader.hpp"
#include "common/wire/document.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t max_challenge_answer = 4096;

HttpRequest post(std::string target, std::string body, std::string content_type = "application/json") {
  HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = std::move(body);
  request.content_type = std::move(content_type);
  return request;
}

// The server itself says that the document is at fault: not the sender's rights, not the moment, and not some proxy.
bool is_refusal(const HttpResponse& response) {
  const int status = response.head.status;
  const bool of_content = status == 400 || status == 413 || status == 422;
  return of_content && response.body.find("https://argosy.dev/problems/") != std::string::npos;
}

Result<std::string> decode_challenge(std::string_view text) {
  ARGOSY_TRY(JsonReader document, JsonReader::parse(text, {.bytes = max_challenge_answer}, UnknownKeys::pass));
  std::string challenge;
  document.required("challenge", challenge);
  auto read = document.finish();
  if (!read) return std::move(read).error().within("the challenge");
  return challenge;
}

}  // namespace

Task<Result<IssuedIdentity>> DeviceApi::enrol(EnrolmentOrder order) {
  wire::Json body = {{"claim", order.claim},
                     {"device", order.device},
                     {"hardware_class", order.hardware_class},
                     {"csr", order.csr_pem},
                     {"labels", order.labels}};
  if (!order.board.empty()) body["board"] = order.board;
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/enrol", write_json(body))));
  if (response.head.status != 201 && response.head.status != 200) co_return error_of(response, "enrolment");
  co_return decode_issued_identity(response.body);
}

Task<Result<IssuedIdentity>> DeviceApi::renew(std::string csr_pem) {
  const wire::Json body = {{"csr", csr_pem}};
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/renew", write_json(body))));
  if (response.head.status != 200) co_return error_of(response, "renewal of the certificate");
  co_return decode_issued_identity(response.body);
}

Task<Result<std::string>> DeviceApi::challenge() {
  HttpRequest request;
  request.target = "/device/v1/challenge";
  ARGOSY_CO_TRY(auto response, co_await https_.request(std::move(request)));
  if (response.head.status != 200) co_return error_of(response, "the way back");
  co_return decode_challenge(response.body);
}

Task<Result<IssuedIdentity>> DeviceApi::come_back(std::string device, std::string csr_pem, std::string challenge) {
  const wire::Json body = {{"device", device}, {"csr", csr_pem}, {"challenge", challenge}};
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/return", write_json(body))));
  if (response.head.status != 200) co_return error_of(response, "the way back");
  co_return decode_issued_identity(response.body);
}

Task<Result<std::optional<wire::Desired>>> DeviceApi::desired(std::int64_t known_rev) {
  HttpRequest request;
  request.target = "/device/v1/desired";
  request.headers.emplace_back("If-None-Match", "\"" + std::to_string(known_rev) + "\"");
  ARGOSY_CO_TRY(auto response, co_await https_.request(std::move(request)));
  if (response.head.status == 304) co_return std::optional<wire::Desired>();
  if (response.head.status != 200) co_return error_of(response, "the desired document");
  auto desired = wire::decode_desired(response.body);
  if (!desired) co_return std::move(desired).error();
  co_return std::optional(std::move(*desired));
}

Task<Result<void>> DeviceApi::post_state(std::string document) {
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/state", std::move(document))));
  if (response.head.status != 204 && response.head.status != 200) co_return error_of(response, "the state document");
  co_return Result<void>();
}

Task<Result<void>> DeviceApi::post_diagnostics(std::string document) {
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/diagnostics", std::move(document))));
  if (response.head.status != 204) co_return error_of(response, "the diagnostics");
  co_return Result<void>();
}

Task<TelemetryAnswer> DeviceApi::post_telemetry(Bytes batch) {
  auto response =
      co_await https_.request(post("/device/v1/telemetry", std::string(as_text(batch)), "application/cbor"));
  if (!response) co_return TelemetryAnswer{std::move(response).error(), std::nullopt};
  if (response->head.status != 200)
    co_return TelemetryAnswer{error_of(*response, "a telemetry batch"), response->head.retry_after(),
                              is_refusal(*response)};
  co_return TelemetryAnswer{wire::decode_telemetry_ack(response->body), std::nullopt};
}

Task<Result<wire::HandedLabels>> DeviceApi::post_label_answers(wire::LabelAnswers answers) {
  ARGOSY_CO_TRY(auto response, co_await https_.request(post("/device/v1/labels", wire::encode(answers))));
  if (response.head.status != 200) co_return error_of(response, "the answers to labels");
  co_return wire::decode_handed_labels(response.body);
}

}  // namespace argosy::agent
