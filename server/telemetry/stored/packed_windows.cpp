#include "server/telemetry/stored/packed_windows.hpp"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "common/compress/zstd_block.hpp"
#include "server/telemetry/stored_bytes.hpp"

namespace argosy::server {

namespace {

constexpr std::uint8_t packed_format = 1;

enum Besides : std::uint8_t { has_link = 1, has_latency = 2, has_features = 4, has_classes = 8, has_extras = 16 };
constexpr std::uint64_t all_besides = 31;

constexpr std::array counts_of_window{&TakenWindow::count, &TakenWindow::errors, &TakenWindow::labelled,
                                      &TakenWindow::correct};

using Windows = std::vector<PackedWindow>;

// What no other section has.
TakenWindow extras_of(const TakenWindow& window) {
  TakenWindow rest = window;
  rest.started_at = rest.ended_at = rest.received_at = Instant{};
  if (rest.device_started_at) *rest.device_started_at -= window.started_at - rest.started_at;
  for (const auto count : counts_of_window) rest.*count = 0;
  rest.latency = {};
  rest.features.clear();
  rest.classes.clear();
  return rest;
}

// As they are written, for each window; empty where there are none.
std::vector<Bytes> extras_of(const Windows& windows) {
  static const Bytes nothing = encode_figures(TakenWindow{});
  std::vector<Bytes> extras;
  extras.reserve(windows.size());
  for (const auto& packed : windows) {
    Bytes written = encode_figures(extras_of(packed.window));
    extras.push_back(written == nothing ? Bytes{} : std::move(written));
  }
  return extras;
}

std::uint64_t besides_of(const PackedWindow& packed, const Bytes& extras) {
  const TakenWindow& window = packed.window;
  std::uint64_t besides = 0;
  if (packed.link) besides |= has_link;
  if (!window.latency.empty()) besides |= has_latency;
  if (!window.features.empty()) besides |= has_features;
  if (!window.classes.empty()) besides |= has_classes;
  if (!extras.empty()) besides |= has_extras;
  return besides;
}

Bytes columns_of(const Windows& windows, const std::vector<Bytes>& extras) {
  Bytes out;
  std::uint64_t seq = 0;
  for (const auto& packed : windows) {
    put_varint(out, zigzag(static_cast<std::int64_t>(packed.seq - seq)));
    seq = packed.seq;
  }
  Instant start{};
  Duration gap{};
  for (const auto& [number, link, window] : windows) {
    put_signed(out, window.started_at - start - gap);
    gap = window.started_at - start;
    start = window.started_at;
  }
  for (const auto& packed : windows)
    put_varint(out, static_cast<std::uint64_t>((packed.window.ended_at - packed.window.started_at).count()));
  for (const auto& packed : windows) put_signed(out, packed.window.received_at - packed.window.ended_at);
  for (const auto count : counts_of_window)
    for (const auto& packed : windows) put_varint(out, packed.window.*count);
  for (std::size_t i = 0; i < windows.size(); ++i) put_varint(out, besides_of(windows[i], extras[i]));
  return out;
}

Bytes links_of(const Windows& windows) {
  Bytes out;
  for (const auto& packed : windows) {
    if (!packed.link) continue;
    for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<std::uint8_t>(*packed.link >> shift));
  }
  return out;
}

Bytes latency_of(const Windows& windows) {
  Bytes out;
  for (const auto& packed : windows)
    if (!packed.window.latency.empty()) put_block(out, packed.window.latency.encode_runs());
  return out;
}

Bytes blocks_of(const std::vector<Bytes>& extras) {
  Bytes out;
  for (const auto& each : extras)
    if (!each.empty()) put_block(out, each);
  return out;
}

// Features and classes alike: counts under keys. Windows with the same keys share a layout, and their counts lie key by
// key.
using FeatureLayout = std::vector<std::pair<std::string, std::size_t>>;  // name, bins
using ClassLayout = std::vector<int>;

FeatureLayout layout_of(const std::vector<wire::FeatureCounts>& features) {
  FeatureLayout layout;
  for (const auto& [name, counts] : features) layout.emplace_back(name, counts.size());
  return layout;
}
ClassLayout layout_of(const wire::Classes& classes) {
  ClassLayout layout;
  for (const auto& entry : classes) layout.push_back(entry.first);
  return layout;
}

std::vector<std::uint64_t> counts_of(const std::vector<wire::FeatureCounts>& features) {
  std::vector<std::uint64_t> all;
  for (const auto& feature : features) all.insert(all.end(), feature.counts.begin(), feature.counts.end());
  return all;
}
std::vector<std::uint64_t> counts_of(const wire::Classes& classes) {
  std::vector<std::uint64_t> all;
  for (const auto& entry : classes) all.push_back(entry.second);
  return all;
}

void put_layout(Bytes& out, const FeatureLayout& layout) {
  put_varint(out, layout.size());
  for (const auto& [name, bins] : layout) {
    put_block(out, as_bytes(name));
    put_varint(out, bins);
  }
}
void put_layout(Bytes& out, const ClassLayout& layout) {
  put_varint(out, layout.size());
  for (std::size_t i = 0; i < layout.size(); ++i)
    put_varint(out,
               i == 0 ? zigzag(layout[i]) : static_cast<std::uint64_t>(std::int64_t{layout[i]} - layout[i - 1] - 1));
}

template <class Counted>
Bytes counted_of(const Windows& windows, Counted TakenWindow::*part) {
  using Layout = decltype(layout_of(Counted{}));
  std::map<Layout, std::size_t> numbers;
  std::vector<Layout> layouts;
  std::vector<std::size_t> chosen;                               // of each window that has any
  std::vector<std::vector<std::vector<std::uint64_t>>> members;  // counts of the windows of each layout
  for (const auto& packed : windows) {
    const Counted& counted = packed.window.*part;
    if (counted.empty()) continue;
    const auto [known, is_new] = numbers.emplace(layout_of(counted), layouts.size());
    if (is_new) {
      layouts.push_back(known->first);
      members.emplace_back();
    }
    chosen.push_back(known->second);
    members[known->second].push_back(counts_of(counted));
  }
  if (chosen.empty()) return {};
  Bytes out;
  put_varint(out, layouts.size());
  for (const auto& layout : layouts) put_layout(out, layout);
  for (const auto number : chosen) put_varint(out, number);
  for (const auto& counts : members)
    for (std::size_t bin = 0; bin < counts.front().size(); ++bin)
      for (const auto& window : counts) put_varint(out, window[bin]);
  return out;
}

void put_section(Bytes& out, const Bytes& section) {
  put_block(out, section.empty() ? Bytes{} : compress_block(section));
}

void read_columns(ByteReader& in, Windows& windows, std::vector<std::uint64_t>& besides) {
  std::uint64_t seq = 0;
  for (auto& packed : windows) packed.seq = seq += static_cast<std::uint64_t>(unzigzag(in.number()));
  Instant start{};
  Duration gap{};
  for (auto& packed : windows) {
    gap = in.within_reach(gap + in.signed_ms());
    start = Instant{in.within_reach(start.time_since_epoch() + gap)};
    packed.window.started_at = start;
  }
  for (auto& packed : windows) packed.window.ended_at = packed.window.started_at + in.length_ms();
  for (auto& packed : windows) packed.window.received_at = packed.window.ended_at + in.signed_ms();
  for (const auto count : counts_of_window)
    for (auto& packed : windows) packed.window.*count = in.number();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    besides.push_back(in.number());
    if (besides.back() > all_besides) in.fail("it has parts that nobody knows");
  }
}

void read_links(ByteReader& in, Windows& windows, const std::vector<std::uint64_t>& besides) {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if ((besides[i] & has_link) == 0) continue;
    wire::ChainLink link = 0;
    unsigned shift = 0;
    for (const auto byte : in.bytes(sizeof link)) {
      link |= wire::ChainLink{byte} << shift;
      shift += 8;
    }
    windows[i].link = link;
  }
}

void read_latency(ByteReader& in, Windows& windows, const std::vector<std::uint64_t>& besides) {
  for (std::size_t i = 0; i < windows.size(); ++i)
    if ((besides[i] & has_latency) != 0) windows[i].window.latency = in.decoded(LogHistogram::decode(in.block()));
}

void read_extras(ByteReader& in, Windows& windows, const std::vector<std::uint64_t>& besides) {
  for (std::size_t i = 0; i < windows.size() && !in.has_failed(); ++i) {
    if ((besides[i] & has_extras) == 0) continue;
    TakenWindow whole;
    if (const auto read = decode_figures(in.block(), whole); !read) return in.fail(read.error().message);
    const TakenWindow& columns = windows[i].window;
    if (whole.device_started_at) *whole.device_started_at += columns.started_at - Instant{};
    whole.started_at = columns.started_at;
    whole.ended_at = columns.ended_at;
    whole.received_at = columns.received_at;
    for (const auto count : counts_of_window) whole.*count = columns.*count;
    windows[i].window = std::move(whole);
  }
}

FeatureLayout take_layout(ByteReader& in, const std::vector<wire::FeatureCounts>& /*of*/) {
  FeatureLayout layout(in.size());
  for (auto& [name, bins] : layout) {
    name = as_text(in.block());
    bins = in.size();
  }
  return layout;
}
ClassLayout take_layout(ByteReader& in, const wire::Classes& /*of*/) {
  ClassLayout layout(in.size());
  std::int64_t label = 0;
  for (std::size_t i = 0; i < layout.size() && !in.has_failed(); ++i) {
    const auto step = in.number();
    if (i > 0 && step > std::uint64_t{UINT32_MAX}) in.fail("a class is out of range");
    label = i == 0 ? unzigzag(step) : label + static_cast<std::int64_t>(step) + 1;
    if (label < INT32_MIN || label > INT32_MAX) in.fail("a class is out of range");
    layout[i] = static_cast<int>(label);
  }
  return layout;
}

std::size_t bins_of(const FeatureLayout& layout) {
  std::size_t bins = 0;
  for (const auto& feature : layout) bins += feature.second;
  return bins;
}
std::size_t bins_of(const ClassLayout& layout) {
  return layout.size();
}

void lay_out(const FeatureLayout& layout, std::vector<wire::FeatureCounts>& features) {
  for (const auto& [name, bins] : layout) features.push_back({name, std::vector<std::uint64_t>(bins)});
}
void lay_out(const ClassLayout& layout, wire::Classes& classes) {
  classes.reserve(layout.size());
  for (const auto label : layout) classes.emplace_hint(classes.end(), label, 0);
}

// The places of counts, in the order of the layout.
std::vector<std::uint64_t*> places_of(std::vector<wire::FeatureCounts>& features) {
  std::vector<std::uint64_t*> places;
  for (auto& feature : features)
    for (auto& count : feature.counts) places.push_back(&count);
  return places;
}
std::vector<std::uint64_t*> places_of(wire::Classes& classes) {
  std::vector<std::uint64_t*> places;
  for (auto& entry : classes) places.push_back(&entry.second);
  return places;
}

template <class Counted>
void read_counted(ByteReader& in, Windows& windows, const std::vector<std::uint64_t>& besides, std::uint64_t has,
                  Counted TakenWindow::*part) {
  std::vector<decltype(layout_of(Counted{}))> layouts(in.size());
  for (auto& layout : layouts) layout = take_layout(in, Counted{});
  std::vector<std::vector<std::size_t>> members(layouts.size());
  std::size_t counts = 0;
  for (std::size_t i = 0; i < windows.size() && !in.has_failed(); ++i) {
    if ((besides[i] & has) == 0) continue;
    const auto number = in.number();
    if (number >= layouts.size()) return in.fail("a layout is missing");
    members[number].push_back(i);
    counts += bins_of(layouts[number]);
  }
  if (counts > in.left()) return in.fail("it is cut short");
  for (std::size_t number = 0; number < layouts.size() && !in.has_failed(); ++number) {
    std::vector<std::vector<std::uint64_t*>> places;
    for (const auto i : members[number]) {
      lay_out(layouts[number], windows[i].window.*part);
      places.push_back(places_of(windows[i].window.*part));
    }
    for (std::size_t bin = 0; bin < bins_of(layouts[number]); ++bin)
      for (const auto& window : places) *window[bin] = in.number();
  }
}

}  // namespace

Bytes pack_windows(const std::vector<PackedWindow>& windows) {
  Bytes out{packed_format};
  put_varint(out, windows.size());
  const auto extras = extras_of(windows);
  put_section(out, columns_of(windows, extras));
  put_block(out, links_of(windows));
  put_section(out, blocks_of(extras));
  put_section(out, latency_of(windows));
  put_section(out, counted_of(windows, &TakenWindow::features));
  put_section(out, counted_of(windows, &TakenWindow::classes));
  return out;
}

Result<std::vector<PackedWindow>> unpack_windows(ByteView bytes, std::uint32_t parts) {
  constexpr const char* what = "packed windows";
  if (bytes.empty() || bytes.front() != packed_format)
    return make_error(Errc::corrupt, "not packed windows: their format is unknown (the first byte must be 1)");
  ByteReader in(bytes.subspan(1));
  Windows windows(in.size_up_to(most_packed));
  std::vector<std::uint64_t> besides;
  const auto read_section = [&in](bool is_wanted, auto read) -> Result<void> {
    const auto block = in.block();
    if (block.empty() || !is_wanted) return {};
    ARGOSY_TRY(const Bytes section, decompress_block(block, packed_section_limit));
    ByteReader of(section);
    read(of);
    return of.finish(what);
  };
  ARGOSY_CHECK(read_section(true, [&](ByteReader& of) { read_columns(of, windows, besides); }));
  besides.resize(windows.size());
  ByteReader links(in.block());
  read_links(links, windows, besides);
  ARGOSY_CHECK(links.finish(what));
  constexpr auto others = static_cast<std::uint32_t>(all_parts & ~(part_latency | part_features | part_classes));
  ARGOSY_CHECK(read_section((parts & others) != 0, [&](ByteReader& of) { read_extras(of, windows, besides); }));
  ARGOSY_CHECK(read_section((parts & part_latency) != 0, [&](ByteReader& of) { read_latency(of, windows, besides); }));
  ARGOSY_CHECK(read_section((parts & part_features) != 0, [&](ByteReader& of) {
    read_counted(of, windows, besides, has_features, &TakenWindow::features);
  }));
  ARGOSY_CHECK(read_section((parts & part_classes) != 0, [&](ByteReader& of) {
    read_counted(of, windows, besides, has_classes, &TakenWindow::classes);
  }));
  ARGOSY_CHECK(in.finish(what));
  return windows;
}

}  // namespace argosy::server
