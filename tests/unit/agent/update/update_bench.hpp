// A device on a real folder, with a script as runner and a blob source that serves from memory; its loop and its jobs
// are one queue, run by whoever asks. One thread.
#pragma once

#include <deque>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "agent/serving/directory_serving.hpp"
#include "agent/update/model_updater.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent::test {

namespace fs = std::filesystem;

inline wire::BlobRef blob_of(const std::string& bytes) {
  return {sha256(as_bytes(bytes)).to_hex(), bytes.size()};
}

class Bench : public BlobSource {
 public:
  struct SwitchedOff {};
  explicit Bench(SwitchedOff, TrustPolicy trust = {}) : trust_(std::move(trust)), storage_(folder_ / "root") {}
  explicit Bench(TrustPolicy trust = {}) : Bench(SwitchedOff{}, std::move(trust)) {
    EXPECT_TRUE(storage_.create());
    answer_with(0.95);
    start();
  }

  // The device is switched on, again: a new process on the same disk.
  void start() { ASSERT_TRUE(try_to_start()); }
  Result<void> try_to_start() {
    switch_off();
    UpdaterPorts ports;
    ports.run_job = [this](std::function<void()> job) {
      loop_.push_back(std::move(job));
      return true;
    };
    ports.on_loop = [this](std::function<void()> f) { loop_.push_back(std::move(f)); };
    ports.now = [this] { return now_; };
    ports.uptime = [this] { return uptime_; };
    ports.hold_switch = [this] { return hold_switch_; };
    ports.baseline = [](const std::string&, const std::string&) { return Baseline{10.0, 100}; };
    ports.changed = [] {};
    ports.log = [this](const std::string& line) { log_ += line + '\n'; };
    ports.blobs = this;
    ports.serving = &serving_;
    updater_ = std::make_shared<ModelUpdater>(
        UpdaterOptions{"digits", storage_, folder_ / "runner", std::nullopt, 7, trust_}, std::move(ports));
    return updater_->start();
  }
  void switch_off() {
    loop_.clear();
    updater_.reset();
  }
  bool is_off() const { return switched_off_(); }
  // As soon as this says so, nothing is run any more.
  void stop_when(std::function<bool()> switched_off) { switched_off_ = std::move(switched_off); }
  void fetch(FetchRequest request, StopFlag, std::function<void(std::uint64_t)> progress,
             std::function<void(std::optional<FetchFailure>)> done) override {
    ++fetches_;
    kinds_ += "mpd"[static_cast<int>(request.kind)];
    loop_.push_back([this, request, progress, done] {
      if (hold_downloads_)
        return done(FetchFailure{make_error(Errc::unavailable, "held"), true, std::nullopt, hold_downloads_});
      const auto found = blobs_.find(request.blob.digest);
      if (found == blobs_.end()) return done(FetchFailure{make_error(Errc::not_found, "404"), false, std::nullopt});
      auto taken = take(request, found->second, progress);
      if (taken) return done(std::nullopt);
      const bool passing = taken.error().code == Errc::unavailable;
      done(FetchFailure{std::move(taken).error(), passing, std::nullopt});
    });
  }
  // The connection breaks after so many bytes of each fetch.
  void break_downloads_after(std::uint64_t bytes) { connection_lasts_ = bytes; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  // What its owner says of downloads, and of switching in.
  void hold_downloads(std::optional<Hold> hold) { hold_downloads_ = std::move(hold); }
  void hold_switch(std::optional<Hold> hold) { hold_switch_ = std::move(hold); }
  int fetches() const { return fetches_; }
  const std::string& kinds() const { return kinds_; }  // of the fetches: m, p, d

  void publish(const std::string& bytes) { publish_as(blob_of(bytes).digest, bytes); }
  void publish_as(const std::string& digest, const std::string& bytes) { blobs_[digest] = bytes; }
  void answer_with(double accuracy) {
    const fs::path runner = folder_ / "runner";
    std::ofstream(runner) << "#!/bin/sh\necho '{\"ok\": true, \"value\": " << accuracy << "}'\n";
    fs::permissions(runner, fs::perms::owner_all);
  }
  wire::DesiredModel wish(const std::string& version, const std::string& bytes, std::int64_t rollout) {
    publish(bytes);
    publish("data");
    wire::DesiredModel wish;
    wish.model = "digits";
    wish.version = version;
    wish.rollout = rollout;
    wish.format = "onnx";
    wish.artifact = blob_of(bytes);
    wish.validation.dataset = blob_of("data");
    wish.validation.threshold = 0.9;
    wish.probation.duration_s = 1;
    wish.probation.min_observations = 20;
    wish.probation.max_error_rate = 0.1;
    return wish;
  }
  void run(int steps = 100'000) {
    while (steps-- > 0 && !loop_.empty() && !switched_off_()) {
      auto next = std::move(loop_.front());
      loop_.pop_front();
      next();
    }
  }
  void install(const wire::DesiredModel& wish) {
    updater_->wish(wish);
    run();
    pass_probation({100, 0, 10.0, false});
  }
  void pass_probation(const ProbationTotals& totals) {
    for (int i = 0; i < 4 && updater_->state().phase == Phase::probation; ++i) {
      now_ += std::chrono::seconds(2);
      updater_->observe(totals);
      run();
    }
  }
  void let_time_pass(Duration duration) {
    now_ += duration;
    uptime_ += duration;
    updater_->tick();
  }
  void set_wall_clock(Instant now) { now_ = now; }
  Instant now() const { return now_; }
  Phase phase() const { return updater_->state().phase; }
  std::string served() const { return read_file(folder_ / "root/models/digits/current/model.onnx").value(); }
  ModelUpdater& updater() { return *updater_; }
  const std::string& log() const { return log_; }
  const Storage& storage() const { return storage_; }
  const TempFolder& folder() const { return folder_; }

 private:
  Result<void> take(const FetchRequest& request, const std::string& bytes,
                    const std::function<void(std::uint64_t)>& progress) {
    ARGOSY_TRY(const auto intake, request.open());
    if (!intake) return {};
    for (std::uint64_t sent = 0; intake->size() < bytes.size();) {
      if (sent >= connection_lasts_) return make_error(Errc::unavailable, "the connection broke");
      const std::string_view piece = std::string_view(bytes).substr(intake->size(), 7000);
      ARGOSY_CHECK(intake->append(piece));
      sent += piece.size();
      bytes_sent_ += piece.size();
      progress(intake->size());
    }
    return intake->finish();
  }

  std::function<bool()> switched_off_ = [] { return false; };
  std::string log_;
  std::uint64_t connection_lasts_ = ~0ULL;
  std::uint64_t bytes_sent_ = 0;
  TempFolder folder_;
  TrustPolicy trust_;
  Storage storage_;
  DirectoryServing serving_{{}};
  Instant now_ = instant_from_ms(1'700'000'000'000);
  Duration uptime_{};
  std::optional<Hold> hold_downloads_;
  std::optional<Hold> hold_switch_;
  int fetches_ = 0;
  std::string kinds_;
  std::map<std::string, std::string> blobs_;
  std::deque<std::function<void()>> loop_;
  std::shared_ptr<ModelUpdater> updater_;
};

}  // namespace argosy::agent::test
