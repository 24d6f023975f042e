#include "server/drift/evidence.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "common/stats/bins.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr std::size_t max_features = 256;
constexpr std::uint64_t count_limit = 1ULL << 53;  // as on the wire

std::optional<HistogramCounts> counts_of(const json& value) {
  if (!value.is_array()) return std::nullopt;
  HistogramCounts counts;
  for (const auto& count : value) {
    if (!count.is_number_unsigned() || count.get<std::uint64_t>() > count_limit) return std::nullopt;
    counts.push_back(count.get<std::uint64_t>());
  }
  return counts;
}

std::optional<Instant> instant_of(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  return instant_from_ms(value.get<std::int64_t>());
}

}  // namespace

std::vector<wire::FeatureReference> reference_of_json(const std::string& text) {
  std::vector<wire::FeatureReference> features;
  auto document = JsonReader::parse(text, stored_json, UnknownKeys::pass);
  if (!document) return features;
  document->objects("features", max_features, features, [](JsonReader& entry, wire::FeatureReference& feature) {
    entry.required("name", feature.name).optional("edges", feature.edges).optional("counts", feature.counts);
  });
  if (!document->finish()) features.clear();
  std::erase_if(features, [](const wire::FeatureReference& feature) {
    return !check_edges(feature.edges) || feature.counts.size() != bins_of_edges(feature.edges.size());
  });
  return features;
}

Evidence::Evidence(EvidenceRule rule, const std::vector<wire::FeatureReference>& reference) : rule_(rule) {
  for (const auto& feature : reference) {
    names_.push_back(feature.name);
    bins_.push_back(feature.counts.size());
  }
}

bool Evidence::has_room(const Block& block, Instant at) const {
  const auto share = std::max<std::uint64_t>(1, rule_.samples / blocks_wanted);
  const Duration span = std::max(block.to, at) - std::min(block.from, at);
  return block.samples < share && span < rule_.longest_look / static_cast<int>(blocks_wanted);
}

std::vector<HistogramCounts> Evidence::placed(const EvidenceWindow& window) const {
  std::vector<HistogramCounts> counts(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto found = window.features.find(names_[i]);
    if (found != window.features.end() && found->second.size() == bins_[i]) counts[i] = found->second;
  }
  return counts;
}

std::optional<Evidence::Block> Evidence::merge(Block* block, Instant started_at,
                                               std::vector<HistogramCounts> counts) const {
  std::uint64_t samples = 0;
  for (const auto& of_feature : counts) samples = std::max(samples, total_of(of_feature));
  if (samples == 0) return std::nullopt;
  if (block == nullptr || !has_room(*block, started_at))
    return Block{started_at, started_at, std::move(counts), samples};
  block->from = std::min(block->from, started_at);
  block->to = std::max(block->to, started_at);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (counts[i].empty()) continue;
    (void)add_counts(block->counts[i], counts[i]);
    block->samples = std::max(block->samples, total_of(block->counts[i]));
  }
  return std::nullopt;
}

void Evidence::add_newer(Instant started_at, std::vector<HistogramCounts> counts) {
  newest_ = std::max(newest_.value_or(started_at), started_at);
  oldest_ = std::min(oldest_.value_or(started_at), started_at);
  ++windows_;
  auto block = merge(blocks_.empty() ? nullptr : &blocks_.back(), started_at, std::move(counts));
  if (block) blocks_.push_back(std::move(*block));
  const auto needed = std::min(blocks_needed().value_or(blocks_.size()), block_limit);
  if (needed < blocks_.size()) {
    blocks_.erase(blocks_.begin(), blocks_.end() - static_cast<std::ptrdiff_t>(needed));
    older_wanted_ = false;
  }
}

void Evidence::add_older(const EvidenceWindow& window) {
  if (!newest_) newest_ = window.started_at;
  oldest_ = std::min(oldest_.value_or(window.started_at), window.started_at);
  ++windows_;
  auto block = merge(blocks_.empty() ? nullptr : &blocks_.front(), window.started_at, placed(window));
  if (block) blocks_.insert(blocks_.begin(), std::move(*block));
}

void Evidence::begin_again() {
  blocks_.clear();
  windows_ = 0;
  older_wanted_ = false;
}

void Evidence::forget_before(Instant oldest) {
  std::erase_if(blocks_, [&](const Block& block) { return block.to < oldest; });
}

std::optional<std::size_t> Evidence::blocks_needed() const {
  std::size_t needed = 0;
  for (std::size_t feature = 0; feature < names_.size(); ++feature) {
    std::uint64_t samples = 0;
    std::size_t blocks = 0;
    for (auto block = blocks_.rbegin(); block != blocks_.rend() && samples < rule_.samples; ++block, ++blocks)
      samples += total_of(block->counts[feature]);
    if (samples == 0) continue;  // no window has it
    if (samples < rule_.samples) return std::nullopt;
    needed = std::max(needed, blocks);
  }
  if (needed == 0) return std::nullopt;
  return needed;
}

bool Evidence::wants_older() const {
  return older_wanted_ && windows_ < rule_.window_limit && blocks_.size() < block_limit && !blocks_needed();
}

HistogramCounts Evidence::present(const std::string& feature) const {
  const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), feature) - names_.begin());
  return place < names_.size() ? present_at(place) : HistogramCounts{};
}

HistogramCounts Evidence::present_at(std::size_t place) const {
  HistogramCounts sum(bins_[place]);
  for (auto block = blocks_.rbegin(); block != blocks_.rend() && total_of(sum) < rule_.samples; ++block) {
    if (!block->counts[place].empty()) (void)add_counts(sum, block->counts[place]);
  }
  return sum;
}

std::string Evidence::to_json() const {
  auto blocks = json::array();
  for (const auto& block : blocks_) {
    auto entry = json::array({to_ms(block.from), to_ms(block.to)});
    for (const auto& counts : block.counts) entry.push_back(counts);
    blocks.push_back(std::move(entry));
  }
  return json{{"features", names_},
              {"windows", windows_},
              {"older_than", wants_older() && oldest_ ? json(to_ms(*oldest_)) : json(nullptr)},
              {"blocks", std::move(blocks)}}
      .dump();
}

bool Evidence::restore(const std::string& text, Instant newest) {
  const auto document = json_or_null(text);
  if (!document.is_object() || document.value("features", json()) != json(names_)) return false;
  const auto windows = document.value("windows", json());
  const auto blocks = document.value("blocks", json());
  if (!windows.is_number_unsigned() || !blocks.is_array() || blocks.size() > block_limit) return false;
  std::vector<Block> restored;
  for (const auto& entry : blocks) {
    if (!entry.is_array() || entry.size() != names_.size() + 2) return false;
    const auto from = instant_of(entry[0]);
    const auto to = instant_of(entry[1]);
    if (!from || !to) return false;
    Block block{*from, *to, {}, 0};
    for (std::size_t i = 0; i < names_.size(); ++i) {
      auto counts = counts_of(entry[i + 2]);
      if (!counts || (!counts->empty() && counts->size() != bins_[i])) return false;
      block.samples = std::max(block.samples, total_of(*counts));
      block.counts.push_back(std::move(*counts));
    }
    restored.push_back(std::move(block));
  }
  blocks_ = std::move(restored);
  windows_ = windows.get<std::size_t>();
  newest_ = newest;
  oldest_ = instant_of(document.value("older_than", json()));
  older_wanted_ = oldest_.has_value();
  return true;
}

Bytes Evidence::pack() const {
  return packed_by([this](Packer& out) { put(out); });
}

void Evidence::put(Packer& out) const {
  out.put(windows_);
  out.put(std::uint64_t{older_wanted_ ? 1U : 0U} + (newest_ ? 2U : 0U) + (oldest_ ? 4U : 0U));
  if (newest_) out.put(*newest_);
  if (oldest_) out.put(*oldest_);
  for (const auto& block : blocks_) {
    out.put(block.from);
    out.put(block.to);
    for (const auto& counts : block.counts) {
      out.put(std::uint64_t{counts.empty() ? 0U : 1U});
      for (const auto count : counts) out.put(count);
    }
  }
}

void Evidence::unpack(ByteView bytes) {
  Unpacker in(bytes);
  windows_ = in.number();
  const auto flags = in.number();
  older_wanted_ = (flags & 1) != 0;
  newest_.reset();
  oldest_.reset();
  if ((flags & 2) != 0) newest_ = in.instant();
  if ((flags & 4) != 0) oldest_ = in.instant();
  blocks_.clear();
  while (!in.is_at_end()) {
    Block block;
    block.from = in.instant();
    block.to = in.instant();
    block.counts.resize(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (in.number() == 0) continue;
      block.counts[i].resize(bins_[i]);
      for (auto& count : block.counts[i]) count = in.number();
      block.samples = std::max(block.samples, total_of(block.counts[i]));
    }
    blocks_.push_back(std::move(block));
  }
}

}  // namespace argosy::server
