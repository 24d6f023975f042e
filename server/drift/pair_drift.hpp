// What drift remembers of a (device, model) in memory, and its judgement from that alone. Pure; on the I/O thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/desired.hpp"
#include "common/wire/telemetry.hpp"
#include "server/drift/evidence.hpp"
#include "server/drift/verdict.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

// The histograms that came with a release; shared by all pairs that serve it.
struct ReferenceToJudge {
  std::string model;
  std::string version;
  std::vector<wire::FeatureReference> features;
  bool is_outdated = false;  // the release has others now
};

class ReferencesToJudge {
 public:
  using Name = std::pair<std::string, std::string>;  // model, version

  std::shared_ptr<const ReferenceToJudge> learn(const Name& release,
                                                const std::vector<wire::FeatureReference>& features);
  // The releases that pairs serve; those that none does any more are forgotten.
  std::vector<Name> in_use();

 private:
  std::map<Name, std::shared_ptr<ReferenceToJudge>> references_;
};

struct DriftRules {
  EvidenceRule evidence{};
  DriftRule drift{};
};

class PairDrift final : public PairMemory {
 public:
  // `known`: what is written of each feature of the reference, in its order. `newest`: windows that started up to then
  // are in the evidence, or came before what is judged.
  PairDrift(std::shared_ptr<const ReferenceToJudge> reference, const Evidence& evidence,
            const std::vector<KnownVerdict>& known, Instant newest);

  std::size_t bytes() const override;

  // A window that was stored. One of another version, or one that comes late, makes it unsure.
  void hear(const DriftRules& rules, const std::string& version, Instant started_at,
            const std::vector<wire::FeatureCounts>& features, Instant now);

  // The verdicts that are worth a row now: how far a feature moved is noise for the most part, and can wait until the
  // pair is written anyway. None at all: the database has to be asked.
  std::optional<std::vector<DriftVerdict>> judge(const DriftRules& rules, const WatchedPair& pair, Instant now);

  Evidence evidence(const DriftRules& rules) const;  // what was judged last, as it is to be written
  const ReferenceToJudge& reference() const { return *reference_; }

 private:
  struct Known {
    double psi = 0;
    Instant written_at{};
    std::uint32_t samples = 0;  // the most it holds, where there are more
    bool drifted = false;
  };
  // To the evidence, which is packed again; answers it.
  Evidence add_waiting(const DriftRules& rules);

  std::shared_ptr<const ReferenceToJudge> reference_;
  Bytes packed_;   // Evidence
  Bytes waiting_;  // windows heard that are not in the evidence yet, oldest first
  std::vector<Known> known_;
  Instant heard_until_{};
  std::size_t windows_waiting_ = 0;
  bool is_judged_ = true;  // nothing was heard since
};

}  // namespace argosy::server
