// One model's folder on disk: `a/` and `b/`, each with model.<format>, its parts and release.json, and the link
// `current`. A slot counts as filled only while its release.json is there: it is removed before another file is touched
// and written after all were verified. Blocking; one thread at a time. Never writes to the slot that serves.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/update/update_state.hpp"
#include "common/stats/calibration.hpp"

namespace argosy::agent {

class ModelFolder {
 public:
  explicit ModelFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<void> create() const;  // the folder and its slots
  // The facts. What is not there or makes no sense counts as empty; a disk that does not answer is Errc::io, since a
  // version that it hides for a moment must not be taken for lost.
  Result<Slots> read() const;

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path slot(SlotName slot) const { return folder_ / to_string(slot); }
  std::filesystem::path current() const { return folder_ / "current"; }
  std::filesystem::path model_file(SlotName slot, std::string_view format) const;
  // The file with this digest, which the slot holds.
  std::filesystem::path file_of(SlotName slot, const SlotContent& content, std::string_view digest) const;

  // All of these refuse the serving slot with Errc::conflict, but for mark_proven and keep_wish.
  Result<void> clear(SlotName slot) const;
  Result<void> open_for_writing(SlotName slot) const;  // removes release.json: from now on the slot counts as empty
  Result<void> seal(SlotName slot, const SlotContent& content) const;
  Result<void> mark_proven(SlotName slot) const;

  // How the confidence of the version in this slot turned out when it was validated here; nothing where that is not
  // known. Sealing a slot forgets it.
  Result<void> keep_calibration(SlotName slot, const CalibrationCounts& counts) const;
  std::optional<CalibrationCounts> calibration(SlotName slot) const;

  // What the server said of the version in this slot while it wished for it, without the ways to fetch it: it is not
  // said again once another version is wished for. Sealing a slot forgets it.
  Result<void> keep_wish(SlotName slot, const wire::DesiredModel& wish) const;
  std::optional<wire::DesiredModel> wish(SlotName slot) const;

  // While there is a file `candidate`, "VERSION PATH" with a path below this folder, the inference program may ask that
  // version beside the one that serves. Withdrawing what is not offered is no error.
  std::filesystem::path candidate() const { return folder_ / "candidate"; }
  Result<void> offer_candidate(SlotName slot, const SlotContent& content) const;
  Result<void> withdraw_candidate() const;

 private:
  std::filesystem::path release_file(SlotName slot) const;
  std::filesystem::path calibration_file(SlotName slot) const;
  std::filesystem::path wish_file(SlotName slot) const;
  Result<std::optional<SlotName>> serving() const;  // where `current` leads
  Result<void> refuse_serving(SlotName slot) const;

  std::filesystem::path folder_;
};

}  // namespace argosy::agent
