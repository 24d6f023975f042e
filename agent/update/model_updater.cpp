#include "agent/update/model_updater.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/update/part_file.hpp"
#include "agent/update/patched_part.hpp"
#include "agent/update/plan.hpp"
#include "common/base/disk.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "common/delta/patch_apply.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view runners_format = "onnx";
constexpr Duration progress_interval{500};
constexpr std::size_t deferred_limit = 64;
// Of a shadow run a power cut may cost a tenth of its samples, or half a minute.
constexpr Duration longest_unkept{30'000};
constexpr Duration shortest_unkept{1'000};  // writes no more often
constexpr std::uint64_t keeps_in_a_run = 10;

Result<FileDigest> expected_file(const std::string& digest, std::uint64_t size) {
  ARGOSY_TRY(const Digest parsed, Digest::parse(digest));
  return FileDigest{parsed, size};
}

Result<void> check_file(const fs::path& path, const wire::BlobRef& blob) {
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  if (failed) return errno_error("cannot find " + path.string(), failed.value());
  if (size != blob.size)
    return make_error(Errc::digest_mismatch, path.string() + " has " + std::to_string(size) + " bytes; " +
                                                 std::to_string(blob.size) + " were announced");
  ARGOSY_TRY(const Digest digest, sha256_file(path));
  if (digest.to_hex() == blob.digest) return {};
  return make_error(Errc::digest_mismatch,
                    path.string() + " has digest " + digest.to_hex() + "; " + blob.digest + " was announced");
}

struct Misfit {
  Error error;
  std::size_t file = 0;
};

// A slot that is sealed is what an earlier try left; else every file was downloaded or made. Hashed before the slot is
// touched: what is wrong is thrown away, and what is right stays where a start finds it.
std::optional<Misfit> find_misfit(const Storage& storage, const std::optional<fs::path>& sealed,
                                  const std::vector<wire::Part>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const wire::BlobRef& blob = files[i].blob;
    auto checked = check_file(sealed ? *sealed / files[i].name : storage.download(blob.digest), blob);
    if (checked) continue;
    if (!sealed) storage.remove_download(blob.digest);
    return Misfit{std::move(checked).error(), i};
  }
  return std::nullopt;
}

// Both names stay until the slot is sealed, so that a start in between finds every file.
Result<void> share_with_slot(const fs::path& download, const fs::path& file) {
  ARGOSY_CHECK(remove_tree(file));
  if (disk().share(download, file) == 0 || disk().rename(download, file) == 0) return {};
  return errno_error("cannot put the download in place as " + file.string(), errno);
}

Result<void> fill_slot(const ModelFolder& folder, const Storage& storage, SlotName target,
                       const wire::DesiredModel& wish) {
  const std::vector<wire::Part> files = files_of(wish);
  ARGOSY_CHECK(folder.open_for_writing(target));
  for (const wire::Part& file : files)
    ARGOSY_CHECK(share_with_slot(storage.download(file.blob.digest), folder.slot(target) / file.name));
  ARGOSY_CHECK(sync_path(folder.slot(target)));
  ARGOSY_CHECK(folder.seal(target, content_of(wish)));
  for (const wire::Part& file : files) storage.remove_download(file.blob.digest);
  return {};
}

// Where a patch's base is, and what it should be.
struct Base {
  fs::path path;
  FileDigest file;
};

// From one whole file in the downloads folder and a base to another file there.
Result<void> make_from_patch(const Storage& storage, const wire::PatchOffer& patch, const Base& base,
                             const wire::BlobRef& result, const StopFlag& stop) {
  ApplyRequest request;
  request.old_path = base.path;
  request.patch_path = storage.download(patch.blob.digest);
  request.expected_old = base.file;
  ARGOSY_TRY(request.expected_new, expected_file(result.digest, result.size));
  request.max_result_bytes = result.size;
  ARGOSY_CHECK(apply_patch_to_file(request, storage.download(result.digest),
                                   [&](std::uint64_t, std::uint64_t) { return !stop->load(); }));
  return {};
}

Result<Base> base_of(const ModelFolder& folder, const Storage& storage, const wire::PatchOffer& patch,
                     const std::optional<SlotName>& slot, const Slots& slots) {
  if (!slot) {
    const fs::path path = storage.download(patch.base_digest);
    ARGOSY_TRY(const auto file, expected_file(patch.base_digest, storage.have_bytes(patch.base_digest)));
    return Base{path, file};
  }
  const auto& content = slots.at(*slot);
  if (!content) return make_error(Errc::base_mismatch, "the patch's base is not on disk");
  const std::vector<wire::Part> files = files_of(*content);
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const wire::Part& each) { return each.blob.digest == patch.base_digest; });
  if (found == files.end()) return make_error(Errc::base_mismatch, "the patch's base is not on disk");
  ARGOSY_TRY(const auto file, expected_file(found->blob.digest, found->blob.size));
  return Base{folder.slot(*slot) / found->name, file};
}

// A part is never the whole, not even with its last byte: its digest has not been looked at.
std::uint64_t bytes_here(const Storage& storage, const wire::BlobRef& blob) {
  const std::uint64_t bytes = storage.have_bytes(blob.digest);
  return storage.is_whole(blob) || blob.size == 0 ? bytes : std::min(bytes, blob.size - 1);
}

Surveyed survey_disk(const Storage& storage, const wire::DesiredModel& wish) {
  Surveyed seen;
  const auto free_bytes = storage.free_bytes();
  seen.free_bytes = free_bytes ? *free_bytes : 0;
  seen.have_bytes.clear();
  const std::vector<wire::Part> files = files_of(wish);
  for (std::size_t i = 0; i < files.size(); ++i) {
    seen.have_bytes.push_back(bytes_here(storage, files[i].blob));
    for (const wire::PatchOffer& patch : patches_to(wish, i)) {
      if (const auto applied = applied_bytes(storage.log(patch.blob.digest))) seen.applied[patch.blob.digest] = applied;
      if (patch.result && storage.is_whole(*patch.result)) seen.results.insert(patch.result->digest);
    }
  }
  if (wish.validation.dataset) {
    std::error_code failed;
    const auto size = fs::file_size(storage.dataset(wish.validation.dataset->digest), failed);
    seen.dataset_ready = !failed && size == wish.validation.dataset->size;
  }
  return seen;
}

std::size_t files_taken_whole(const UpdateState& state) {
  return static_cast<std::size_t>(
      std::count_if(state.ways.begin(), state.ways.end(), [](const FileWay& way) { return way.whole_only; }));
}

// A model in a form that nothing here can run is taken as it is, unless the release asks to have it measured.
RunnerReport try_out(const RunnerCall& call, const wire::ValidationSpec& spec, const StopFlag& stop) {
  if (call.program || call.format == runners_format) return run_runner(call, stop);
  RunnerReport report;
  report.ok = !spec.dataset;
  if (report.ok) return report;
  report.end = RunnerReport::End::not_started;
  report.error_message = "nothing here runs models of the form '" + call.format +
                         "': name a program for it under [validation.commands] of the agent's configuration";
  return report;
}

}  // namespace

Duration steady_uptime() {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

ModelUpdater::ModelUpdater(UpdaterOptions options, UpdaterPorts ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      journal_(options_.storage.journal(options_.model)),
      folder_(options_.storage.model(options_.model)),
      trust_(options_.trust, options_.storage.seen(options_.model), options_.storage.signing_keys()),
      running_(make_stop_flag()) {}

Result<void> ModelUpdater::start() {
  if (!is_name(options_.model))
    return make_error(Errc::invalid_argument, "'" + options_.model + "' is not a model name");
  ARGOSY_CHECK(folder_.create());
  ARGOSY_TRY(LoadedJournal loaded, journal_.load());
  if (!loaded.remark.empty()) ports_.log(options_.model + ": " + loaded.remark);
  ARGOSY_TRY(const Slots facts, folder_.read());
  Step first = recover(loaded.state, facts, ports_.now());
  if (first.next.seed == 0) first.next.seed = stable_hash(options_.seed, options_.model);
  state_.slots = facts;  // what serves is told even while the journal cannot be written
  if (loaded.state) loaded.state->slots = facts;
  if (loaded.state && first.effects.empty()) first.keep = first.next != *loaded.state;
  take(std::move(first));
  // The last run may have ended between its last state and the sweep that follows it.
  const bool swept = is_terminal(state_.phase) && state_.phase != Phase::failed;
  if (swept && !unkept_) perform(Sweep{}, state_.ticket);
  return {};
}

void ModelUpdater::stop() {
  stopped_ = true;
  running_->store(true);
}

void ModelUpdater::wish(const wire::DesiredModel& wish) {
  handle(Wished{wish});
}
void ModelUpdater::withdraw() {
  handle(Withdrawn{});
}
void ModelUpdater::observe(const ProbationTotals& totals) {
  if (state_.phase == Phase::probation) handle(Observed{totals});
}

void ModelUpdater::tick() {
  if (const auto unmarked = std::exchange(unmarked_, std::nullopt)) {
    const auto& content = state_.slots.at(unmarked->slot);
    if (content && content->proven) perform(*unmarked, state_.ticket);
  }
  if (unkept_) {
    Step again = std::move(*unkept_);
    unkept_.reset();
    take(std::move(again));
    for (std::deque<Event> deferred = std::exchange(deferred_, {}); !deferred.empty(); deferred.pop_front())
      handle(deferred.front());
    return;
  }
  follow_candidate();
  if (are_shadow_counts_due()) keep_shadow_counts();
  if (!due_ || ports_.uptime() < *due_) return;
  keep_shadow_counts();  // which may end the run, and with it the wait
  if (!due_ || ports_.uptime() < *due_) return;
  due_.reset();
  const bool switches = state_.phase == Phase::validating || state_.phase == Phase::shadowing;
  handle(Tick{true, switches ? ports_.hold_switch() : std::nullopt});
}

void ModelUpdater::count_shadow(const ShadowAnswer& answer) {
  if (state_.phase != Phase::shadowing || answer.new_version != state_.wish->version) return;
  if (!answer.old_version.empty() && answer.old_version != state_.slots.served()->version) return;
  if (shadow_seen_.samples >= state_.wish->shadow->samples) return;  // the journal cannot be written
  add(shadow_seen_, counts_of(answer));
  if (state_.shadow.samples + shadow_seen_.samples >= state_.wish->shadow->samples) keep_shadow_counts();
}

bool ModelUpdater::are_shadow_counts_due() const {
  if (state_.phase != Phase::shadowing) return false;
  const Duration unkept = ports_.uptime() - shadow_kept_at_;
  const bool are_many = shadow_seen_.samples * keeps_in_a_run >= state_.wish->shadow->samples;
  return unkept >= (are_many ? shortest_unkept : longest_unkept);
}

void ModelUpdater::keep_shadow_counts() {
  if (unkept_) return;
  shadow_kept_at_ = ports_.uptime();
  if (state_.phase != Phase::shadowing || shadow_seen_.samples == 0) return;
  handle(Shadowed{std::exchange(shadow_seen_, {}), ports_.hold_switch()});
}

// The inference program finds the candidate for as long as the shadow run lasts. What fails is tried at the next tick.
void ModelUpdater::follow_candidate() {
  const bool wanted = state_.phase == Phase::shadowing;
  if (stopped_ || candidate_is_moving_ || candidate_is_offered_ == wanted) return;
  auto self = shared_from_this();
  candidate_is_moving_ =
      in_background([self, folder = folder_, wanted, slot = state_.target,
                     content = state_.slots.at(state_.target).value_or(SlotContent{})]() -> std::optional<Event> {
        const auto moved = wanted ? folder.offer_candidate(slot, content) : folder.withdraw_candidate();
        if (!moved) self->ports_.log("cannot say which candidate to ask: " + moved.error().message);
        self->ports_.on_loop([self, wanted, done = moved.has_value()] {
          self->candidate_is_moving_ = false;
          self->candidate_is_offered_ = done ? std::optional(wanted) : std::nullopt;
          if (done) self->follow_candidate();
        });
        return std::nullopt;
      });
}

// A wall clock that jumps makes no wait longer, nor shorter.
void ModelUpdater::set_alarm(const std::optional<Instant>& before) {
  const auto at = wake_at(state_);
  if (at == before && due_.has_value() == at.has_value()) return;
  due_.reset();
  if (at) due_ = ports_.uptime() + std::max(*at - ports_.now(), Duration{0});
}

void ModelUpdater::handle(const Event& event) {
  if (stopped_) return;
  if (unkept_) {
    const bool can_wait = !std::holds_alternative<FetchProgress>(event) && !std::holds_alternative<Observed>(event);
    if (can_wait && deferred_.size() < deferred_limit) deferred_.push_back(event);
    return;
  }
  take(step(state_, event, ports_.now()));
}

// Keep, then act: an effect never runs whose state could be forgotten.
void ModelUpdater::take(Step step) {
  const bool waited = !unkept_because_.empty();
  if (step.keep && !keep(step.next)) {
    unkept_ = std::move(step);
    return waited ? void() : ports_.changed();
  }
  const bool moved = step.next.phase != state_.phase || step.next.cause != state_.cause;
  const bool waits = step.next.held && (!state_.held || step.next.message != state_.message);
  const bool gave_up_patch = files_taken_whole(step.next) > files_taken_whole(state_);
  const auto woken_at = wake_at(state_);
  state_ = std::move(step.next);
  set_alarm(woken_at);
  if (waits || gave_up_patch) ports_.log(options_.model + ": " + state_.message);
  if (moved)
    ports_.log(options_.model + ": " + std::string(to_string(state_.phase)) +
               (state_.wish ? " " + state_.wish->version : "") +
               (state_.cause.empty() ? "" : " (" + state_.cause + ": " + state_.message + ")"));
  const Instant now = ports_.now();
  if (moved || step.keep || now - reported_at_ >= progress_interval || now < reported_at_) {
    reported_at_ = now;
    ports_.changed();
  }
  if (moved) shadow_seen_ = {};
  for (const Effect& effect : step.effects) act(effect);
  follow_candidate();
}

bool ModelUpdater::keep(const UpdateState& next) {
  const auto saved = journal_.save(next);
  const std::string because = saved ? "" : "the journal cannot be written, waiting: " + saved.error().message;
  if (because != std::exchange(unkept_because_, because) && !saved) ports_.log(options_.model + ": " + because);
  return saved.has_value();
}

// An update that cannot even begin, for want of a disk to write to, is told all the same.
wire::ModelReport ModelUpdater::report() const {
  const bool begins = unkept_ && unkept_->next.phase == Phase::planning;
  wire::ModelReport report = agent::report(options_.model, begins ? unkept_->next : state_);
  if (unkept_ && report.update) report.update->message = unkept_because_;
  return report;
}

void ModelUpdater::act(const Effect& effect) {
  std::visit([&](const auto& work) { perform(work, effect.ticket); }, effect.work);
}

bool ModelUpdater::in_background(std::function<std::optional<Event>()> work) {
  auto self = shared_from_this();
  const bool queued = ports_.run_job([self, work = std::move(work)] {
    auto event = work();
    if (!event) return;
    self->ports_.on_loop([self, event = std::move(*event)] { self->handle(event); });
  });
  if (!queued) ports_.log(options_.model + ": the job queue is full; the update goes on at the next start");
  return queued;
}

Placement ModelUpdater::placement_of(SlotName slot) const {
  const SlotContent content = state_.slots.at(slot).value_or(SlotContent{});
  Placement placement{options_.model,  folder_.path(), std::string(to_string(slot)),
                      content.version, content.format, content.digest};
  for (const wire::Part& part : content.parts) placement.parts.push_back(part.name);
  return placement;
}

std::optional<Placement> ModelUpdater::served() const {
  if (state_.slots.served() == nullptr) return std::nullopt;
  return placement_of(*state_.slots.serving);
}

void ModelUpdater::perform(const Survey&, std::int64_t ticket) {
  std::string unsuited = ports_.capabilities ? judge_suitability(*state_.wish, ports_.capabilities()) : std::string();
  in_background([storage = options_.storage, wish = *state_.wish, unsuited = std::move(unsuited),
                 ticket]() -> std::optional<Event> {
    Surveyed seen = survey_disk(storage, wish);
    seen.ticket = ticket;
    seen.unsuited = unsuited;
    return seen;
  });
}

void ModelUpdater::perform(const ClearSlot& effect, std::int64_t) {
  in_background([folder = folder_, effect, log = ports_.log]() -> std::optional<Event> {
    const auto cleared = folder.clear(effect.slot);
    if (!cleared) log("cannot clear a slot: " + cleared.error().message);
    return std::nullopt;
  });
}

void ModelUpdater::fetch(FetchRequest request, std::int64_t ticket) {
  std::weak_ptr<ModelUpdater> weak = weak_from_this();
  const auto progress = [weak, ticket](std::uint64_t bytes) {
    if (const auto self = weak.lock()) self->handle(FetchProgress{ticket, bytes});
  };
  const auto done = [weak, ticket](std::optional<FetchFailure> failure) {
    const auto self = weak.lock();
    if (!self) return;
    if (!failure) return self->handle(Fetched{ticket});
    self->handle(FetchFailed{ticket, std::move(failure->error), failure->passing, failure->retry_after,
                             std::move(failure->hold)});
  };
  ports_.blobs->fetch(std::move(request), running_, progress, done);
}

void ModelUpdater::perform(const FetchBlob& effect, std::int64_t ticket) {
  const Storage& storage = options_.storage;
  const std::string& digest = effect.blob.digest;
  const auto open = [part = storage.part(digest), blob = effect.blob,
                     whole = effect.is_dataset ? storage.dataset(digest) : storage.download(digest)] {
    return PartFile::open(part, whole, blob);
  };
  const BlobKind kind = effect.is_dataset                      ? BlobKind::dataset
                        : state_.way().source == Source::patch ? BlobKind::patch
                                                               : BlobKind::model;
  fetch({kind, effect.blob, open}, ticket);
}

void ModelUpdater::perform(const ShareFile& effect, std::int64_t ticket) {
  const SlotContent content = state_.slots.at(effect.slot).value_or(SlotContent{});
  in_background([file = folder_.file_of(effect.slot, content, effect.blob.digest),
                 download = options_.storage.download(effect.blob.digest), ticket]() -> std::optional<Event> {
    if (disk().share(file, download) == 0 || errno == EEXIST) return Fetched{ticket};
    return FetchFailed{ticket, errno_error("cannot take " + file.string() + " from its slot", errno), false,
                       std::nullopt};
  });
}

void ModelUpdater::perform(const StreamPatch& effect, std::int64_t ticket) {
  const wire::BlobRef result = result_of(effect.patch, present_file(state_));
  const auto open = [folder = folder_, storage = options_.storage, effect, slots = state_.slots,
                     result]() -> Result<std::unique_ptr<BlobIntake>> {
    ARGOSY_TRY(const Base base, base_of(folder, storage, effect.patch, effect.base, slots));
    return PatchedPart::open({base.path, base.file, effect.patch.blob, result, storage.part(result.digest),
                              storage.log(effect.patch.blob.digest), storage.download(result.digest)});
  };
  fetch({BlobKind::patch, effect.patch.blob, open, result.digest}, ticket);
}

void ModelUpdater::perform(const ApplyPatch& effect, std::int64_t ticket) {
  in_background([folder = folder_, storage = options_.storage, effect, slots = state_.slots,
                 result = result_of(effect.patch, present_file(state_)), stop = running_,
                 ticket]() -> std::optional<Event> {
    const auto base = base_of(folder, storage, effect.patch, effect.base, slots);
    if (!base) return PatchFailed{ticket, base.error()};
    auto patched = make_from_patch(storage, effect.patch, *base, result, stop);
    storage.remove_download(effect.patch.blob.digest);
    if (!patched) return PatchFailed{ticket, std::move(patched).error()};
    return Patched{ticket};
  });
}

void ModelUpdater::perform(const VerifyVersion& effect, std::int64_t ticket) {
  if (ports_.capabilities) trust_.know(ports_.capabilities());
  in_background([folder = folder_, storage = options_.storage, trust = trust_, effect, wish = *state_.wish,
                 now = ports_.now(), is_sealed = state_.slots.at(effect.target).has_value(),
                 ticket]() -> std::optional<Event> {
    auto admitted = trust.admit(wish, now);  // before the slot is touched: what is refused never lies in one
    if (!admitted) return VerifyFailed{ticket, std::move(admitted).error()};
    const auto sealed = is_sealed ? std::optional(folder.slot(effect.target)) : std::nullopt;
    if (auto misfit = find_misfit(storage, sealed, files_of(wish)))
      return VerifyFailed{ticket, std::move(misfit->error), misfit->file};
    if (is_sealed) return Verified{ticket};
    auto filled = fill_slot(folder, storage, effect.target, wish);
    if (!filled) return VerifyFailed{ticket, std::move(filled).error()};
    return Verified{ticket};
  });
}

RunnerCall ModelUpdater::call_for(SlotName slot, const std::string& format) const {
  const wire::ValidationSpec& spec = state_.wish->validation;
  RunnerCall call;
  call.runner = options_.runner;
  call.model = folder_.model_file(slot, format);
  if (const auto found = options_.commands.find(format); found != options_.commands.end()) call.program = found->second;
  call.format = format;
  if (spec.dataset) call.dataset = options_.storage.dataset(spec.dataset->digest);
  call.local_dataset = options_.local_dataset;
  call.metric = spec.metric;
  if (const auto name = wire::metric_program(spec.metric)) {
    const auto found = options_.metric_programs.find(std::string(*name));
    if (found != options_.metric_programs.end()) call.metric_program = found->second;
  }
  call.max_memory_mb = spec.max_memory_mb;
  call.timeout_s = spec.timeout_s;
  call.open_box = options_.open_box;
  return call;
}

void ModelUpdater::perform(const Validate& effect, std::int64_t ticket) {
  const wire::ValidationSpec& spec = state_.wish->validation;
  std::optional<RunnerCall> serving;
  Baseline baseline;
  if (const SlotContent* served = state_.slots.served()) {
    baseline = ports_.baseline(options_.model, served->version);
    if (compares_with_serving(spec)) serving = call_for(*state_.slots.serving, served->format);
  }
  in_background([call = call_for(effect.target, state_.wish->format), serving, spec, baseline, folder = folder_,
                 target = effect.target, hold = ports_.hold_switch, stop = running_, ticket]() -> std::optional<Event> {
    std::optional<RunnerReport> serving_report;
    if (serving) serving_report = try_out(*serving, spec, stop);
    const RunnerReport report = try_out(call, spec, stop);
    // A model is not refused for want of it: accuracy is then not estimated.
    if (report.calibration) static_cast<void>(folder.keep_calibration(target, *report.calibration));
    return Validated{ticket, judge_validation(spec, report, serving_report), baseline, hold()};
  });
}

void ModelUpdater::perform(const Activate& effect, std::int64_t ticket) {
  in_background([serving = ports_.serving, placement = placement_of(effect.target), ticket]() -> std::optional<Event> {
    auto failure = serving->switch_to(placement);
    if (!failure) return Activated{ticket};
    return ActivateFailed{ticket, std::move(failure->error), failure->switched};
  });
}

void ModelUpdater::perform(const RollBack& effect, std::int64_t ticket) {
  in_background([serving = ports_.serving, placement = placement_of(effect.target), ticket]() -> std::optional<Event> {
    auto failure = serving->switch_to(placement);
    if (!failure) return RolledBack{ticket};
    return RollBackFailed{ticket, std::move(failure->error)};
  });
}

void ModelUpdater::perform(const MarkProven& effect, std::int64_t) {
  auto self = shared_from_this();
  in_background([self, effect, placement = placement_of(effect.slot)]() -> std::optional<Event> {
    const auto marked = self->folder_.mark_proven(effect.slot);
    self->ports_.serving->settle(placement);
    if (marked) return std::nullopt;
    self->ports_.log("cannot mark a slot as proven: " + marked.error().message);
    self->ports_.on_loop([self, effect] { self->unmarked_ = effect; });
    return std::nullopt;
  });
}

void ModelUpdater::perform(const MendLink& effect, std::int64_t) {
  in_background(
      [serving = ports_.serving, placement = placement_of(effect.slot), log = ports_.log]() -> std::optional<Event> {
        const auto failure = serving->switch_to(placement);
        if (failure) log("cannot mend the link of " + placement.model + ": " + failure->error.message);
        return std::nullopt;
      });
}

void ModelUpdater::perform(const Abort&, std::int64_t) {
  running_->store(true);
  running_ = make_stop_flag();
}

void ModelUpdater::perform(const Sweep&, std::int64_t) {
  if (!state_.wish) return;
  in_background([storage = options_.storage, wish = *state_.wish]() -> std::optional<Event> {
    const std::vector<wire::Part> files = files_of(wish);
    for (std::size_t i = 0; i < files.size(); ++i) {
      storage.remove_download(files[i].blob.digest);
      for (const wire::PatchOffer& patch : patches_to(wish, i)) {
        storage.remove_download(patch.blob.digest);
        if (patch.result) storage.remove_download(patch.result->digest);
      }
    }
    return std::nullopt;
  });
}

}  // namespace argosy::agent
