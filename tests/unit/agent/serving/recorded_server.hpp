// RECORDED CONTRACTS, not the servers: what Triton, OpenVINO Model Server and TensorFlow Serving answer to the few
// requests that the agent makes, as their documents and sources have it. Each looks at a real repository on disk, as
// the server would, serves the greatest number in it, and keeps what it serves when a newer version cannot be loaded.
// Triton: docs/protocol/extension_model_repository.md and HTTPAPIServer::HandleModelReady of
// triton-inference-server/server, ModelRepositoryManager::LoadUnloadModel of its core. Older ones answer "not ready" by
// an empty 400. OVMS: docs/model_server_rest_api_tfs.md and processConfigReloadRequest of openvinotoolkit/model_server.
// Which status a failed reload or a version that is not there has is not written down: the agent counts on neither.
// TensorFlow Serving: g3doc/api_rest.md and GetModelStatusImpl of tensorflow/serving.
#pragma once

#include <charconv>
#include <filesystem>

#include "agent/serving/server_dialect.hpp"
#include "common/base/file.hpp"
#include "tests/support/loopback_http.hpp"

namespace argosy::agent::test {

class RecordedServer {
 public:
  RecordedServer(ServerKind kind, std::filesystem::path repository)
      : kind_(kind), repository_(std::move(repository)), http_([this](const std::string& request) {
          const std::lock_guard lock(mutex_);
          return answer(request);
        }) {}

  std::string url() const { return http_.url(); }
  std::vector<std::string> requests() const { return http_.requests(); }
  std::uint64_t serves() {
    const std::lock_guard lock(mutex_);
    return serves_;
  }
  // How often a version that was loaded is still called not ready.
  void be_slow(int answers) {
    const std::lock_guard lock(mutex_);
    slow_answers_ = answers;
  }
  void refuse_control() {  // a Triton that was started without --model-control-mode=explicit
    const std::lock_guard lock(mutex_);
    refuses_control_ = true;
  }
  void break_others() {  // an OVMS one of whose other models cannot be loaded
    const std::lock_guard lock(mutex_);
    others_are_broken_ = true;
  }
  void be_version(const std::string& version) {  // server metadata of KServe v2
    const std::lock_guard lock(mutex_);
    metadata_ = R"({"name":"a server","version":")" + version + R"(","extensions":["classification"]})";
  }
  void publish(std::string metrics) {
    const std::lock_guard lock(mutex_);
    metrics_ = std::move(metrics);
  }

 private:
  using Answer = argosy::test::HttpAnswer;

  Answer answer(const std::string& request) {
    if (request == "GET /v2" && kind_ != ServerKind::tfserving) return {200, metadata_};
    if (request == "GET /metrics" || request == "GET /monitoring/prometheus/metrics") return {200, metrics_};
    switch (kind_) {
      case ServerKind::triton:
        return answer_as_triton(request);
      case ServerKind::ovms:
        return answer_as_ovms(request);
      case ServerKind::tfserving:
        return answer_as_tfserving(request);
    }
    return {404, ""};
  }

  Answer answer_as_triton(const std::string& request) {
    if (request == "POST /v2/repository/models/digits/load") {
      if (refuses_control_)
        return {503, R"({"error":"explicit model load / unload is not allowed if polling is enabled"})"};
      if (newest() == 0) return {400, R"({"error":"failed to load 'digits', failed to poll from model repository"})"};
      if (!load_newest()) return {400, R"({"error":"failed to load 'digits', no version is available"})"};
      return {200, ""};
    }
    if (const auto number = asked_number(request, "GET /v2/models/digits/versions/", "/ready"))
      return is_ready(number) ? Answer{200, ""} : Answer{400, R"({"error":"Model version not ready"})"};
    return {404, R"({"error":"Not Found"})"};
  }

  Answer answer_as_ovms(const std::string& request) {
    if (request == "POST /v1/config/reload") {
      const auto before = serves_;
      const bool loaded = load_newest();
      if (others_are_broken_ || !loaded)
        return {500, "{\n\t\"error\": \"Reloading models versions failed. Check server logs for more info.\"\n}"};
      return {before == serves_ ? 200 : 201, "{}"};
    }
    if (const auto number = asked_number(request, "GET /v2/models/digits/versions/", "/ready"))
      return is_ready(number) ? Answer{200, ""}
                              : Answer{404, R"({"error": "Model with requested version is not found"})"};
    return {404, R"({"error": "Invalid request URL"})"};
  }

  // It looks at the folder by itself, here: whenever it is asked.
  Answer answer_as_tfserving(const std::string& request) {
    const auto number = asked_number(request, "GET /v1/models/digits/versions/", "");
    if (number == 0) return {404, R"({"error": "Malformed request"})"};
    const bool loaded = load_newest();
    if (number == newest() && !loaded)
      return status_of(number, "END", "INVALID_ARGUMENT", "Error parsing SavedModel: not a protobuf");
    if (number != serves_)
      return {404, R"({"error": "Could not find version )" + std::to_string(number) + R"( of model digits"})"};
    return is_ready(number) ? status_of(number, "AVAILABLE", "OK", "") : status_of(number, "LOADING", "OK", "");
  }
  static Answer status_of(std::uint64_t number, const std::string& state, const std::string& code,
                          const std::string& message) {
    return {200, "{\n \"model_version_status\": [\n  {\n   \"version\": \"" + std::to_string(number) +
                     "\",\n   \"state\": \"" + state + "\",\n   \"status\": {\n    \"error_code\": \"" + code +
                     "\",\n    \"error_message\": \"" + message + "\"\n   }\n  }\n ]\n}\n"};
  }

  static std::uint64_t asked_number(const std::string& request, const std::string& before, const std::string& after) {
    if (!request.starts_with(before) || !request.ends_with(after)) return 0;
    std::uint64_t number = 0;
    std::from_chars(request.data() + before.size(), request.data() + request.size() - after.size(), number);
    return number;
  }
  bool is_ready(std::uint64_t number) {
    if (number != serves_) return false;
    return slow_answers_ == 0 || --slow_answers_ == 0;
  }
  std::uint64_t newest() const {
    std::uint64_t newest = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(repository_ / "digits", none)) {
      const std::string name = entry.path().filename().string();
      std::uint64_t number = 0;
      const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (failed == std::errc{} && end == name.data() + name.size()) newest = std::max(newest, number);
    }
    return newest;
  }
  // A version whose file begins with "broken" is one that the server cannot load.
  bool load_newest() {
    const std::uint64_t number = newest();
    if (number == 0) return false;
    for (const auto& file : std::filesystem::directory_iterator(repository_ / "digits" / std::to_string(number)))
      if (read_file(file.path()).value().starts_with("broken")) return false;
    serves_ = number;
    return true;
  }

  ServerKind kind_;
  std::filesystem::path repository_;
  std::mutex mutex_;
  std::uint64_t serves_ = 0;
  std::string metadata_ = "{}";
  int slow_answers_ = 0;
  bool refuses_control_ = false;
  bool others_are_broken_ = false;
  std::string metrics_;
  argosy::test::LoopbackHttp http_;  // last: its thread uses what is above
};

}  // namespace argosy::agent::test
