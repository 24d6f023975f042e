#include "common/delta/piece_choice.hpp"

#include <algorithm>
#include <cmath>

#include "common/delta/scaling.hpp"

namespace argosy::tensor {

namespace {

using residual::Mode;

constexpr std::uint32_t shortest_numbers = 64;    // bytes; what is shorter is plain
constexpr std::uint64_t shortest_guess = 256;     // bytes of unknown content worth a look
constexpr std::size_t guess_sample = 64 * 1024;   // bytes
constexpr std::uint64_t shortest_scaled_row = 32;  // numbers
constexpr std::size_t fewest_scaled_rows = 8;     // over which columns are judged
constexpr double clearly_better = 0.97;

ByteView part(ByteView bytes, std::uint64_t offset, std::uint64_t count) {
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
}

bool is_float(Element element) {
  return with_element(element, []<Element kind>() { return ElementTraits<kind>::is_float; });
}

// The factors by which old numbers come nearest to new ones, by least squares.
Scaling fit_factors(ByteView old, ByteView fresh, std::uint64_t inner, std::uint64_t phase, std::size_t count) {
  std::vector<double> products(count), squares(count);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const std::size_t row = static_cast<std::size_t>((phase + i) / inner % count);
    const double before = static_cast<std::int8_t>(old[i]);
    products[row] += before * static_cast<std::int8_t>(fresh[i]);
    squares[row] += before * before;
  }
  Scaling scaling{static_cast<std::uint32_t>(inner), static_cast<std::uint32_t>(phase), {}};
  for (std::size_t row = 0; row < count; ++row) {
    const double factor = squares[row] > 0 ? products[row] / squares[row] : 1;
    scaling.factors.push_back(static_cast<std::uint16_t>(std::clamp(std::lround(factor * (1 << factor_bits)), 0L, 65535L)));
  }
  return scaling;
}

// Candidates for what the bytes of an unknown region are: numbers of a kind from some byte on, and where the old ones lie.
struct Guess {
  Element element = Element::byte;
  std::uint64_t skip = 0;
  bool has_old = false;
  std::uint64_t old_offset = 0;
};

// The region as numbers with what is left over before and behind them.
std::vector<Region> cut(const Region& region, const Guess& guess) {
  const std::uint64_t width = width_of(guess.element);
  const std::uint64_t whole = (region.bytes - guess.skip) / width * width;
  std::vector<Region> parts;
  const auto add = [&](Element element, std::uint64_t from, std::uint64_t bytes) {
    if (bytes == 0) return;
    Region each = region;
    each.offset += from;
    each.bytes = bytes;
    each.element = element;
    each.has_old = guess.has_old;
    each.old_offset = guess.has_old ? guess.old_offset + from : 0;
    parts.push_back(each);
  };
  add(Element::byte, 0, guess.skip);
  add(guess.element, guess.skip, whole);
  add(Element::byte, guess.skip + whole, region.bytes - guess.skip - whole);
  return parts;
}

}  // namespace

ByteView old_numbers(ByteView old, const Piece& piece, Bytes& scratch) {
  const ByteView plain = part(old, piece.old_offset, piece.bytes);
  if (piece.scaling.factors.empty()) return plain;
  scratch.assign(plain.begin(), plain.end());
  scale_numbers(scratch, piece.scaling);
  return scratch;
}

void PieceChooser::try_scaling(Piece& piece, double& best, const Region& region, std::uint64_t offset) {
  if (piece.element != Element::i8 || region.row_numbers < shortest_scaled_row || region.row_numbers > max_factors) return;
  const ByteView old = part(old_, piece.old_offset, piece.bytes), fresh = part(fresh_, offset, piece.bytes);
  const std::uint64_t position = offset - region.offset;
  const std::uint64_t in_row = position % region.row_numbers;
  const auto rows = static_cast<std::size_t>((in_row + piece.bytes + region.row_numbers - 1) / region.row_numbers);
  const auto consider = [&](Scaling scaling) {
    Piece scaled = piece;
    scaled.scaling = std::move(scaling);
    Bytes scratch;
    const double cost = trial_.bits(Element::i8, Mode::delta, old_numbers(old_, scaled, scratch), fresh) +
                        16.0 * static_cast<double>(scaled.scaling.factors.size());
    if (cost >= best * clearly_better) return;
    best = cost;
    piece = std::move(scaled);
  };
  if (rows > 1) consider(fit_factors(old, fresh, region.row_numbers, in_row, rows));
  if (rows >= fewest_scaled_rows)
    consider(fit_factors(old, fresh, 1, in_row, static_cast<std::size_t>(region.row_numbers)));
}

Piece PieceChooser::choose(const Region& region, std::uint64_t offset, std::uint32_t bytes) {
  const ByteView fresh = part(fresh_, offset, bytes);
  const Piece plain = make_piece(Source::literal, bytes);
  Piece best = plain;
  double best_bits = 8.0 * bytes;
  if (region.has_old) {
    Piece delta = make_piece(Source::delta, bytes, region.element, region.old_offset + (offset - region.offset));
    const ByteView old = part(old_, delta.old_offset, bytes);
    if (std::equal(old.begin(), old.end(), fresh.begin())) return make_piece(Source::copy, bytes, Element::byte, delta.old_offset);
    double cost = trial_.bits(delta.element, Mode::delta, old, fresh);
    try_scaling(delta, cost, region, offset);
    if (cost < best_bits) {
      best_bits = cost;
      best = delta;
    }
  }
  if (bytes < shortest_numbers) return best;
  const auto consider = [&](Source source, Mode mode, Element element) {
    const double cost = trial_.bits(element, mode, {}, fresh);
    if (cost >= best_bits * clearly_better) return;
    best_bits = cost;
    best = make_piece(source, bytes, element);
  };
  consider(Source::intra, Mode::intra, region.element);
  if (!is_float(region.element)) consider(Source::serial, Mode::serial, region.element);
  const bool may_be_text = best.source != Source::delta || best_bits > 4.0 * bytes;
  if (may_be_text && 8.0 * static_cast<double>(pack(fresh).size()) < best_bits) best = plain;
  return best;
}

std::vector<Region> PieceChooser::guess(const Region& region) {
  if (region.element_known || region.bytes < shortest_guess) return {region};
  const auto density = [&](const Guess& guess) {
    const std::size_t width = width_of(guess.element);
    const std::uint64_t bytes = std::min<std::uint64_t>(guess_sample, region.bytes - guess.skip) / width * width;
    const ByteView fresh = part(fresh_, region.offset + guess.skip, bytes);
    const ByteView old = guess.has_old ? part(old_, guess.old_offset + guess.skip, bytes) : ByteView();
    return trial_.bits(guess.element, guess.has_old ? Mode::delta : Mode::intra, old, fresh) / static_cast<double>(bytes);
  };
  Guess best{Element::byte, 0, region.has_old, region.old_offset};
  double least = density(best) * clearly_better;
  const auto consider = [&](bool has_old, std::uint64_t old_offset) {
    for (std::size_t kind = 0; kind < element_kinds; ++kind) {
      const auto element = static_cast<Element>(kind);
      for (std::uint64_t skip = 0; skip < width_of(element); ++skip) {
        const Guess guess{element, skip, has_old, old_offset};
        const double found = density(guess);
        if (found >= least) continue;
        least = found;
        best = guess;
      }
    }
  };
  if (region.has_old) consider(true, region.old_offset);
  if (region.other_old) consider(true, *region.other_old);
  consider(false, 0);
  return cut(region, best);
}

}  // namespace argosy::tensor
