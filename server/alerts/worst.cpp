#include "server/alerts/worst.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

// No latency is usual whose logarithm is beyond this.
constexpr double largest_ln = 100;
constexpr double z_of_bounds = 1.96;  // 95 %

std::optional<double> sane_ln_usual(const PairAlerts& memory) {
  const auto ln_usual = memory.ln_usual_ms();
  const bool is_sane = ln_usual && std::abs(*ln_usual) <= largest_ln;
  return is_sane ? ln_usual : std::nullopt;
}

// By logarithms: a latency of 0 divides by nothing.
std::optional<double> slowness(double p95_ms, const std::optional<double>& ln_usual) {
  if (p95_ms <= 0) return std::nullopt;
  return ln_usual ? std::log(p95_ms) - *ln_usual : 0.0;
}

bool is_worse(const std::optional<double>& rank, double value, const std::optional<double>& than_rank,
              double than_value) {
  if (rank != than_rank) return rank > than_rank;  // none is less than any
  return value > than_value;
}

}  // namespace

void WorstLists::offer(const WatchedPair& pair, const PairAlerts& memory) {
  const auto [started_at, p95_ms] = memory.newest();
  if (started_at > now_ - options_.latency_look && started_at <= now_) {
    const auto ln_usual = sane_ln_usual(memory);
    const auto rank = slowness(p95_ms, ln_usual);
    if (!has_no_place(latency_, rank, p95_ms)) {
      std::optional<double> usual;
      if (ln_usual) usual = std::exp(*ln_usual);
      keep(latency_, {rank, {pair, memory.release().version, p95_ms, usual, started_at}});
    }
  }
  if (memory.newest_labels() <= now_ - options_.accuracy_look) return;
  const auto labels = memory.labels_since(now_ - options_.accuracy_look);
  if (labels.labelled < options_.min_labels) return;
  const double share = static_cast<double>(labels.correct) / static_cast<double>(labels.labelled);
  if (has_no_place(accuracy_, -share, share)) return;
  const double effective = effective_labels(labels.labelled, 1, memory.likeness_of_labels());
  keep(accuracy_, {-share,
                   {pair, memory.release().version, share, memory.release().accuracy_threshold, memory.newest_labels(),
                    wilson_bounds_of_share(share, effective, z_of_bounds)}});
}

bool WorstLists::has_no_place(const std::vector<Ranked>& worst, const std::optional<double>& rank, double value) const {
  return worst.size() >= options_.most && !is_worse(rank, value, worst.back().rank, worst.back().pair.value);
}

void WorstLists::keep(std::vector<Ranked>& worst, Ranked candidate) const {
  const auto place = std::find_if(worst.begin(), worst.end(), [&](const Ranked& known) {
    return is_worse(candidate.rank, candidate.pair.value, known.rank, known.pair.value);
  });
  worst.insert(place, std::move(candidate));
  if (worst.size() > options_.most) worst.pop_back();
}

std::vector<WorstPair> WorstLists::in_order(const std::vector<Ranked>& worst) {
  std::vector<WorstPair> pairs;
  for (const auto& ranked : worst) pairs.push_back(ranked.pair);
  return pairs;
}

std::string worst_to_json(const std::vector<WorstPair>& worst) {
  using nlohmann::json;
  auto items = json::array();
  for (const auto& [pair, version, value, usual, at, bounds] : worst) {
    json item{{"device", pair.device},
              {"model", pair.model},
              {"version", version},
              {"value", value},
              {"usual", usual ? json(*usual) : json(nullptr)},
              {"at", to_ms(at)}};
    if (bounds) item.update({{"lower", bounds->lower}, {"upper", bounds->upper}});
    items.push_back(std::move(item));
  }
  return items.dump();
}

}  // namespace argosy::server
