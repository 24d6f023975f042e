#include "common/delta/piece_choice.hpp"

#include <algorithm>
#include <cmath>

#include <zstd.h>

#include "common/delta/scaling.hpp"
#include "common/delta/step_search.hpp"

namespace argosy::tensor {

namespace {

using residual::Mode;

constexpr std::uint32_t shortest_numbers = 64;      // bytes; what is shorter is plain
constexpr std::uint64_t shortest_guess = 256;       // bytes of unknown content worth a look
constexpr std::uint64_t longest_guess = 256 << 10;  // bytes taken for the same kind without another look
constexpr std::uint64_t guess_bytes = 16 * 1024;
constexpr int longest_belief = 8;  // guesses
constexpr std::uint64_t widest_number = 4;
constexpr std::uint64_t shortest_copy = 4096;  // within what is laid beside old bytes; shorter ones are no differences
constexpr std::uint32_t sample_bytes = 64 * 1024;
constexpr std::uint64_t shortest_scaled_row = 32;  // numbers
constexpr std::size_t fewest_scaled_rows = 8;      // over which columns are judged
constexpr double clearly_better = 0.97;
constexpr double slightly_worse = 1.01;
constexpr double next_to_nothing = 0.02;  // bits a byte
constexpr int quick_pack_level = 3;

ByteView part(ByteView bytes, std::uint64_t offset, std::uint64_t count) {
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
}

// Those of which neither steps nor text is to be expected.
bool is_scattered(Element element) {
  return is_block(element) || with_element(element, []<Element kind>() { return ElementTraits<kind>::is_float; });
}

std::size_t quickly_packed_bytes(ByteView bytes) {
  Bytes packed(ZSTD_compressBound(bytes.size()));
  return ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), quick_pack_level);
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
    scaling.factors.push_back(
        static_cast<std::uint16_t>(std::clamp(std::lround(factor * (1 << factor_bits)), 0L, 65535L)));
  }
  return scaling;
}

}  // namespace

ByteView old_numbers(ByteView old, const Piece& piece, Bytes& scratch) {
  const ByteView plain = part(old, piece.old_offset, piece.bytes);
  if (piece.scaling.factors.empty()) return plain;
  scratch.assign(plain.begin(), plain.end());
  scale_numbers(scratch, piece.scaling);
  return scratch;
}

ByteView coded_numbers(ByteView old, const Piece& piece, ByteView fresh, Bytes& scratch) {
  if (piece.source != Source::steps) return fresh;
  scratch = counts_of(piece.element, piece.scaling, part(old, piece.old_offset, piece.bytes), fresh);
  return scratch;
}

Piece PieceChooser::describe(PieceCoding coding, const Region& region, std::uint64_t offset,
                             std::uint32_t bytes) const {
  switch (coding) {
    case PieceCoding::plain:
      return make_piece(Source::literal, bytes);
    case PieceCoding::intra:
      return make_piece(Source::intra, bytes, region.element);
    case PieceCoding::serial:
      return make_piece(Source::serial, bytes, region.element);
    default:
      break;
  }
  const std::uint64_t position = offset - region.offset;
  Piece piece = make_piece(Source::delta, bytes, region.element, region.old_offset + position);
  if (coding == PieceCoding::delta) return piece;
  const ByteView old = part(old_, piece.old_offset, bytes), fresh = part(fresh_, offset, bytes);
  const std::uint64_t columns = region.row_numbers, in_row = position % columns;
  const auto rows = static_cast<std::size_t>((in_row + bytes + columns - 1) / columns);
  piece.scaling = coding == PieceCoding::scaled_rows
                      ? fit_factors(old, fresh, columns, in_row, rows)
                      : fit_factors(old, fresh, 1, in_row, static_cast<std::size_t>(columns));
  return piece;
}

double PieceChooser::cost(const Piece& piece, std::uint64_t offset) {
  const ByteView fresh = part(fresh_, offset, piece.bytes);
  Bytes scratch;
  switch (piece.source) {
    case Source::delta:
      return trial_.bits(piece.element, Mode::delta, old_numbers(old_, piece, scratch), fresh);
    case Source::intra:
      return trial_.bits(piece.element, Mode::intra, {}, fresh);
    case Source::serial:
      return trial_.bits(piece.element, Mode::serial, {}, fresh);
    default:
      return 8.0 * static_cast<double>(quickly_packed_bytes(fresh));
  }
}

// Judged on a part from the middle: what is true of 64 KiB of a tensor is true of its neighbours.
PieceCoding PieceChooser::best_coding(const Region& region, std::uint64_t offset, std::uint32_t bytes) {
  const auto width = static_cast<std::uint32_t>(width_of(region.element));
  const std::uint32_t sample = std::min(bytes, sample_bytes) / width * width;
  const std::uint64_t start = offset + (bytes - sample) / 2 / width * width;
  PieceCoding best = PieceCoding::plain;
  double least = 8.0 * sample;
  const auto consider = [&](PieceCoding coding, double margin) {
    const Piece piece = describe(coding, region, start, sample);
    // A column's factor serves the whole stretch, a row's its own row.
    const double factors = 16.0 * static_cast<double>(piece.scaling.factors.size());
    const double share = coding == PieceCoding::scaled_columns ? static_cast<double>(sample) / bytes : 1;
    const double found = cost(piece, start) + factors * share;
    if (found >= least * margin) return;
    least = found;
    best = coding;
  };
  if (region.has_old) {
    consider(PieceCoding::delta, 1);
    const bool has_rows =
        region.element == Element::i8 && region.row_numbers >= shortest_scaled_row && region.row_numbers <= max_factors;
    if (has_rows && bytes > region.row_numbers) consider(PieceCoding::scaled_rows, clearly_better);
    if (has_rows && bytes >= fewest_scaled_rows * region.row_numbers)
      consider(PieceCoding::scaled_columns, clearly_better);
  }
  if (bytes < shortest_numbers) return best;
  consider(PieceCoding::intra, clearly_better);
  if (is_scattered(region.element)) return best;
  consider(PieceCoding::serial, clearly_better);
  if (best != PieceCoding::delta || least > 4.0 * sample) consider(PieceCoding::plain, 1);
  return best;
}

Piece PieceChooser::choose(const Region& region, std::uint64_t offset, std::uint32_t bytes) {
  if (region.has_old) {
    const std::uint64_t old_offset = region.old_offset + (offset - region.offset);
    const ByteView old = part(old_, old_offset, bytes), fresh = part(fresh_, offset, bytes);
    if (std::equal(old.begin(), old.end(), fresh.begin()))
      return make_piece(Source::copy, bytes, Element::byte, old_offset);
    if (can_have_steps(region.element) && region.row_numbers > 0 && region.row_numbers <= longest_step_row) {
      const std::uint64_t row = numbers_a_step(region.row_numbers), width = width_of(region.element);
      auto [numbers, steps] = first_stretch(region.element, old, fresh, row, (offset - region.offset) / width % row);
      bytes = static_cast<std::uint32_t>(numbers * width);
      if (!steps.factors.empty()) {
        Piece stepped = make_piece(Source::steps, bytes, region.element, old_offset);
        stepped.scaling = std::move(steps);
        if (saves(stepped, offset)) return stepped;
      }
    }
  }
  return describe(best_coding(region, offset, bytes), region, offset, bytes);
}

// Against differences, judged on the first of it.
bool PieceChooser::saves(const Piece& stepped, std::uint64_t offset) {
  Piece sample = stepped;
  sample.bytes = std::min(stepped.bytes, sample_bytes);
  const ByteView old = part(old_, sample.old_offset, sample.bytes), fresh = part(fresh_, offset, sample.bytes);
  Bytes counts;
  const double as_counts = trial_.bits(sample.element, Mode::counts, {}, coded_numbers(old_, sample, fresh, counts)) +
                           16.0 * static_cast<double>(stepped.scaling.factors.size()) * sample.bytes / stepped.bytes;
  return as_counts < clearly_better * trial_.bits(sample.element, Mode::delta, old, fresh);
}

// From the beginning on.
std::uint64_t PieceChooser::equal_bytes(const Region& region) const {
  if (!region.has_old) return 0;
  return common_prefix(part(old_, region.old_offset, region.bytes), part(fresh_, region.offset, region.bytes));
}

// Looks at the last byte that a copy would have first: where much is different that passes over most of it.
std::uint64_t PieceChooser::bytes_before_a_copy(const Region& region) const {
  if (!region.has_old) return region.bytes;
  const ByteView old = part(old_, region.old_offset, region.bytes), fresh = part(fresh_, region.offset, region.bytes);
  for (std::size_t start = 0; start + shortest_copy <= region.bytes;) {
    std::size_t end = start + shortest_copy;
    while (end > start && old[end - 1] == fresh[end - 1]) --end;
    if (end == start) return start;
    start = end;
  }
  return region.bytes;
}

std::vector<Region> PieceChooser::guess(const Region& region) {
  if (region.element_known) return {region};
  std::vector<Region> parts;
  Region last;
  Guess guessed;
  const std::uint64_t end = region.offset + region.bytes;
  for (std::uint64_t offset = region.offset; offset < end;) {
    Region rest = clip(region, offset, end);
    const std::uint64_t equal = equal_bytes(rest);
    if (equal >= std::min(shortest_copy, rest.bytes)) {
      // Numbers may begin a little before the first byte of them that changed.
      const std::uint64_t copied = equal == rest.bytes ? equal : equal - widest_number;
      parts.push_back(clip(rest, offset, offset + copied));
      offset += copied;
      if (offset == end) break;
      rest = clip(region, offset, end);
    }
    const std::uint64_t changed = bytes_before_a_copy(clip(rest, offset, offset + std::min(longest_guess, rest.bytes)));
    const Region part = clip(rest, offset, std::min(end, offset + changed + widest_number));
    guessed = guess_like(guessed, last, part);
    last = part;
    last.bytes = 0;
    for (const Region& each : cut(part, guessed)) {
      // What is left over of the last number belongs to the part behind.
      const bool left_over = last.bytes > 0 && each.bytes < widest_number && each.offset + each.bytes < end;
      if (left_over) break;
      parts.push_back(each);
      last.bytes += each.bytes;
    }
    offset = part.offset + last.bytes;
  }
  return parts;
}

// The region as numbers with what is left over before and behind them.
std::vector<Region> PieceChooser::cut(const Region& region, const Guess& guess) {
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

double PieceChooser::density(const Region& region, const Guess& guess) {
  const std::size_t width = width_of(guess.element);
  const std::uint64_t bytes = std::min(guess_bytes, region.bytes - guess.skip) / width * width;
  const ByteView fresh = part(fresh_, region.offset + guess.skip, bytes);
  const ByteView old = guess.has_old ? part(old_, guess.old_offset + guess.skip, bytes) : ByteView();
  return trial_.bits(guess.element, guess.has_old ? Mode::delta : Mode::intra, old, fresh) / static_cast<double>(bytes);
}

PieceChooser::Guess PieceChooser::best_guess(const Region& region) {
  Guess best{Element::byte, 0, region.has_old, region.old_offset, 0, 0};
  if (region.bytes < shortest_guess) return best;
  best.density = density(region, best);
  if (best.density < next_to_nothing) return best;
  const double enough = clearly_better * best.density;
  const auto consider = [&](bool has_old, std::uint64_t old_offset) {
    for (std::size_t kind = 0; kind < plain_kinds; ++kind) {
      const auto element = static_cast<Element>(kind);
      for (std::uint64_t skip = 0; skip < width_of(element); ++skip) {
        Guess guess{element, skip, has_old, old_offset, 0, 0};
        guess.density = density(region, guess);
        if (guess.density < std::min(enough, best.density)) best = guess;
      }
    }
  };
  if (region.has_old) consider(true, region.old_offset);
  if (region.other_old) consider(true, *region.other_old);
  consider(false, 0);
  return best;
}

// The numbers most likely go on as they were in the part before; else, and from time to time, all guesses are tried.
PieceChooser::Guess PieceChooser::guess_like(const Guess& before, const Region& before_region, const Region& region) {
  Guess same = before;
  same.skip = 0;
  same.old_offset += region.offset - before_region.offset;
  ++same.repeated;
  const bool goes_on = region.offset == before_region.offset + before_region.bytes && region.bytes >= guess_bytes &&
                       same.has_old == region.has_old && same.repeated < longest_belief;
  const bool is_there = !same.has_old || same.old_offset == region.old_offset || same.old_offset == region.other_old;
  if (!goes_on || !is_there) return best_guess(region);
  same.density = density(region, same);
  return same.density < slightly_worse * before.density ? same : best_guess(region);
}

}  // namespace argosy::tensor
