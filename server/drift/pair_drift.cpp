#include "server/drift/pair_drift.hpp"

#include <algorithm>

#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

// Heard windows are added to the evidence so many at a time: unpacking it for each would cost more than all else.
constexpr std::size_t most_waiting = 16;
constexpr double psi_worth_writing_at_once = 0.1;

}  // namespace

std::shared_ptr<JudgedRelease> JudgedReleases::learn(const Name& release, const JudgedReference& reference) {
  auto& known = releases_[release];
  if (known && *known->reference == *reference) return known;
  if (known) known->is_outdated = true;
  known = std::make_shared<JudgedRelease>(release.first, release.second, reference);
  auto table = std::make_shared<PeerTable>(reference->features.size());
  bool is_restored = false;
  for (std::size_t place = 0; place < known->fleet.size(); ++place) {
    const auto found = written_.find({release.first, release.second, known->fleet[place].feature});
    if (found == written_.end()) continue;
    known->fleet[place] = found->second;
    table->set(place, Against::training, found->second.training);
    table->set(place, Against::own, found->second.own);
    table->set(place, Against::last_year, found->second.last_year);
    is_restored = true;
  }
  if (is_restored) known->peers.restore(std::move(table));
  return known;
}

std::vector<JudgedReleases::Name> JudgedReleases::in_use() {
  std::erase_if(releases_, [](const auto& known) { return known.second.use_count() == 1; });
  std::vector<Name> names;
  for (const auto& [name, release] : releases_) names.push_back(name);
  return names;
}

SharedPeers JudgedReleases::peers_of(const Name& release) {
  const auto found = releases_.find(release);
  return found == releases_.end() ? std::make_shared<const PeerTable>() : found->second->peers.table();
}

void JudgedReleases::restore(const std::vector<FleetDrift>& written) {
  written_.clear();
  for (const auto& drift : written) written_.insert_or_assign({drift.model, drift.version, drift.feature}, drift);
}

JudgedReleases::FleetNews JudgedReleases::take_fleet_news(const DriftRules& rules, Instant now) {
  FleetNews news;
  for (auto& [name, release] : releases_) {
    if (!release->peers.take_ended_hour()) continue;
    const auto peers = release->peers.table();
    for (std::size_t place = 0; place < release->fleet.size(); ++place) {
      auto& drift = release->fleet[place];
      const bool was_called = drift.called_at.has_value();
      take_hour(rules.drift, rules.evidence.hour(), *peers, place, now, drift);
      news.present.push_back(drift);
      if (drift.called_at && !was_called) news.called.push_back(drift);
      if (!drift.called_at && was_called) news.over.push_back(drift);
    }
  }
  return news;
}

PairDrift::PairDrift(std::shared_ptr<JudgedRelease> release, const Evidence& evidence,
                     const std::vector<KnownVerdict>& known, Instant newest)
    : release_(std::move(release)), packed_(evidence.pack()), heard_until_(newest) {
  known_.reserve(known.size());
  for (const auto& verdict : known)
    known_.push_back({verdict.written_at, static_cast<float>(verdict.psi), verdict.kind});
  known_.resize(release_->reference->features.size());
}

std::size_t PairDrift::bytes() const {
  constexpr std::size_t of_allocator = 16;
  return sizeof(*this) + 3 * of_allocator + packed_.capacity() + waiting_.capacity() +
         known_.capacity() * sizeof(Known);
}

void PairDrift::hear(const DriftRules& rules, const TakenWindow& window, Instant now) {
  if (!is_sure || window.started_at <= now - rules.evidence.look) return;
  const bool fits = window.started_at > heard_until_ && window.version == release_->version && !release_->is_outdated;
  if (!fits) {
    is_sure = false;
    windows_waiting_ = 0;
    Bytes().swap(waiting_);
    return;
  }
  heard_until_ = window.started_at;
  if (windows_waiting_ == most_waiting) add_waiting(rules);
  ++windows_waiting_;
  is_judged_ = false;
  const auto heard = heard_of(*release_->reference, window);
  Packer out(waiting_);
  out.put(heard.started_at);
  out.put_signed(heard.length.count());
  out.put(heard.inferences);
  out.put(heard.failed);
  for (const auto& counts : heard.counts) {
    out.put(std::uint64_t{counts.empty() ? 0U : 1U});
    for (const auto count : counts) out.put(count);
  }
}

Evidence PairDrift::add_waiting(const DriftRules& rules) {
  Evidence evidence = this->evidence(rules);
  ByteView left(waiting_);
  const auto& features = release_->reference->features;
  for (; windows_waiting_ > 0; --windows_waiting_) {
    Unpacker in(left);
    HeardWindow heard{in.instant(), Duration{in.signed_number()}, in.number(),
                      std::vector<HistogramCounts>(features.size()), in.number()};
    for (std::size_t place = 0; place < features.size(); ++place) {
      if (in.number() == 0) continue;
      heard.counts[place].resize(features[place].bins());
      for (auto& count : heard.counts[place]) count = in.number();
    }
    evidence.add_newer(rules.contract, heard);
    left = left.subspan(in.taken());
  }
  waiting_.clear();
  packed_ = evidence.pack();
  return evidence;
}

Evidence PairDrift::evidence(const DriftRules& rules) const {
  Evidence evidence(rules.evidence, release_->reference);
  evidence.unpack(packed_);
  return evidence;
}

std::optional<PairVerdicts> PairDrift::judge(const DriftRules& rules, const WatchedPair& pair, Instant now) {
  if (release_->is_outdated) return std::nullopt;
  PairVerdicts answer;
  if (is_judged_) return answer;
  Evidence evidence = add_waiting(rules);
  Bytes().swap(waiting_);
  evidence.forget_before(now - rules.evidence.look);
  if (evidence.wants_older() || evidence.has_outdated_last_year(pair, now)) return std::nullopt;
  const auto was_drifted = [this](std::size_t place) { return known_[place].kind == DriftVerdictKind::drifted; };
  auto judged = judge_pair(rules, *release_->peers.table(), was_drifted, false, now, evidence);
  for (const auto& look : judged.looks) release_->peers.hear(judged.hour, look);
  WorthWriting worth;
  if (now < write_at) worth.psi = psi_worth_writing_at_once;
  for (auto& [place, said] : judged.features) {
    const auto& feature = release_->reference->features[place].reference;
    Known& known = known_[place];
    DriftVerdict verdict{pair, release_->version, feature.name, std::move(said), {}, was_drifted(place)};
    const KnownVerdict before{release_->version, known.kind, known.psi, known.written_at};
    if (!is_worth_writing(before, verdict, now, worth)) continue;
    verdict.envelope = envelope_of(rules.drift, evidence, place);
    known = {now, static_cast<float>(verdict.said.measures.psi), verdict.said.kind};
    answer.verdicts.push_back(std::move(verdict));
  }
  answer.breaches = std::move(judged.breaches);
  packed_ = evidence.pack();
  is_judged_ = true;
  is_dirty |= !judged.features.empty() || answer.breaches;
  return answer;
}

}  // namespace argosy::server
