// The models of this device: one updater each, what the server wants of them, and how they fare in probation.
// The agent's loop thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/telemetry/window_accumulator.hpp"
#include "agent/update/model_updater.hpp"

namespace argosy::agent {

class Models {
 public:
  static constexpr std::size_t limit = 64;

  struct Options {
    std::string device;
    std::filesystem::path runner;
    std::optional<std::filesystem::path> local_dataset;
    std::uint64_t seed = 0;
    TrustPolicy trust = {};
    std::map<std::string, std::filesystem::path> commands = {};
    std::map<std::string, std::filesystem::path> local_datasets = {};   // by model, in place of `local_dataset`
    std::map<std::string, std::filesystem::path> metric_programs = {};  // by the NAME of a metric exec-NAME
    bool open_box = false;                                              // validate where no box is permitted, too
  };

  // `ports.baseline` and `ports.changed` are filled in here; `changed` is called after each change worth a report.
  Models(Storage storage, Options options, UpdaterPorts ports, WindowAccumulator& windows,
         std::function<void()> changed);

  // Goes on with what is on disk: the last desired document and each model's journal.
  void start();
  void stop();
  // Takes in a document that is newer than the last; older and repeated ones are ignored.
  void take(const wire::Desired& desired);
  void tick();
  void window_ended();  // those in probation get their look
  // What the serving adapter saw goes into the windows; what it found down counts at the next window's end.
  void note_status(const ServingStatus& status, Instant now);

  void count_shadow(const std::string& model, const ShadowAnswer& answer);

  std::int64_t rev() const { return desired_.rev; }
  std::vector<wire::ModelReport> reports() const;
  std::vector<std::string> journals() const;  // of updates, as JSON, without what is long and public: for diagnostics
  std::string serving_version(const std::string& model) const;
  std::vector<Placement> served() const;  // of the models that have a version in service

 private:
  struct Entry {
    std::shared_ptr<ModelUpdater> updater;
    std::optional<Instant> probation_from;  // as the windows know it
    std::string followed = {};              // the version in service that the windows were told of
  };
  void load_desired();
  void apply();
  Entry* entry(const std::string& model);
  void follow_probations();
  void follow_served();
  const wire::DesiredModel* wish_for(const std::string& model, const std::string& version) const;
  void start_the_troubled();
  void sweep();

  Storage storage_;
  Options options_;
  UpdaterPorts ports_;
  WindowAccumulator& windows_;
  std::function<void()> changed_;
  wire::Desired desired_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> down_;          // by the last status of this window
  std::set<std::string> without_disk_;  // could not be started because of the disk: tried again now and then
  Instant tried_at_{};
  Instant swept_at_{};
};

}  // namespace argosy::agent
