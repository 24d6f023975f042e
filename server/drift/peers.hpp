// What the devices that serve a release show of each feature, hour by hour: where the middle of them lies and how far
// they scatter, so that a lens is told from a season. One histogram a feature and measure, however many devices. Pure;
// on the I/O thread. What was said in the last full hour counts; until there is one, what was said in this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "common/stats/robust.hpp"

namespace argosy::server {

// What a histogram is compared with: that of the release (training), of the device's first days (own), or of the same
// weeks of the year before.
enum class Against : std::uint8_t { training, own, last_year };
inline constexpr std::array all_against{Against::training, Against::own, Against::last_year};
std::string_view to_string(Against against);
Against against_of(std::string_view text);  // of what to_string wrote; training for any other

// Of one device and feature in an hour.
struct PeerLook {
  std::size_t place = 0;
  Against against = Against::training;
  double shift = 0;
  double psi = 0;
  bool has_moved = false;
};

struct PeerUsual {
  std::size_t devices = 0;
  Spread shift;
  Spread ln_psi;
  double moved_share = 0;
};

class PeerTable {
 public:
  explicit PeerTable(std::size_t features = 0) : usual_(all_against.size() * features) {}
  const PeerUsual& usual(std::size_t place, Against against) const;
  void set(std::size_t place, Against against, const PeerUsual& usual);
  std::size_t features() const { return usual_.size() / all_against.size(); }
  bool anybody_has(std::size_t place) const;

 private:
  std::vector<PeerUsual> usual_;
};
using SharedPeers = std::shared_ptr<const PeerTable>;

// ln of PSI, where so little is as good as nothing.
double ln_of_psi(double psi);

class Peers {
 public:
  explicit Peers(std::size_t features);

  void hear(std::int64_t hour, const PeerLook& look);
  SharedPeers table();
  // Of a full hour that somebody else has heard.
  void restore(SharedPeers table);
  // Whether an hour has ended since it was asked last.
  bool take_ended_hour();

 private:
  static constexpr std::size_t cells = 100;
  struct Tally {
    std::uint32_t devices = 0;
    std::uint32_t moved = 0;
    std::array<std::uint32_t, cells> shift{};
    std::array<std::uint32_t, cells> ln_psi{};
  };
  using Tallies = std::vector<std::unique_ptr<Tally>>;  // by feature and what it is against; none: nothing was said
  SharedPeers table_of(const Tallies& tallies) const;

  std::int64_t hour_ = 0;
  bool hour_ended_ = false;
  bool has_full_hour_ = false;
  Tallies now_;
  std::size_t heard_ = 0;
  std::size_t heard_in_table_ = 0;
  SharedPeers table_;
};

}  // namespace argosy::server
