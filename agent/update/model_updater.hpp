// The shell around one model's update machine: keeps the state, acts on its effects, feeds the outcomes back.
// Lives on the agent's loop thread; blocking work goes through `run_job` to the job thread and comes back by `on_loop`.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/serving/serving.hpp"
#include "agent/update/blob_source.hpp"
#include "agent/update/journal.hpp"
#include "agent/update/model_folder.hpp"
#include "agent/update/release_trust.hpp"
#include "agent/update/runner_process.hpp"
#include "agent/update/shadow_answer.hpp"
#include "agent/update/storage.hpp"
#include "agent/update/update_machine.hpp"

namespace argosy::agent {

Duration steady_uptime();

struct UpdaterPorts {
  std::function<bool(std::function<void()>)> run_job;  // on the job thread, in order; false: full
  std::function<void(std::function<void()>)> on_loop;  // from any thread
  std::function<Instant()> now;
  std::function<Duration()> uptime = steady_uptime;        // by a clock that never jumps
  std::function<bool()> ages_count = [] { return true; };  // whether the times on files can be believed
  std::function<std::optional<Hold>()> hold_switch = [] { return std::optional<Hold>(); };  // any thread
  std::function<wire::Capabilities()> capabilities = {};  // of the device as it is now; none: as its configuration says
  std::function<Baseline(const std::string& model, const std::string& version)> baseline;
  std::function<void()> changed;  // there is something new to report
  std::function<void(const std::string& line)> log;
  BlobSource* blobs = nullptr;
  Serving* serving = nullptr;
};

struct UpdaterOptions {
  std::string model;
  Storage storage;
  std::filesystem::path runner;
  std::optional<std::filesystem::path> local_dataset;  // has to meet the release's threshold too
  std::uint64_t seed = 0;
  TrustPolicy trust = {};
  std::map<std::string, std::filesystem::path> commands = {};  // by format: programs that run what the runner does not
  std::map<std::string, std::filesystem::path> metric_programs = {};  // by the NAME of a metric exec-NAME
  bool open_box = false;                                              // validate where no box is permitted, too
};

class ModelUpdater : public std::enable_shared_from_this<ModelUpdater> {
 public:
  ModelUpdater(UpdaterOptions options, UpdaterPorts ports);

  // Reads journal and facts and goes on where the last run ended. Errc::incompatible: a newer agent's journal.
  Result<void> start();
  void stop();  // what runs is told to end; outcomes are no longer taken

  void wish(const wire::DesiredModel& wish);
  void withdraw();
  void tick();  // about once a second
  void observe(const ProbationTotals& totals);
  // An input that the inference program asked both versions; passed over unless it is of the present shadow run.
  void count_shadow(const ShadowAnswer& answer);

  const UpdateState& state() const { return state_; }
  std::optional<Placement> served() const;  // the version in service; none before the first
  wire::ModelReport report() const;

 private:
  void handle(const Event& event);
  void take(Step step);
  bool keep(const UpdateState& next);
  void set_alarm(const std::optional<Instant>& before);
  bool are_shadow_counts_due() const;
  void keep_shadow_counts();
  void follow_candidate();
  void act(const Effect& effect);

  void perform(const Survey&, std::int64_t ticket);
  void perform(const ClearSlot&, std::int64_t ticket);
  void perform(const FetchBlob&, std::int64_t ticket);
  void perform(const ShareFile&, std::int64_t ticket);
  void perform(const StreamPatch&, std::int64_t ticket);
  void perform(const ApplyPatch&, std::int64_t ticket);
  void perform(const VerifyVersion&, std::int64_t ticket);
  void perform(const Validate&, std::int64_t ticket);
  void perform(const Activate&, std::int64_t ticket);
  void perform(const RollBack&, std::int64_t ticket);
  void perform(const MarkProven&, std::int64_t ticket);
  void perform(const MendLink&, std::int64_t ticket);
  void perform(const Abort&, std::int64_t ticket);
  void perform(const Sweep&, std::int64_t ticket);

  void fetch(FetchRequest request, std::int64_t ticket);
  // Runs `work` on the job thread; the event that it returns is handled on the loop. False: there is no room for it.
  bool in_background(std::function<std::optional<Event>()> work);
  Placement placement_of(SlotName slot) const;
  RunnerCall call_for(SlotName slot, const std::string& format) const;

  UpdaterOptions options_;
  UpdaterPorts ports_;
  Journal journal_;
  ModelFolder folder_;
  ReleaseTrust trust_;
  UpdateState state_;
  std::optional<Step> unkept_;  // could not be written to the journal: tried again at the next tick,
  std::string unkept_because_;
  std::deque<Event> deferred_;                // before what happens meanwhile
  std::optional<MarkProven> unmarked_;        // could not be written to the slot: again at the next tick
  StopFlag running_;                          // of the present effects
  std::optional<Duration> due_;               // wake_at(state_), by uptime
  wire::ShadowCounts shadow_seen_{};          // not in the journal yet
  Duration shadow_kept_at_{};                 // by uptime
  std::optional<bool> candidate_is_offered_;  // none: not known, as after a start
  bool candidate_is_moving_ = false;
  Instant reported_at_{};
  bool stopped_ = false;
};

}  // namespace argosy::agent
