#include "agent/app/models.hpp"

#include <algorithm>
#include <utility>

#include "agent/update/model_folder.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

constexpr Duration sweep_age = std::chrono::hours(24 * 7);
constexpr Duration sweep_interval = std::chrono::hours(24);
constexpr Duration retry_after = std::chrono::seconds(30);

// Also when the wall clock has jumped back.
bool is_due(Instant last, Duration interval, Instant now) {
  return now < last || now - last >= interval;
}

std::set<std::string> wanted_digests(const wire::Desired& desired) {
  std::set<std::string> wanted;
  for (const wire::DesiredModel& model : desired.models) {
    if (model.validation.dataset) wanted.insert(model.validation.dataset->digest);
    const std::vector<wire::Part> files = files_of(model);
    for (std::size_t i = 0; i < files.size(); ++i) {
      wanted.insert(files[i].blob.digest);
      for (const wire::PatchOffer& patch : patches_to(model, i)) {
        wanted.insert(patch.blob.digest);
        if (patch.result) wanted.insert(patch.result->digest);
      }
    }
  }
  return wanted;
}

}  // namespace

Models::Models(Storage storage, Options options, UpdaterPorts ports, WindowAccumulator& windows,
               std::function<void()> changed)
    : storage_(std::move(storage)),
      options_(std::move(options)),
      ports_(std::move(ports)),
      windows_(windows),
      changed_(std::move(changed)) {
  ports_.baseline = [this](const std::string& model, const std::string& version) {
    return windows_.baseline(model, version);
  };
  ports_.changed = [this] { changed_(); };
}

void Models::start() {
  load_desired();
  sweep();
  std::error_code failed;
  for (const auto& folder : fs::directory_iterator(storage_.root() / "models", failed)) {
    const std::string name = folder.path().filename().string();
    if (folder.is_directory() && is_name(name)) entry(name);
  }
  apply();
  follow_served();
}

void Models::stop() {
  for (auto& [name, entry] : entries_) entry.updater->stop();
}

void Models::load_desired() {
  const auto text = read_file(storage_.root() / "state" / "desired.json", 2 << 20);
  if (!text) return;
  auto desired = wire::decode_desired(*text);
  if (desired && desired->device == options_.device)
    desired_ = std::move(*desired);
  else
    ports_.log("the kept desired document is of no use; waiting for the server's");
}

Models::Entry* Models::entry(const std::string& model) {
  if (const auto found = entries_.find(model); found != entries_.end()) return &found->second;
  if (entries_.size() >= limit) {
    ports_.log(model + ": this device has " + std::to_string(limit) + " models already; it is left out");
    return nullptr;
  }
  const auto own_data = options_.local_datasets.find(model);
  UpdaterOptions options{model,
                         storage_,
                         options_.runner,
                         own_data == options_.local_datasets.end() ? options_.local_dataset : own_data->second,
                         options_.seed,
                         options_.trust,
                         options_.commands,
                         options_.metric_programs,
                         options_.open_box};
  auto updater = std::make_shared<ModelUpdater>(std::move(options), ports_);
  const auto started = updater->start();
  if (!started) {
    ports_.log(model + ": left alone: " + started.error().message);
    if (started.error().code == Errc::io || started.error().code == Errc::out_of_space) without_disk_.insert(model);
    return nullptr;
  }
  return &entries_.emplace(model, Entry{std::move(updater), std::nullopt, {}}).first->second;
}

void Models::take(const wire::Desired& desired) {
  if (desired.device != options_.device)
    return ports_.log("a desired document for '" + desired.device + "' reached this device; it is ignored");
  if (desired.rev <= desired_.rev) return;
  follow_served();  // while what is wished for is still known
  const auto kept = write_file_atomically(storage_.root() / "state" / "desired.json", wire::encode(desired));
  if (!kept) ports_.log("the desired document cannot be kept: " + kept.error().message);
  desired_ = desired;
  apply();
  changed_();
}

void Models::apply() {
  for (const wire::DesiredModel& wish : desired_.models) {
    windows_.set_features(wish.model, wish.version, wish.features);
    Entry* of = entry(wish.model);
    if (of == nullptr) continue;
    of->updater->wish(wish);
    if (of->followed == wish.version) of->followed.clear();  // something else may be said of it now
  }
  for (auto& [name, entry] : entries_) {
    const bool wanted = std::any_of(desired_.models.begin(), desired_.models.end(),
                                    [&name = name](const wire::DesiredModel& wish) { return wish.model == name; });
    if (!wanted && desired_.rev > 0) entry.updater->withdraw();
  }
}

// What updates that failed or were cancelled have left.
void Models::sweep() {
  if (!ports_.ages_count()) return;
  swept_at_ = ports_.now();
  storage_.sweep(wanted_digests(desired_), sweep_age);
}

// A disk that does not answer now may answer later.
void Models::start_the_troubled() {
  if (without_disk_.empty() || !is_due(tried_at_, retry_after, ports_.now())) return;
  tried_at_ = ports_.now();
  for (const std::string& model : std::exchange(without_disk_, {})) entry(model);
  apply();
}

void Models::tick() {
  start_the_troubled();
  if (is_due(swept_at_, sweep_interval, ports_.now())) sweep();
  for (auto& [name, entry] : entries_) entry.updater->tick();
  follow_probations();
  follow_served();
}

// Once as a version begins to serve, the windows get what belongs to it and outlives the wish for it: a device that
// refused the next version, or went back, serves one that nobody speaks of any more.
void Models::follow_served() {
  for (auto& [name, entry] : entries_) {
    const Slots& slots = entry.updater->state().slots;
    const SlotContent* served = slots.served();
    if (served == nullptr || served->version == entry.followed) continue;
    entry.followed = served->version;
    const ModelFolder folder(storage_.model(name));
    const auto counts = folder.calibration(*slots.serving);
    if (counts) windows_.set_calibration(name, served->version, Calibration(*counts));
    if (const auto* wish = wish_for(name, served->version)) {
      const auto kept = folder.keep_wish(*slots.serving, *wish);
      if (!kept) ports_.log(name + ": what belongs to " + served->version + " cannot be kept: " + kept.error().message);
    } else if (const auto kept_wish = folder.wish(*slots.serving); kept_wish && kept_wish->version == served->version) {
      windows_.set_features(name, served->version, kept_wish->features);
    }
  }
}

const wire::DesiredModel* Models::wish_for(const std::string& model, const std::string& version) const {
  const auto found = std::find_if(desired_.models.begin(), desired_.models.end(), [&](const wire::DesiredModel& wish) {
    return wish.model == model && wish.version == version;
  });
  return found == desired_.models.end() ? nullptr : &*found;
}

// The windows count a version's probation from the moment it began.
void Models::follow_probations() {
  for (auto& [name, entry] : entries_) {
    const UpdateState& state = entry.updater->state();
    if (state.phase != Phase::probation || entry.probation_from == state.probation_from) continue;
    entry.probation_from = state.probation_from;
    windows_.begin_probation(name, state.wish->version);
  }
}

void Models::window_ended() {
  follow_probations();
  for (auto& [name, entry] : entries_) {
    const UpdateState& state = entry.updater->state();
    if (state.phase != Phase::probation) continue;
    ProbationTotals totals = windows_.probation_totals(name, state.wish->version);
    totals.program_down = down_.contains(name);
    entry.updater->observe(totals);
  }
  down_.clear();  // a status counts once: without a newer one nothing is known
}

void Models::note_status(const ServingStatus& status, Instant now) {
  follow_probations();
  for (const Traffic& seen : status.traffic)
    windows_.add_counts(seen.model, seen.version, seen.count, seen.errors, seen.latency_ms, now);
  down_ = status.down;
}

void Models::count_shadow(const std::string& model, const ShadowAnswer& answer) {
  if (const auto found = entries_.find(model); found != entries_.end()) found->second.updater->count_shadow(answer);
}

std::vector<Placement> Models::served() const {
  std::vector<Placement> placements;
  for (const auto& [name, entry] : entries_)
    if (auto placement = entry.updater->served()) placements.push_back(std::move(*placement));
  return placements;
}

std::vector<wire::ModelReport> Models::reports() const {
  std::vector<wire::ModelReport> reports;
  for (const auto& [name, entry] : entries_) reports.push_back(entry.updater->report());
  return reports;
}

std::vector<std::string> Models::journals() const {
  std::vector<std::string> journals;
  for (const auto& [name, entry] : entries_) {
    UpdateState state = entry.updater->state();
    if (state.wish) {
      state.wish->signature.reset();
      state.wish->features.clear();
    }
    journals.push_back(encode_journal(state));
  }
  return journals;
}

std::string Models::serving_version(const std::string& model) const {
  const auto found = entries_.find(model);
  if (found == entries_.end()) return {};
  const SlotContent* served = found->second.updater->state().slots.served();
  return served == nullptr ? std::string() : served->version;
}

}  // namespace argosy::agent
