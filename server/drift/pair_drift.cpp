#include "server/drift/pair_drift.hpp"

#include <algorithm>
#include <limits>

#include "common/stats/bins.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

// Heard windows are added to the evidence so many at a time: unpacking it for each would cost more than all else.
constexpr std::size_t most_waiting = 16;
constexpr double psi_worth_writing_at_once = 0.1;

std::uint32_t bounded(std::uint64_t samples) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(samples, std::numeric_limits<std::uint32_t>::max()));
}

const std::vector<std::uint64_t>* counts_of(const std::vector<wire::FeatureCounts>& features,
                                            const wire::FeatureReference& of, std::size_t likely) {
  const auto fits = [&of](const wire::FeatureCounts& feature) { return feature.name == of.name; };
  auto found = features.end();
  if (likely < features.size() && fits(features[likely]))
    found = features.begin() + static_cast<std::ptrdiff_t>(likely);
  if (found == features.end()) found = std::find_if(features.begin(), features.end(), fits);
  return found != features.end() && found->counts.size() == of.counts.size() ? &found->counts : nullptr;
}

}  // namespace

std::shared_ptr<const ReferenceToJudge> ReferencesToJudge::learn(const Name& release,
                                                                 const std::vector<wire::FeatureReference>& features) {
  auto& known = references_[release];
  if (known && known->features == features) return known;
  if (known) known->is_outdated = true;
  known = std::make_shared<ReferenceToJudge>(ReferenceToJudge{release.first, release.second, features});
  return known;
}

std::vector<ReferencesToJudge::Name> ReferencesToJudge::in_use() {
  std::erase_if(references_, [](const auto& known) { return known.second.use_count() == 1; });
  std::vector<Name> names;
  for (const auto& [name, reference] : references_) names.push_back(name);
  return names;
}

PairDrift::PairDrift(std::shared_ptr<const ReferenceToJudge> reference, const Evidence& evidence,
                     const std::vector<KnownVerdict>& known, Instant newest)
    : reference_(std::move(reference)), packed_(evidence.pack()), heard_until_(newest) {
  known_.reserve(known.size());
  for (const auto& verdict : known)
    known_.push_back({verdict.psi, verdict.written_at, bounded(verdict.samples), verdict.drifted});
}

std::size_t PairDrift::bytes() const {
  constexpr std::size_t of_allocator = 16;
  return sizeof(*this) + 3 * of_allocator + packed_.capacity() + waiting_.capacity() +
         known_.capacity() * sizeof(Known);
}

void PairDrift::hear(const DriftRules& rules, const std::string& version, Instant started_at,
                     const std::vector<wire::FeatureCounts>& features, Instant now) {
  if (!is_sure || started_at <= now - rules.evidence.longest_look) return;
  const bool fits = started_at > heard_until_ && version == reference_->version && !reference_->is_outdated;
  if (!fits) {
    is_sure = false;
    windows_waiting_ = 0;
    Bytes().swap(waiting_);
    return;
  }
  heard_until_ = started_at;
  if (reference_->features.empty()) return;
  if (windows_waiting_ == most_waiting) add_waiting(rules);
  ++windows_waiting_;
  is_judged_ = false;
  Packer out(waiting_);
  out.put(started_at);
  for (std::size_t place = 0; place < reference_->features.size(); ++place) {
    const auto* counts = counts_of(features, reference_->features[place], place);
    out.put(std::uint64_t{counts == nullptr ? 0U : 1U});
    if (counts == nullptr) continue;
    for (const auto count : *counts) out.put(count);
  }
}

Evidence PairDrift::add_waiting(const DriftRules& rules) {
  Evidence evidence = this->evidence(rules);
  ByteView left(waiting_);
  for (; windows_waiting_ > 0; --windows_waiting_) {
    Unpacker in(left);
    const Instant started_at = in.instant();
    std::vector<HistogramCounts> counts(reference_->features.size());
    for (std::size_t place = 0; place < counts.size(); ++place) {
      if (in.number() == 0) continue;
      counts[place].resize(reference_->features[place].counts.size());
      for (auto& count : counts[place]) count = in.number();
    }
    evidence.add_newer(started_at, std::move(counts));
    left = left.subspan(in.taken());
  }
  waiting_.clear();
  packed_ = evidence.pack();
  return evidence;
}

Evidence PairDrift::evidence(const DriftRules& rules) const {
  Evidence evidence(rules.evidence, reference_->features);
  evidence.unpack(packed_);
  return evidence;
}

std::optional<std::vector<DriftVerdict>> PairDrift::judge(const DriftRules& rules, const WatchedPair& pair,
                                                          Instant now) {
  if (reference_->is_outdated) return std::nullopt;
  std::vector<DriftVerdict> verdicts;
  if (is_judged_) return verdicts;
  Evidence evidence = add_waiting(rules);
  Bytes().swap(waiting_);
  evidence.forget_before(now - rules.evidence.longest_look);
  if (evidence.wants_older()) return std::nullopt;
  WorthWriting worth;
  if (now < write_at) worth.psi = psi_worth_writing_at_once;
  for (std::size_t place = 0; place < reference_->features.size(); ++place) {
    const auto& feature = reference_->features[place];
    const auto present = evidence.present_at(place);
    Known& known = known_[place];
    DriftVerdict verdict{pair,  reference_->version, feature.name, measure_psi(feature.counts, present),
                         false, known.drifted};
    verdict.drifted = judge_drift(rules.drift, verdict.measures, known.drifted);
    const KnownVerdict before{reference_->version, known.drifted, known.psi, known.samples, known.written_at};
    if (!is_worth_writing(rules.drift, before, verdict, now, worth)) continue;
    verdict.measures = measure(feature.edges, feature.counts, present);
    known = {verdict.measures.psi, now, bounded(verdict.measures.samples), verdict.drifted};
    verdicts.push_back(std::move(verdict));
  }
  packed_ = evidence.pack();
  is_judged_ = true;
  is_dirty = true;
  return verdicts;
}

}  // namespace argosy::server
