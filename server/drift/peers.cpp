#include "server/drift/peers.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace argosy::server {

namespace {

constexpr std::array<std::string_view, all_against.size()> against_names{"training", "own", "last_year"};
constexpr double least_shift = -0.5;
constexpr double shift_width = 0.01;
constexpr double least_ln_psi = -7;
constexpr double ln_psi_width = 0.1;

template <std::size_t cells>
std::size_t cell_of(double value, double least, double width) {
  const double cell = std::clamp((value - least) / width, 0.0, static_cast<double>(cells - 1));
  return static_cast<std::size_t>(cell);
}

// The median and the median distance from it, each cell's devices standing in its middle.
template <std::size_t cells>
Spread spread_of(const std::array<std::uint32_t, cells>& counts, std::uint32_t devices, double least, double width) {
  const auto middle_of = [&](std::size_t cell) { return least + (static_cast<double>(cell) + 0.5) * width; };
  std::uint32_t below = 0;
  std::size_t at = 0;
  while (at + 1 < cells && 2 * (below + counts[at]) < devices) below += counts[at++];
  Spread spread{middle_of(at), 0};
  std::uint32_t inside = counts[at];
  std::size_t distance = 0;
  while (2 * inside < devices && distance < cells) {
    ++distance;
    if (at >= distance) inside += counts[at - distance];
    if (at + distance < cells) inside += counts[at + distance];
  }
  spread.sigma = 1.4826 * static_cast<double>(distance) * width;
  return spread;
}

std::size_t index_of(std::size_t place, Against against) {
  return all_against.size() * place + static_cast<std::size_t>(against);
}

}  // namespace

std::string_view to_string(Against against) {
  return against_names[static_cast<std::size_t>(against)];
}

Against against_of(std::string_view text) {
  const auto found = std::find(against_names.begin(), against_names.end(), text);
  return found == against_names.end() ? Against::training : static_cast<Against>(found - against_names.begin());
}

double ln_of_psi(double psi) {
  return std::log(std::max(psi, 1e-3));
}

const PeerUsual& PeerTable::usual(std::size_t place, Against against) const {
  static const PeerUsual nobody{};
  const auto index = index_of(place, against);
  return index < usual_.size() ? usual_[index] : nobody;
}

void PeerTable::set(std::size_t place, Against against, const PeerUsual& usual) {
  usual_[index_of(place, against)] = usual;
}

bool PeerTable::anybody_has(std::size_t place) const {
  return std::any_of(all_against.begin(), all_against.end(),
                     [&](Against against) { return usual(place, against).devices > 0; });
}

Peers::Peers(std::size_t features)
    : now_(all_against.size() * features), table_(std::make_shared<PeerTable>(features)) {}

SharedPeers Peers::table_of(const Tallies& tallies) const {
  auto table = std::make_shared<PeerTable>(tallies.size() / all_against.size());
  for (std::size_t index = 0; index < tallies.size(); ++index) {
    if (!tallies[index]) continue;
    const Tally& tally = *tallies[index];
    table->set(index / all_against.size(), all_against[index % all_against.size()],
               {tally.devices, spread_of(tally.shift, tally.devices, least_shift, shift_width),
                spread_of(tally.ln_psi, tally.devices, least_ln_psi, ln_psi_width),
                static_cast<double>(tally.moved) / static_cast<double>(tally.devices)});
  }
  return table;
}

void Peers::hear(std::int64_t hour, const PeerLook& look) {
  if (hour > hour_) {
    if (heard_ > 0) {
      table_ = table_of(now_);
      has_full_hour_ = hour_ended_ = true;
    }
    now_ = Tallies(now_.size());
    heard_ = heard_in_table_ = 0;
    hour_ = hour;
  }
  auto& tally = now_[index_of(look.place, look.against)];
  if (!tally) tally = std::make_unique<Tally>();
  ++tally->devices;
  tally->moved += look.has_moved ? 1 : 0;
  ++tally->shift[cell_of<cells>(look.shift, least_shift, shift_width)];
  ++tally->ln_psi[cell_of<cells>(ln_of_psi(look.psi), least_ln_psi, ln_psi_width)];
  ++heard_;
}

SharedPeers Peers::table() {
  // Before the first full hour: made anew when a quarter more was heard.
  if (!has_full_hour_ && heard_ > heard_in_table_ + heard_in_table_ / 4) {
    table_ = table_of(now_);
    heard_in_table_ = heard_;
  }
  return table_;
}

void Peers::restore(SharedPeers table) {
  table_ = std::move(table);
  has_full_hour_ = true;
}

bool Peers::take_ended_hour() {
  return std::exchange(hour_ended_, false);
}

}  // namespace argosy::server
