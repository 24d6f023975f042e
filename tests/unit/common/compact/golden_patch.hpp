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
             "4152474f535954324b0d000000000000f6e953ec6812f9d6d4ab2258e509b134cd3518f749456c478f1ca50306a192dd4b0d"
             "0000000000007d45d0f8e59194d6f2afbf80c3801c90040b19d75006dfa62d53ba9158ae9632450000009107000045055e82"
             "28b52ffd0008e50100b40202bc08b701a101ea018702e301d0018002e601e601db01bb01b301c901e601000400802000ff00"
             "000100010400c9ca8f46057eb60794d39a02644b0d00003e0200008476fdfb000032000401cb0100b5c00c00640004673b23"
             "3b0000c63aa5a00600640004c33aa43a0000203aada00600640004113b433a0000e83a25290200d017a60d6b9ae81ce15e4d"
             "0255ef0584d38a1245c0dca1b6f26b0d5929fe508633e8a4c822354c0e6b3a3f336dc6ede69d77701432aee4636c7b227f93"
             "f494556b39373268276a57675da1a04c3f99e9ef4d1d696656045ce034688a5fafe5dd685a14fb4d306f048f749a5669bf04"
             "e241e32400b453047386d354c0eb4155484999142b4ec4ca8e7aa5f0da46fdeed8475f1f7b60eaf863d3edb0ee08ab8daeec"
             "c80decfdf8590d759585846359c26b03f89b1e6b14a10345693a78726a4927c8d65ddf1e9d0086aeb77874a56dd37ab8b972"
             "4b8364626c8b7e8d46524fb74f9b0daa9cdb488baa0788cc3f000d69ff38ff5c26d7d6103f5fb4492bd57a489783dd854893"
             "c4a57e2f7fde685adcf56e0d48761b010b24c22441e9d245c26193b302a090e6300832d99ed38ca827fdae6f77198f0587ad"
             "473016b206a6bbcf55238e647eb8c6711e14ee0f666ab7d67f665766ce0b67134ba43b38ab9dee63a686940d5c5f4ed96b1a"
             "1bea9c15bd18e6ffab5a34ca2afb2fb25ec8931dae028e83893019266be9ad4f6c0ea6be4d697c9c6d726beb6d44e4708f8a"
             "9512c54659c4ac5e6db57c5c0f17cd560dc3d769bb411ca3dc767de32bc5d8a1cc4be096ad6f4bf7414f3278f35fd1c9c235"
             "203af2250233116b525a9a557870081426f31013268d9bf65c2016bdf6f689ae94bde5ce95424df73d5b4d76a1b7b4c4ef21"
             "2b9969eac9")
      .value();
}

}  // namespace argosy::golden
