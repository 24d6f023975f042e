#include "server/drift/evidence.hpp"

#include <algorithm>
#include <bit>

#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "common/json/json_text.hpp"
#include "common/stats/bins.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// Of what put() writes, contract and all: what another version of this server wrote is not read, and told again by
// windows.
constexpr int packed_format = 2;

void put_counts(Packer& out, const HistogramCounts& counts) {
  out.put(std::uint64_t{counts.empty() ? 0U : 1U});
  for (const auto count : counts) out.put(count);
}

HistogramCounts take_counts(Unpacker& in, std::size_t bins) {
  HistogramCounts counts;
  if (in.number() == 0) return counts;
  counts.resize(bins);
  for (auto& count : counts) count = in.number();
  return counts;
}

double steps_in(Duration step, Duration covered) {
  return std::max(1.0, static_cast<double>(covered.count()) / static_cast<double>(step.count()));
}

}  // namespace

Evidence::Evidence(EvidenceRule rule, JudgedReference reference)
    : rule_(rule),
      reference_(std::move(reference)),
      own_(reference_->features.size()),
      votes_(reference_->features.size()),
      contract_(reference_->inputs) {}

bool Evidence::has_room(const Block& block, Instant at) const {
  return std::max(block.to, at) - std::min(block.from, at) < rule_.look / blocks_wanted;
}

std::optional<Evidence::Block> Evidence::merge(Block* block, const HeardWindow& window) const {
  const auto has_samples = [](const HistogramCounts& counts) { return total_of(counts) > 0; };
  if (std::none_of(window.counts.begin(), window.counts.end(), has_samples)) return std::nullopt;
  if (block == nullptr || !has_room(*block, window.started_at))
    return Block{window.started_at, window.started_at, window.length, window.counts};
  block->from = std::min(block->from, window.started_at);
  block->to = std::max(block->to, window.started_at);
  block->covered += window.length;
  for (std::size_t i = 0; i < window.counts.size(); ++i) {
    if (!window.counts[i].empty()) (void)add_counts(block->counts[i], window.counts[i]);
  }
  return std::nullopt;
}

void Evidence::add_newer(const ContractRule& contract, const HeardWindow& window) {
  newest_ = std::max(newest_.value_or(window.started_at), window.started_at);
  oldest_ = std::min(oldest_.value_or(window.started_at), window.started_at);
  ++windows_;
  auto block = merge(blocks_.empty() ? nullptr : &blocks_.back(), window);
  if (block) blocks_.push_back(std::move(*block));
  if (blocks_.size() > block_limit) blocks_.erase(blocks_.begin());
  contract_.add(contract, *reference_, window);
  forget_before(*newest_ - rule_.look);
}

void Evidence::add_older(const HeardWindow& window) {
  if (!newest_) newest_ = window.started_at;
  oldest_ = std::min(oldest_.value_or(window.started_at), window.started_at);
  ++windows_;
  if (blocks_.size() >= block_limit) return;
  auto block = merge(blocks_.empty() ? nullptr : &blocks_.front(), window);
  if (block) blocks_.insert(blocks_.begin(), std::move(*block));
}

void Evidence::begin_again() {
  *this = Evidence(rule_, reference_);
  older_wanted_ = false;
}

void Evidence::gather_anew() {
  blocks_.clear();
  newest_.reset();
  oldest_.reset();
  windows_ = 0;
  older_wanted_ = true;
}

void Evidence::forget_before(Instant oldest) {
  for (const auto& block : blocks_) {
    if (block.to < oldest) add_to_own(block);
  }
  std::erase_if(blocks_, [&](const Block& block) { return block.to < oldest; });
}

void Evidence::add_to_own(const Block& block) {
  if (has_own() || (own_from_ && block.from <= own_to_)) return;
  if (!own_from_) own_from_ = block.from;
  own_to_ = block.to;
  own_covered_ += block.covered;
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (!block.counts[i].empty()) (void)add_counts(own_[i], block.counts[i]);
  }
}

bool Evidence::wants_older() const {
  const bool reaches_back = newest_ && oldest_ && *newest_ - *oldest_ >= rule_.look;
  return older_wanted_ && !reaches_back && windows_ < rule_.window_limit;
}

HistogramCounts Evidence::present(const std::string& feature) const {
  const auto& features = reference_->features;
  const auto found = std::find_if(features.begin(), features.end(),
                                  [&](const JudgedFeature& known) { return known.reference.name == feature; });
  return found == features.end() ? HistogramCounts{} : present_at(static_cast<std::size_t>(found - features.begin()));
}

HistogramCounts Evidence::present_at(std::size_t place) const {
  HistogramCounts sum(reference_->features[place].bins());
  for (const auto& block : blocks_) {
    if (!block.counts[place].empty()) (void)add_counts(sum, block.counts[place]);
  }
  return sum;
}

double Evidence::independent_samples(std::uint64_t samples) const {
  Duration covered{};
  for (const auto& block : blocks_) covered += block.covered;
  return std::min(static_cast<double>(samples), steps_in(rule_.decorrelation(), covered));
}

bool Evidence::has_own() const {
  return own_from_ && own_to_ - *own_from_ >= rule_.own() - rule_.look / blocks_wanted;
}

HistogramCounts Evidence::own_at(std::size_t place) const {
  return has_own() ? own_[place] : HistogramCounts{};
}

double Evidence::own_independent_samples(std::uint64_t samples) const {
  if (!own_from_) return 0;
  return std::min(static_cast<double>(samples), steps_in(rule_.decorrelation(), own_covered_));
}

HistogramCounts Evidence::last_year_at(std::size_t place) const {
  return last_year_.counts.empty() ? HistogramCounts{} : last_year_.counts[place];
}

double Evidence::last_year_independent_samples(std::uint64_t samples) const {
  return std::min(static_cast<double>(samples), steps_in(rule_.decorrelation(), last_year_.covered));
}

bool Evidence::begin_hour(Instant now) {
  const auto hour = to_ms(now) / std::max<std::int64_t>(1, rule_.hour().count());
  if (hour == hour_) return false;
  hour_ = hour;
  return true;
}

void Evidence::vote(std::size_t place, bool is_high) {
  const auto shifted = [](unsigned bits, bool bit) { return ((bits << 1U) | (bit ? 1U : 0U)) & 0xffU; };
  const unsigned said = shifted(votes_[place] & 0xffU, is_high);
  const unsigned voted = shifted(votes_[place] >> 8U, true);
  votes_[place] = static_cast<std::uint16_t>(voted << 8U | said);
}

int Evidence::votes(std::size_t place) const {
  return std::popcount(votes_[place] & 0xffU);
}

int Evidence::hours_voted(std::size_t place) const {
  return std::popcount(static_cast<unsigned>(votes_[place]) >> 8U);
}

std::string Evidence::to_json() const {
  auto names = json::array();
  auto bins = json::array();
  for (const auto& feature : reference_->features) {
    names.push_back(feature.reference.name);
    bins.push_back(feature.bins());
  }
  const auto packed = pack();
  return json{{"format", packed_format},
              {"features", std::move(names)},
              {"bins", std::move(bins)},
              {"bytes", packed.size()},
              {"packed", to_base64(packed)}}
      .dump();
}

// Bytes that were cut short give numbers all the same; these are of this server's own table.
bool Evidence::restore(const std::string& text, Instant newest) {
  const Evidence fresh(rule_, reference_);
  const auto document = json_or_null(text);
  if (!document.is_object()) return false;
  auto names = json::array();
  auto bins = json::array();
  for (const auto& feature : reference_->features) {
    names.push_back(feature.reference.name);
    bins.push_back(feature.bins());
  }
  if (document.value("format", json()) != json(packed_format)) return false;
  if (document.value("features", json()) != names || document.value("bins", json()) != bins) return false;
  const auto packed = document.value("packed", json());
  if (!packed.is_string()) return false;
  const auto bytes = from_base64(packed.get_ref<const std::string&>());
  if (!bytes || document.value("bytes", json()) != json(bytes->size())) return false;
  unpack(*bytes);
  if (newest_ == newest && blocks_.size() <= block_limit) return true;
  *this = fresh;
  return false;
}

Bytes Evidence::pack() const {
  return packed_by([this](Packer& out) { put(out); });
}

void Evidence::put(Packer& out) const {
  out.put(windows_);
  out.put(std::uint64_t{older_wanted_ ? 1U : 0U} + (newest_ ? 2U : 0U) + (oldest_ ? 4U : 0U) + (own_from_ ? 8U : 0U) +
          (last_year_.read_in ? 16U : 0U) + (last_year_.counts.empty() ? 0U : 32U));
  if (newest_) out.put(*newest_);
  if (oldest_) out.put(*oldest_);
  out.put_signed(hour_);
  for (const auto votes : votes_) out.put(std::uint64_t{votes});
  if (own_from_) {
    out.put(*own_from_);
    out.put(own_to_);
    out.put_signed(own_covered_.count());
    for (const auto& counts : own_) put_counts(out, counts);
  }
  if (last_year_.read_in) out.put(*last_year_.read_in);
  if (!last_year_.counts.empty()) {
    out.put_signed(last_year_.covered.count());
    for (const auto& counts : last_year_.counts) put_counts(out, counts);
  }
  contract_.put(out);
  for (const auto& block : blocks_) {
    out.put(block.from);
    out.put(block.to);
    out.put_signed(block.covered.count());
    for (const auto& counts : block.counts) put_counts(out, counts);
  }
}

void Evidence::unpack(ByteView bytes) {
  Unpacker in(bytes);
  const auto& features = reference_->features;
  windows_ = in.number();
  const auto flags = in.number();
  older_wanted_ = (flags & 1) != 0;
  newest_.reset();
  oldest_.reset();
  own_from_.reset();
  if ((flags & 2) != 0) newest_ = in.instant();
  if ((flags & 4) != 0) oldest_ = in.instant();
  hour_ = in.signed_number();
  for (auto& votes : votes_) votes = static_cast<std::uint16_t>(in.number());
  if ((flags & 8) != 0) {
    own_from_ = in.instant();
    own_to_ = in.instant();
    own_covered_ = Duration{in.signed_number()};
    for (std::size_t i = 0; i < features.size(); ++i) own_[i] = take_counts(in, features[i].bins());
  }
  last_year_ = {};
  if ((flags & 16) != 0) last_year_.read_in = in.instant();
  if ((flags & 32) != 0) {
    last_year_.covered = Duration{in.signed_number()};
    for (const auto& feature : features) last_year_.counts.push_back(take_counts(in, feature.bins()));
  }
  contract_.take(in);
  blocks_.clear();
  while (!in.is_at_end() && blocks_.size() <= block_limit) {
    Block block;
    block.from = in.instant();
    block.to = in.instant();
    block.covered = Duration{in.signed_number()};
    for (const auto& feature : features) block.counts.push_back(take_counts(in, feature.bins()));
    blocks_.push_back(std::move(block));
  }
}

}  // namespace argosy::server
