// How best to describe a stretch of the new file: as a copy, by differences, by itself, or as plain bytes. Trial by
// trial, each counted in bits. One thread.
#pragma once

#include "common/delta/region.hpp"
#include "common/delta/tensor_format.hpp"
#include "common/delta/trial.hpp"

namespace argosy::tensor {

enum class PieceCoding : std::uint8_t { plain, delta, scaled_rows, scaled_columns, intra, serial };

class PieceChooser {
 public:
  PieceChooser(ByteView old, ByteView fresh) : old_(old), fresh_(fresh) {}

  // The piece for fresh[offset, + bytes), which lies inside the region and holds whole numbers, or for the first of
  // them.
  Piece choose(const Region& region, std::uint64_t offset, std::uint32_t bytes);

  // Finds out what an unknown region's bytes are best taken for, and cuts it where such numbers begin and end, and
  // where long stretches of it are as they were.
  std::vector<Region> guess(const Region& region);

 private:
  // What the bytes of an unknown region may be: numbers of a kind from some byte on, and where the old ones lie.
  struct Guess {
    Element element = Element::byte;
    std::uint64_t skip = 0;
    bool has_old = false;
    std::uint64_t old_offset = 0;
    double density = 0;  // bits a byte
    int repeated = 0;
  };

  Piece describe(PieceCoding coding, const Region& region, std::uint64_t offset, std::uint32_t bytes) const;
  double cost(const Piece& piece, std::uint64_t offset);
  static std::vector<Region> cut(const Region& region, const Guess& guess);
  double density(const Region& region, const Guess& guess);
  Guess best_guess(const Region& region);
  Guess guess_like(const Guess& before, const Region& before_region, const Region& region);
  std::uint64_t equal_bytes(const Region& region) const;
  std::uint64_t bytes_before_a_copy(const Region& region) const;
  bool saves(const Piece& stepped, std::uint64_t offset);
  PieceCoding best_coding(const Region& region, std::uint64_t offset, std::uint32_t bytes);

  ByteView old_;
  ByteView fresh_;
  Trial trial_;
};

// What a piece is coded as, when that is not what it makes: counts of steps. `scratch` holds them.
ByteView coded_numbers(ByteView old, const Piece& piece, ByteView fresh, Bytes& scratch);

// What a piece is coded from: the old bytes, multiplied by its factors. `scratch` holds them where that changes them.
ByteView old_numbers(ByteView old, const Piece& piece, Bytes& scratch);

}  // namespace argosy::tensor
