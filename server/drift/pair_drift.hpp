// What drift remembers of a (device, model) in memory, and its judgement from that alone. Pure; on the I/O thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/drift/fleet_drift.hpp"
#include "server/drift/judgement.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

// What a release is judged by, and what the devices that serve it show; shared by all pairs that do.
struct JudgedRelease {
  JudgedRelease(std::string its_model, std::string its_version, JudgedReference judged_by)
      : model(std::move(its_model)),
        version(std::move(its_version)),
        reference(std::move(judged_by)),
        peers(reference->features.size()) {
    for (const auto& feature : reference->features) fleet.push_back({model, version, feature.reference.name});
  }

  std::string model;
  std::string version;
  JudgedReference reference;
  Peers peers;
  std::vector<FleetDrift> fleet;  // by feature
  bool is_outdated = false;       // the release has another reference now
};

class JudgedReleases {
 public:
  using Name = std::pair<std::string, std::string>;  // model, version

  std::shared_ptr<JudgedRelease> learn(const Name& release, const JudgedReference& reference);
  // Those that pairs serve; those that none does any more are forgotten.
  std::vector<Name> in_use();
  SharedPeers peers_of(const Name& release);

  // All features of the releases of which an hour has ended since it was asked last, and those of them whose season
  // begins or is over with it.
  struct FleetNews {
    std::vector<FleetDrift> present;
    std::vector<FleetDrift> called;
    std::vector<FleetDrift> over;
  };
  FleetNews take_fleet_news(const DriftRules& rules, Instant now);
  // As it is written; where nothing is known yet.
  void restore(const std::vector<FleetDrift>& written);

 private:
  std::map<Name, std::shared_ptr<JudgedRelease>> releases_;
  std::map<std::tuple<std::string, std::string, std::string>, FleetDrift> written_;  // of releases not learned yet
};

struct PairVerdicts {
  std::vector<DriftVerdict> verdicts;
  std::optional<std::vector<ContractBreach>> breaches;  // where they changed
};

class PairDrift final : public PairMemory {
 public:
  // `known`: what is written of each feature, in the order of the reference's. `newest`: windows that started up to
  // then are in the evidence, or came before what is judged.
  PairDrift(std::shared_ptr<JudgedRelease> release, const Evidence& evidence, const std::vector<KnownVerdict>& known,
            Instant newest);

  std::size_t bytes() const override;

  // A window that was stored. One of another version, or one that comes late, makes it unsure.
  void hear(const DriftRules& rules, const TakenWindow& window, Instant now);

  // The verdicts that are worth a row now: how far a feature moved is noise for the most part, and can wait until the
  // pair is written anyway. None at all: the database has to be asked.
  std::optional<PairVerdicts> judge(const DriftRules& rules, const WatchedPair& pair, Instant now);

  Evidence evidence(const DriftRules& rules) const;  // what was judged last, as it is to be written
  const JudgedRelease& release() const { return *release_; }

 private:
  struct Known {
    Instant written_at{};
    float psi = 0;
    DriftVerdictKind kind = DriftVerdictKind::waiting;
  };
  // To the evidence, which is packed again; answers it.
  Evidence add_waiting(const DriftRules& rules);

  std::shared_ptr<JudgedRelease> release_;
  Bytes packed_;   // Evidence
  Bytes waiting_;  // windows heard that are not in the evidence yet, oldest first
  std::vector<Known> known_;
  Instant heard_until_{};
  std::size_t windows_waiting_ = 0;
  bool is_judged_ = true;  // nothing was heard since
};

}  // namespace argosy::server
