// What a number from outside may be, so that every column, sum and language that it reaches can hold it.
#pragma once

#include <cstdint>

namespace argosy {

// Sizes, counts and sequence numbers: exact in a double, so in JSON, JavaScript and CBOR alike, and a thousand of them
// add up within 64 bits.
inline constexpr std::uint64_t largest_count = std::uint64_t{1} << 53;

}  // namespace argosy
