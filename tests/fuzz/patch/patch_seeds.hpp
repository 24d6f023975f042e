// The old file to which fuzzed patches apply, and a seed that no codec makes of it: floats moved by steps, which the
// encoder looks for in tensors alone.
#pragma once

#include "common/delta/number_coder.hpp"
#include "common/delta/rans_encoder.hpp"
#include "common/delta/residual_statistics.hpp"
#include "common/delta/steps.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy {

inline Bytes fuzzed_old_content() {
  Bytes content(4096);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return content;
}

// A patch of one chunk: a copy and some text, and steps of each kind of float, in rows that begin before their piece,
// one of which stays as it was.
inline Bytes patch_with_steps() {
  using tensor::Piece, tensor::Source, residual::Mode;
  const Bytes old = fuzzed_old_content();
  const tensor::Scaling rows{25, 7, {0x3c24, 0, 0x3a00}};
  const Piece pieces[] = {tensor::make_piece(Source::copy, 100, Element::byte, 40),
                          {Source::steps, Element::f32, 240, 200, rows},
                          {Source::steps, Element::f16, 120, 1000, rows},
                          tensor::make_piece(Source::literal, 11),
                          {Source::steps, Element::bf16, 120, 3000, rows}};
  const auto text = as_bytes("some text, ");
  Bytes result;
  std::vector<Bytes> counts;
  for (const Piece& piece : pieces) {
    const ByteView before = ByteView(old).subspan(static_cast<std::size_t>(piece.old_offset), piece.bytes);
    Bytes made(before.begin(), before.end());
    if (piece.source == Source::literal) made.assign(text.begin(), text.end());
    if (piece.source == Source::steps) {
      Bytes& moves = counts.emplace_back(piece.bytes / width_of(piece.element));
      for (std::size_t i = 0; i < moves.size(); ++i) moves[i] = static_cast<std::uint8_t>(i % 5 - 2);
      tensor::add_steps(piece.element, piece.scaling, before, moves, made);
    }
    result.insert(result.end(), made.begin(), made.end());
  }
  const auto walk = [&](auto&& sink) {
    tensor::NumberCoder numbers;
    for (const Bytes& moves : counts) numbers.code(Element::i8, Mode::counts, {}, moves, sink);
  };
  tensor::Statistics statistics;
  walk([&](std::size_t family, int context, const residual::Coded& coded, std::size_t) {
    statistics.add(family, context, coded.symbol);
  });
  const tensor::Models models = statistics.models();
  rans::Encoder symbols;
  rans::BitWriter raw;
  walk([&](std::size_t family, int context, const residual::Coded& coded, std::size_t lane) {
    symbols.note(models.table_of[family][static_cast<std::size_t>(context)], coded.symbol, lane);
    raw.put(coded.raw, coded.raw_bits);
  });
  const std::vector<rans::EncodingTable> encoding(models.tables.begin(), models.tables.end());
  const Bytes tables = tensor::encode(models), packed = tensor::pack(tables);
  const Bytes payload = tensor::encode_payload(tensor::encode_description(pieces, text), {}, {}, raw.finish(),
                                               symbols.finish(encoding), tensor::Effort::thorough);
  const auto head = tensor::encode(tensor::Header{{sha256(old), old.size()},
                                                  {sha256(result), result.size()},
                                                  static_cast<std::uint32_t>(packed.size()),
                                                  static_cast<std::uint32_t>(tables.size()),
                                                  tensor::crc32_of(packed)});
  const auto chunk = tensor::encode(tensor::ChunkHeader{
      static_cast<std::uint32_t>(result.size()), static_cast<std::uint32_t>(payload.size()), tensor::crc32_of(result)});
  Bytes patch(head.begin(), head.end());
  for (const ByteView part : {ByteView(packed), ByteView(chunk), ByteView(payload)})
    patch.insert(patch.end(), part.begin(), part.end());
  return patch;
}

}  // namespace argosy
