// What the model servers want to be asked, and what their answers mean: Triton (KServe v2 and its model repository
// extension), OpenVINO Model Server, TensorFlow Serving. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/serving/http_port.hpp"

namespace argosy::agent {

enum class ServerKind : std::uint8_t { triton, ovms, tfserving };

std::string_view to_string(ServerKind kind);
std::optional<ServerKind> parse_server_kind(std::string_view name);

// The request that makes the server look at its repository; none for one that looks by itself (TensorFlow Serving).
std::optional<HttpCall> load_call(ServerKind kind, const std::string& base_url, const std::string& model);
bool is_loaded(ServerKind kind, const HttpReply& reply);

HttpCall ready_call(ServerKind kind, const std::string& base_url, const std::string& model, std::uint64_t number);
enum class Readiness : std::uint8_t { ready, not_yet, failed };  // failed: the server has given this version up
Readiness readiness(ServerKind kind, const HttpReply& reply);

// What asks the server which version it is; none for one that does not tell (TensorFlow Serving).
std::optional<HttpCall> version_call(ServerKind kind, const std::string& base_url);
// "triton 2.49.0"; empty when the answer has no version.
std::string runtime_of(ServerKind kind, const HttpReply& reply);

// The server's own words for a refusal, on one line and at most 500 bytes, with the status.
std::string words_of(const HttpReply& reply);

}  // namespace argosy::agent
