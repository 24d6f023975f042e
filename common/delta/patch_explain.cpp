#include "common/delta/patch_explain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/mapped_file.hpp"
#include "common/delta/number_coder.hpp"
#include "common/delta/piece_choice.hpp"
#include "common/delta/tensor_format.hpp"
#include "common/tensors/tensor_map.hpp"

namespace argosy {

namespace {

using residual::Mode;
using tensor::Piece;
using tensor::Source;

// The patch as bytes, read from its beginning.
class PatchBytes {
 public:
  explicit PatchBytes(ByteView bytes) : left_(bytes) {}
  Result<ByteView> take(std::size_t count) {
    if (left_.size() < count) return make_error(Errc::truncated, "the patch is cut short");
    const ByteView taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  template <std::size_t count>
  Result<std::span<const std::uint8_t, count>> take() {
    ARGOSY_TRY(const ByteView taken, take(count));
    return taken.template first<count>();
  }

 private:
  ByteView left_;
};

// Adds up by the tensor that a byte of the new file belongs to.
class Bill {
 public:
  explicit Bill(ByteView fresh) : map_(find_tensors(fresh)) {
    for (const TensorExtent& each : map_.tensors)
      costs_.push_back(
          {.name = each.name, .type = std::string(name_of(each.type)), .shape = each.shape, .bytes = each.size});
    TensorCost& rest = costs_.emplace_back();
    rest.bytes = fresh.size();
    for (const TensorExtent& each : map_.tensors) rest.bytes -= each.size;
  }

  // A piece may lie in several tensors: each pays by its length.
  void charge(Source source, std::uint64_t offset, std::uint64_t bytes, double cost) {
    const double per_byte = bytes == 0 ? 0 : cost / static_cast<double>(bytes);
    while (bytes > 0) {
      const auto [tensor, until] = owner_of(offset);
      const std::uint64_t part = std::min(bytes, until - offset);
      TensorCost& each = costs_[tensor];
      (source == Source::copy      ? each.copied
       : source == Source::delta   ? each.by_difference
       : source == Source::literal ? each.plain
       : source == Source::steps   ? each.by_steps
                                   : each.by_itself) += part;
      each.cost_bytes += per_byte * static_cast<double>(part);
      offset += part;
      bytes -= part;
    }
  }
  std::vector<TensorCost> take() { return std::move(costs_); }

 private:
  struct Owner {
    std::size_t tensor = 0;
    std::uint64_t until = 0;
  };
  Owner owner_of(std::uint64_t offset) const {
    const auto& tensors = map_.tensors;
    const auto after = std::upper_bound(tensors.begin(), tensors.end(), offset,
                                        [](std::uint64_t at, const TensorExtent& each) { return at < each.offset; });
    if (after != tensors.begin()) {
      const TensorExtent& each = *(after - 1);
      if (offset < each.offset + each.size)
        return {static_cast<std::size_t>(after - 1 - tensors.begin()), each.offset + each.size};
    }
    return {tensors.size(), after == tensors.end() ? std::numeric_limits<std::uint64_t>::max() : after->offset};
  }

  TensorMap map_;
  std::vector<TensorCost> costs_;
};

// Bits that the numbers of a piece took.
double bits_of(tensor::NumberCoder& numbers, const tensor::Models& models, const Piece& piece, ByteView old,
               ByteView fresh) {
  const Mode mode = piece.source == Source::delta   ? Mode::delta
                    : piece.source == Source::intra ? Mode::intra
                    : piece.source == Source::steps ? Mode::counts
                                                    : Mode::serial;
  Bytes scratch;
  const ByteView before = mode == Mode::delta ? tensor::old_numbers(old, piece, scratch) : ByteView();
  Bytes counts;
  double bits = 0;
  numbers.code(piece.element, mode, before, tensor::coded_numbers(old, piece, fresh, counts),
               [&](std::size_t family, int context, const residual::Coded& coded, std::size_t) {
                 const std::uint8_t table = models.table_of[family][static_cast<std::size_t>(context)];
                 const double frequency = table == tensor::Models::none ? 1 : models.tables[table][coded.symbol];
                 bits += coded.raw_bits + rans::scale_bits - std::log2(std::max(frequency, 1.0));
               });
  return bits;
}

class Explainer {
 public:
  Explainer(ByteView patch, ByteView old, ByteView fresh) : patch_(patch), old_(old), fresh_(fresh), bill_(fresh) {}

  Result<PatchExplanation> explain() {
    ARGOSY_TRY(const auto header_bytes, patch_.take<tensor::header_bytes>());
    ARGOSY_TRY(const auto header, tensor::decode_header(header_bytes));
    if (header.old_file.size_bytes != old_.size() || header.new_file.size_bytes != fresh_.size() ||
        header.old_file.digest != sha256(old_) || header.new_file.digest != sha256(fresh_))
      return make_error(Errc::base_mismatch, "the patch was made for other files: from " +
                                                 header.old_file.digest.to_hex() + " to " +
                                                 header.new_file.digest.to_hex());
    ARGOSY_TRY(const ByteView packed, patch_.take(header.packed_tables));
    ARGOSY_TRY(const Bytes tables, tensor::unpack(packed, header.tables));
    ARGOSY_TRY(const auto models, tensor::decode_models(tables));
    PatchExplanation explanation;
    explanation.tables_bytes = static_cast<double>(header_bytes.size() + packed.size());
    while (offset_ < fresh_.size()) {
      ARGOSY_CHECK(add_chunk(models));
      explanation.tables_bytes += tensor::chunk_header_bytes;
    }
    explanation.tensors = bill_.take();
    return explanation;
  }

 private:
  Result<void> add_chunk(const tensor::Models& models) {
    ARGOSY_TRY(const auto header_bytes, patch_.take<tensor::chunk_header_bytes>());
    ARGOSY_TRY(const auto header, tensor::decode_chunk_header(header_bytes, fresh_.size() - offset_));
    ARGOSY_TRY(const ByteView bytes, patch_.take(header.payload_bytes));
    ARGOSY_TRY(const auto payload, tensor::decode_payload(bytes, old_.size()));
    const ByteView reference =
        old_.subspan(static_cast<std::size_t>(payload.reference.offset), payload.reference.bytes);
    Bytes unpacked;
    if (payload.unpacked_bytes > 0) {
      ARGOSY_TRY(unpacked,
                 tensor::unpack(payload.description, static_cast<std::size_t>(payload.unpacked_bytes), reference));
    }
    const ByteView described = payload.unpacked_bytes > 0 ? ByteView(unpacked) : payload.description;
    ARGOSY_TRY(const auto description, tensor::decode_description(described, header.result_bytes, old_.size()));

    const double plain_bytes = static_cast<double>(description.literals.size());
    // The description is shared by its literals and, where there are none, by all pieces.
    const double shared = static_cast<double>(payload.description.size());
    const double per_literal = plain_bytes > 0 ? shared / plain_bytes : 0;
    const double per_byte = plain_bytes > 0 ? 0 : shared / header.result_bytes;
    tensor::NumberCoder numbers;
    for (const Piece& piece : description.pieces) {
      const ByteView made = fresh_.subspan(static_cast<std::size_t>(offset_), piece.bytes);
      double cost = per_byte * piece.bytes;
      if (piece.source == Source::literal) cost += per_literal * piece.bytes;
      if (piece.source >= Source::delta) cost += bits_of(numbers, models, piece, old_, made) / 8;
      bill_.charge(piece.source, offset_, piece.bytes, cost);
      offset_ += piece.bytes;
    }
    return {};
  }

  PatchBytes patch_;
  ByteView old_;
  ByteView fresh_;
  Bill bill_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<PatchExplanation> explain_patch(const std::filesystem::path& patch_path, const std::filesystem::path& old_path,
                                       const std::filesystem::path& new_path) {
  ARGOSY_TRY(const MappedFile patch, MappedFile::open(patch_path));
  ARGOSY_TRY(const PatchCodec codec,
             recognise_patch(patch.bytes().first(std::min(patch.bytes().size(), patch_magic_bytes))));
  if (codec != PatchCodec::tensor)
    return make_error(Errc::invalid_argument, patch_path.string() + " is a patch of the codec " +
                                                  std::string(name_of(codec)) + ", which knows no tensors");
  ARGOSY_TRY(const MappedFile old, MappedFile::open(old_path));
  ARGOSY_TRY(const MappedFile fresh, MappedFile::open(new_path));
  return Explainer(patch.bytes(), old.bytes(), fresh.bytes()).explain();
}

}  // namespace argosy
