// A pair of files and the patch between them, made once on x86-64 and written down.
#pragma once

#include <bit>
#include <cmath>

#include "tests/unit/common/compact/compact_files.hpp"

namespace argosy::golden {

// Made of whole numbers alone, so that no machine's mathematics has a say: signs, and exponents over eight octaves.
inline double number_of(Rng& rng) {
  const double mantissa = 1 + static_cast<double>(rng.below(1 << 23)) / (1 << 23);
  const bool is_negative = rng.chance(0.5);
  const int exponent = static_cast<int>(rng.below(8)) - 8;
  return std::ldexp(is_negative ? -mantissa : mantissa, exponent);
}

inline Bytes old_file() {
  Rng rng(20);
  SafetensorsFile model;
  for (const FloatKind& kind : float_kinds)
    model.add(kind.name, kind.name, "[4,100]",
              floats_of(kind.element, 400, [&](std::size_t) { return number_of(rng); }));
  return model.file();
}

constexpr const char* old_digest = "f6e953ec6812f9d6d4ab2258e509b134cd3518f749456c478f1ca50306a192dd";
constexpr const char* new_digest = "7d45d0f8e59194d6f2afbf80c3801c90040b19d75006dfa62d53ba9158ae9632";
constexpr const char* walk_digest = "97195abee1f2364928ed2dac05bf504ec24c40e8d396c1e928240326f1a8d5e5";

inline Bytes patch() {
  return from_hex(
             "4152474f535954314b0d000000000000f6e953ec6812f9d6d4ab2258e509b134cd3518f749456c478f1ca50306a192dd4b0d"
             "0000000000007d45d0f8e59194d6f2afbf80c3801c90040b19d75006dfa62d53ba9158ae9632560000009a070000493dca1c"
             "28b52ffd00086d0200e2030e16d01d03a8e02f661087b00203d812ee28e04b2548da01d736b840802bbf2bd3b3c3ab37bfc3"
             "b72753db3001f1f2427696aec7d5b198311f06004010782f2af0b3ac0145da2e09b54a134b0d00003e0200008476fdfb0000"
             "32000401cb0100b5c00c00640004673b233b0000c63aa5a00600640004c33aa43a0000203aada00600640004113b433a0000"
             "e83ac1fa700a648a01001e2cf52a321f910009889a9f16fd1c9c7bb980c8ff3ee72c5f6ec6e8fd28f98c4fe8e029776d5c2a"
             "bcb84aae911eb913ba1d5db4c147631e02539f09c46dafc3a9715eba71d8b3f0f0a3bae0c67fa898495e2c04a723f679271a"
             "652b3c2fb72d714176aca3712758eeb413d64050733065814852240562b67df52d445264c7a42045e203fcf395cb7caeb76f"
             "611fb0cacb667508b4cca189550bd77c7acba30fdb8e0ca8e22590e71c0360f5d8edace9267561931ebe44a6f8cc62f90138"
             "2e796771a15cb20559fd60fdc7bccdcf608b4c927c871e44071d82ae0639b16b8153b14a5cf6e9d743337185108d0f4e1a84"
             "8221abe57ff933a36fd0c37efbe8879c60a1dc97111daacfe99aacb163ac2c97a0f699bb6011bc5179d134459877469452c2"
             "5da27bacd9ac24b42b7f5189facbd8da041aecf89279c6b92dca1b7e4b5408ac3ebb4a0f99ebaa5ad36ed31a04481edb1abb"
             "bccb634f3316826eb6bdbce4e8c4d65918a440783790b6bfe3f88e4a9b2631dca88ee569453dca905386dfb96ebd61a92896"
             "66a2b25ccb796f213f5c1495962d3a3a5f05e6c38c731a831d2cd977e8ff760cf17c0eb3c18a4a8cd7bb560beed72cec5171"
             "e40cf7e876b1ea10d3c1802263414a64864562f66545ebae6fd18cdb67cf59db788745cbc42bea2d4b193bde181a247bc918"
             "079b65572fae06637b0411b8bf7f5bffe7ac9faba9bb")
      .value();
}

}  // namespace argosy::golden
