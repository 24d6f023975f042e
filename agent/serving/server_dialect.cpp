#include "agent/serving/server_dialect.hpp"

#include <array>
#include <utility>

#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::agent {

namespace {

using Json = nlohmann::json;

constexpr std::size_t words_limit = 500;
constexpr std::size_t answer_limit = 64 << 10;
constexpr std::array<std::pair<ServerKind, std::string_view>, 3> names = {{
    {ServerKind::triton, "triton"},
    {ServerKind::ovms, "ovms"},
    {ServerKind::tfserving, "tfserving"},
}};

// Null when it is no JSON.
Json parsed(const std::string& body) {
  auto answer = parse_json(body, {.bytes = answer_limit});
  return answer ? std::move(*answer) : Json();
}

// TensorFlow Serving answers with a list of versions, here of the one that was asked for; null when it is no such
// answer.
Json first_version_status(const Json& answer) {
  const Json& list = list_in(answer, "model_version_status");
  return list.empty() || !list.front().is_object() ? Json() : list.front();
}

Json inner_status(const Json& version_status) {
  return member(version_status, "status");
}

Readiness readiness_from_state(const HttpReply& reply) {
  if (reply.status != 200) return Readiness::not_yet;
  const Json status = first_version_status(parsed(reply.body));
  const std::string state = text_in(status, "state");
  if (state == "AVAILABLE") return Readiness::ready;
  const std::string code = text_in(inner_status(status), "error_code");
  const bool given_up = state == "END" && !code.empty() && code != "OK";
  return given_up ? Readiness::failed : Readiness::not_yet;
}

std::string single_line(std::string text) {
  if (text.size() > words_limit) text.resize(words_limit);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

std::string_view to_string(ServerKind kind) {
  for (const auto& [known, name] : names)
    if (known == kind) return name;
  return {};
}

std::optional<ServerKind> parse_server_kind(std::string_view text) {
  for (const auto& [kind, name] : names)
    if (name == text) return kind;
  return std::nullopt;
}

std::optional<HttpCall> load_call(ServerKind kind, const std::string& base_url, const std::string& model) {
  if (kind == ServerKind::tfserving) return std::nullopt;
  HttpCall call;
  call.method = "POST";
  call.url = kind == ServerKind::triton ? base_url + "/v2/repository/models/" + model + "/load"
                                        : base_url + "/v1/config/reload";
  return call;
}

// OpenVINO Model Server answers 201 when something changed, 200 when nothing did.
bool is_loaded(ServerKind kind, const HttpReply& reply) {
  return reply.status == 200 || (kind == ServerKind::ovms && reply.status == 201);
}

HttpCall ready_call(ServerKind kind, const std::string& base_url, const std::string& model, std::uint64_t number) {
  const std::string version = model + "/versions/" + std::to_string(number);
  HttpCall call;
  call.url = kind == ServerKind::tfserving ? base_url + "/v1/models/" + version
                                           : base_url + "/v2/models/" + version + "/ready";
  call.response_limit = answer_limit;
  return call;
}

Readiness readiness(ServerKind kind, const HttpReply& reply) {
  if (kind == ServerKind::tfserving) return readiness_from_state(reply);
  return reply.status == 200 ? Readiness::ready : Readiness::not_yet;
}

// Server metadata of KServe v2: {"name": "triton", "version": "2.49.0", ...}.
std::optional<HttpCall> version_call(ServerKind kind, const std::string& base_url) {
  if (kind == ServerKind::tfserving) return std::nullopt;
  HttpCall call;
  call.url = base_url + "/v2";
  call.response_limit = answer_limit;
  return call;
}

std::string runtime_of(ServerKind kind, const HttpReply& reply) {
  const std::string version = reply.status == 200 ? text_in(parsed(reply.body), "version") : std::string();
  return version.empty() ? std::string() : std::string(to_string(kind)) + ' ' + version;
}

std::string words_of(const HttpReply& reply) {
  const Json answer = parsed(reply.body);
  std::string words = text_in(answer, "error");
  if (const Json status = first_version_status(answer); words.empty() && status.is_object()) {
    words = text_in(status, "state");
    if (const std::string message = text_in(inner_status(status), "error_message"); !message.empty())
      words += ", " + message;
  }
  if (words.empty()) words = reply.body;
  words = single_line(std::move(words));
  const std::string status = "status " + std::to_string(reply.status);
  return words.empty() ? status : status + ": " + words;
}

}  // namespace argosy::agent
