// Serving by a model server with a repository of numbered versions: Triton, OpenVINO Model Server, TensorFlow Serving.
// A version is put on the shelf whole, the server is told, and `current` follows when the server says that it is ready;
// a version that the server refuses is taken away again and the one before serves on. Blocking, on the job thread alone
// but for stop().
#pragma once

#include <atomic>
#include <chrono>
#include <map>

#include "agent/serving/http_port.hpp"
#include "agent/serving/served_counts.hpp"
#include "agent/serving/server_dialect.hpp"
#include "agent/serving/serving.hpp"
#include "agent/serving/version_shelf.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {

class ServerServing : public Serving {
 public:
  struct Options {
    ServerKind kind = ServerKind::triton;
    std::string url;                   // without a slash at its end
    std::filesystem::path repository;  // <repository>/<model>/<N>/
    std::string file;                  // the model's name in <N>/; empty: model.<format>
    std::string metrics_url;           // empty: programs report inferences themselves
    Duration ready_limit{60'000};
    std::uint64_t seed = 0;  // of the pauses between questions
  };
  // `http` stays the caller's.
  ServerServing(Options options, HttpPort& http) : options_(std::move(options)), http_(http), pauses_(options_.seed) {}

  std::optional<SwitchFailure> switch_to(const Placement& placement) override;
  void settle(const Placement& placement) override;
  // Down: the server does not answer, or does not call the version ready.
  ServingStatus look(const std::vector<Placement>& served) override;
  void stop() override;

 private:
  using Clock = std::chrono::steady_clock;

  VersionShelf& shelf_of(const Placement& placement);
  std::string file_name(const Placement& placement) const;

  Result<void> serve(const std::string& model, std::uint64_t number);
  Result<void> load(const std::string& model, Clock::time_point deadline);
  Result<void> wait_until_ready(const std::string& model, std::uint64_t number, Clock::time_point deadline);
  Result<Readiness> ask(const std::string& model, std::uint64_t number, std::string& words);
  Result<void> pause(int attempt, Clock::time_point deadline);
  SwitchFailure put_back(const Placement& placement, std::uint64_t number, Error error);

  void ask_version(bool reachable);
  void collect();  // what was served since the last time, into traffic_
  std::string version_of(const std::string& model, std::uint64_t number) const;

  Options options_;
  HttpPort& http_;
  Rng pauses_;
  std::map<std::string, VersionShelf> shelves_;  // as many as the device has models
  std::optional<ServedByVersion> seen_;          // at the last look
  std::vector<Traffic> traffic_;                 // not handed out yet
  std::string runtime_;                          // as the server said it
  Clock::time_point runtime_good_until_{};       // then it is asked again
  std::atomic<bool> stopped_ = false;
};

}  // namespace argosy::agent
