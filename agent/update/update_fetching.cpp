#include "agent/update/update_fetching.hpp"

#include <algorithm>
#include <utility>

#include "agent/update/plan.hpp"

namespace argosy::agent::machine {

namespace {

std::uint64_t bytes_of_way(const UpdateState& s) {
  if (s.way().source == Source::local) return 0;
  return s.way().source == Source::patch ? s.way().patch->blob.size : present_file(s).size;
}

void fetch(Transition& change) {
  change.state.retry_at.reset();
  if (change.state.fetching_dataset) return change.await(FetchBlob{*change.state.wish->validation.dataset, true});
  const FileWay& way = change.state.way();
  const wire::BlobRef file = present_file(change.state);
  const auto slot = way.source == Source::local ? change.state.slots.holding(file.digest) : std::nullopt;
  if (slot) return change.await(ShareFile{file, *slot});
  if (way.source != Source::patch) return change.await(FetchBlob{file, false});
  if (!is_streamed(*way.patch)) return change.await(FetchBlob{way.patch->blob, false});
  change.await(StreamPatch{*way.patch, change.state.slots.holding(way.patch->base_digest)});
}

// The version's own bytes are here: the data set next, then on to the slot.
void verify(Transition& change) {
  if (!change.state.dataset_ready) {
    change.enter(Phase::downloading);
    change.state.fetching_dataset = true;
    return fetch(change);
  }
  change.state.fetching_dataset = false;
  auto& content = change.state.slots.at(change.state.target);
  if (!is_release(content, *change.state.wish)) content.reset();  // from now on it is overwritten
  change.enter(Phase::verifying);
  change.await(VerifyVersion{change.state.target});
}

// The present file is here: the next one that is not, or on.
void take_next_file(Transition& change) {
  if (change.state.file + 1 == change.state.ways.size()) return verify(change);
  ++change.state.file;
  survey(change);
}

// What a patch should make is made: the file, or the base of the next patch.
void after_patch(Transition& change) {
  if (change.state.way().patch->result) return leave_way(change);
  take_next_file(change);
}

// Whether every file is. Of the present one the start may have come between its last byte and what follows it; what
// came by no way of this update an earlier one has fetched.
bool are_all_here(UpdateState& s, const Surveyed& seen) {
  const std::vector<wire::Part> files = files_of(*s.wish);
  bool all = true;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool is_here = seen.have_bytes[i] == files[i].blob.size;
    all = all && is_here;
    if (!is_here) continue;
    if (s.ways[i].source == Source::none)
      s.ways[i].source = Source::full;
    else if (i == s.file)
      s.way().fetched_bytes = bytes_of_way(s);
  }
  return all;
}

std::string patch_failure(const Error& error) {
  return "the patch failed (" + std::string(slug(error.code)) + ": " + error.message + ")";
}

// Of all files, with so many bytes of the present way fetched.
double share_done(const UpdateState& s, std::uint64_t bytes) {
  const std::uint64_t whole = bytes_of_way(s);
  const double of_file = whole == 0 ? 1 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(whole));
  const std::vector<wire::Part> files = files_of(*s.wish);
  const auto all = static_cast<double>(size_of(files));
  if (all == 0) return of_file;
  const auto before =
      static_cast<double>(size_of({files.begin(), files.begin() + static_cast<std::ptrdiff_t>(s.file)}));
  return (before + of_file * static_cast<double>(files[s.file].blob.size)) / all;
}

}  // namespace

void survey(Transition& change) {
  change.enter(Phase::planning);
  change.state.fetching_dataset = false;
  change.state.wrong_bytes = 0;
  change.await(Survey{});
}

void leave_way(Transition& change) {
  FileWay& way = change.state.way();
  change.state.wasted_bytes += std::exchange(way.fetched_bytes, 0);
  way.source = Source::none;
  way.patch.reset();
  survey(change);
}

void choose_way(Transition& change, const Surveyed& seen) {
  const wire::DesiredModel& wish = *change.state.wish;
  if (!seen.unsuited.empty()) return finish(change, Phase::failed, "incompatible", seen.unsuited);
  change.state.dataset_ready = seen.dataset_ready || !wish.validation.dataset;
  if (is_release(change.state.slots.at(change.state.target), wish)) {
    take_from_slot(change.state);
    return verify(change);
  }
  if (are_all_here(change.state, seen)) return verify(change);
  PlanResources resources;
  resources.free_bytes = seen.free_bytes;
  resources.have_bytes = seen.have_bytes;
  resources.dataset_bytes = change.state.dataset_ready ? 0 : wish.validation.dataset->size;
  resources.reserve_bytes = disk_reserve;
  resources.whole_only.clear();
  for (const FileWay& way : change.state.ways) resources.whole_only.push_back(way.whole_only);
  resources.applied = seen.applied;
  resources.results = seen.results;
  const auto plan = make_plan(wish, change.state.slots, change.state.target, resources);
  if (!plan) return finish(change, Phase::failed, "no_space", plan.error().message);
  change.state.file = plan->file;
  FileWay& way = change.state.way();
  way.fetched_bytes = 0;
  way.source = plan->source;
  way.patch = plan->patch;
  if (plan->clear_target) {
    change.state.slots.at(change.state.target).reset();
    change.act(ClearSlot{change.state.target});
  }
  change.enter(way.patch && is_streamed(*way.patch) ? Phase::patching : Phase::downloading);
  fetch(change);
}

void take_whole_file(Transition& change, const std::string& why) {
  change.state.way().whole_only = true;
  leave_way(change);
  change.state.message = why + "; taking the whole file instead";
}

void note_progress(Transition& change, const FetchProgress& event) {
  change.keep = change.state.starts > 0 || change.state.held;
  change.end_hold();
  change.state.starts = 0;
  if (change.state.fetching_dataset) {
    change.state.tries = 0;
    return;
  }
  FileWay& way = change.state.way();
  if (event.bytes > way.fetched_bytes) change.state.tries = 0;  // the same bytes once more are no progress
  way.fetched_bytes = std::max(way.fetched_bytes, event.bytes);
  change.state.progress = share_done(change.state, event.bytes);
}

void take_blob(Transition& change, const Fetched&) {
  change.state.starts = 0;
  change.state.tries = 0;
  change.state.wrong_bytes = 0;
  if (change.state.fetching_dataset) {
    change.state.dataset_ready = true;
    return verify(change);
  }
  FileWay& way = change.state.way();
  way.fetched_bytes = bytes_of_way(change.state);
  if (way.source != Source::patch) return take_next_file(change);
  if (change.state.phase == Phase::patching) return after_patch(change);
  change.enter(Phase::patching);
  change.await(ApplyPatch{*way.patch, change.state.slots.holding(way.patch->base_digest)});
}

void fetch_again_or_fail(Transition& change, const FetchFailed& event) {
  const Error& error = event.error;
  if (event.hold) return wait_for_owner(change, *event.hold);
  if (error.code == Errc::out_of_space) return finish(change, Phase::failed, "no_space", error.message);
  change.end_hold();
  if (event.passing) {
    change.state.message = error.message;
    return wait_and_retry(change, event.retry_after);
  }
  const Source source = change.state.fetching_dataset ? Source::full : change.state.way().source;
  if (source == Source::patch) return take_whole_file(change, patch_failure(error));
  if (source == Source::local) return take_whole_file(change, error.message);
  const bool wrong = error.code == Errc::digest_mismatch;
  if (wrong && ++change.state.wrong_bytes < max_wrong_bytes) return wait_and_retry(change, std::nullopt);
  finish(change, Phase::failed, wrong ? "verify" : "download", error.message);
}

void fetch_when_due(Transition& change, const Tick& tick) {
  if (!is_due(change.state, tick, change.now)) return change.ignore();
  change.keep = !change.state.held;  // a start finds the same, and a long wait does not wear out the disk
  fetch(change);
}

void take_result(Transition& change, const Patched&) {
  after_patch(change);
}

void give_up_patch(Transition& change, const PatchFailed& event) {
  if (event.error.code == Errc::out_of_space) return finish(change, Phase::failed, "no_space", event.error.message);
  take_whole_file(change, patch_failure(event.error));
}

}  // namespace argosy::agent::machine
