// How a new file is laid beside an old one: stretches that hold numbers of one kind, with where the numbers they came
// from lie in the old file, if anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/delta/byte_matcher.hpp"
#include "common/delta/element.hpp"

namespace argosy::tensor {

struct Region {
  std::uint64_t offset = 0;  // in the new file
  std::uint64_t bytes = 0;
  bool has_old = false;
  std::uint64_t old_offset = 0;
  bool alike = false;                        // at least half of the bytes are the same
  std::optional<std::uint64_t> other_old{};  // where they may lie instead; only when the element is not known
  Element element = Element::byte;
  bool element_known = false;     // from the file's structure; else it is for the encoder to guess
  std::uint64_t row_numbers = 0;  // numbers in a row of the tensor; 0: no rows
};

// The part of a region that makes these bytes of the new file.
Region clip(Region region, std::uint64_t from, std::uint64_t to);

// Regions in order, without gaps, over the whole new file. Tensors are laid beside equal ones, else by name, else by
// shape and order. What is no tensor, tensors that turn out not to resemble their partner, and files of no known form
// are laid beside each other by their bytes: up to 8 MiB, and within `max_memory_bytes`, by sorted suffixes, which
// takes 5 bytes of memory a byte of old; more than that by hashes of windows, in linear time and 32 MiB.
// Errc::cancelled when `progress` says so.
Result<std::vector<Region>> align(ByteView old, ByteView fresh, std::uint64_t max_memory_bytes,
                                  const PatchProgress& progress);

}  // namespace argosy::tensor
