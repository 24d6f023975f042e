#include "common/delta/region.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>

#include "common/delta/step_search.hpp"
#include "common/delta/trial.hpp"
#include "common/delta/window_matcher.hpp"
#include "common/tensors/tensor_map.hpp"

namespace argosy::tensor {

namespace {

// Between bytes that resemble nothing and a stretch beside old ones: a shorter stretch costs more than it saves.
constexpr std::int64_t shortest_alike = 8;
constexpr std::uint64_t shortest_room = 4096;
constexpr std::int64_t longest_stride = 32;
constexpr std::uint64_t most_sorted = 8ULL << 20;   // bytes laid out by suffixes
constexpr std::uint64_t most_strange = 4ULL << 20;  // bytes of tensors added to them
constexpr std::uint64_t judged_bytes = 64 * 1024;
constexpr double hardly_better = 0.97;
constexpr double found_by_bytes = 0.5;  // share of a tensor

Element element_of(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return Element::f32;
    case ElementType::f16:
      return Element::f16;
    case ElementType::bf16:
      return Element::bf16;
    case ElementType::i32:
    case ElementType::u32:
      return Element::i32;
    case ElementType::i16:
    case ElementType::u16:
      return Element::i16;
    case ElementType::i8:
      return Element::i8;
    case ElementType::q8_0:
      return Element::q8_0;
    case ElementType::q4_0:
      return Element::q4_0;
    default:
      return Element::byte;
  }
}

// 64-bit numbers have no kind: they are taken for whatever pays.
bool is_known(ElementType type) {
  return type != ElementType::other && type != ElementType::f64 && type != ElementType::i64 && type != ElementType::u64;
}

std::uint64_t row_numbers(const TensorExtent& tensor) {
  if (tensor.shape.size() < 2) return 0;
  return count_of(Dimensions(tensor.shape).subspan(1)).value_or(0);
}

Region region_of(const TensorExtent& tensor) {
  return {.offset = tensor.offset,
          .bytes = tensor.size,
          .element = element_of(tensor.type),
          .element_known = is_known(tensor.type),
          .row_numbers = row_numbers(tensor)};
}

// For each new tensor the old one that it came from, or null.
std::vector<const TensorExtent*> pair_tensors(ByteView old_file, const TensorMap& old, ByteView new_file,
                                              const TensorMap& fresh) {
  std::vector<const TensorExtent*> partners(fresh.tensors.size(), nullptr);
  std::vector<bool> taken(old.tensors.size(), false);
  // The first rule that finds a partner wins; of several alike, the first in the file goes with the first.
  const auto by = [&](auto key_of) {
    std::multimap<decltype(key_of(old_file, old.tensors.front())), std::size_t> free;
    for (std::size_t i = 0; i < old.tensors.size(); ++i)
      if (!taken[i]) free.emplace(key_of(old_file, old.tensors[i]), i);
    for (std::size_t i = 0; i < fresh.tensors.size(); ++i) {
      if (partners[i] != nullptr) continue;
      const auto found = free.find(key_of(new_file, fresh.tensors[i]));
      if (found == free.end()) continue;
      partners[i] = &old.tensors[found->second];
      taken[found->second] = true;
      free.erase(found);
    }
  };
  by([](ByteView file, const TensorExtent& tensor) {
    const ByteView content =
        file.subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.size));
    return std::tuple(tensor.type, tensor.size, std::hash<std::string_view>()(as_text(content)));
  });
  by([](ByteView, const TensorExtent& tensor) { return std::tuple(tensor.name, tensor.type, tensor.shape); });
  by([](ByteView, const TensorExtent& tensor) { return std::tuple(tensor.type, tensor.shape, tensor.size); });
  by([](ByteView, const TensorExtent& tensor) { return std::tuple(tensor.name, tensor.type); });
  return partners;
}

void sort_by_offset(auto& each) {
  std::sort(each.begin(), each.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
}

// Parts of a file as one run of bytes, and where each of them came from.
class Run {
 public:
  static Run of_parts(ByteView file, std::vector<Extent> parts) {
    sort_by_offset(parts);
    Run run(file);
    for (const Extent& part : parts) run.add(part.offset, part.offset + part.bytes);
    return run;
  }
  // What lies between them.
  static Run without(ByteView file, std::vector<Extent> taken) {
    sort_by_offset(taken);
    Run run(file);
    std::uint64_t end = 0;
    for (const Extent& each : taken) {
      if (each.offset > end) run.add(end, each.offset);
      end = std::max(end, each.offset + each.bytes);
    }
    run.add(end, file.size());
    return run;
  }
  std::uint64_t bytes() const { return bytes_; }
  const std::vector<Extent>& parts() const { return parts_; }

  // A copy in memory, unless all of it lies together.
  ByteView joined() {
    if (parts_.size() == 1) return part(parts_.front());
    joined_.clear();
    joined_.reserve(static_cast<std::size_t>(bytes_));
    for (const Extent& each : parts_) {
      const ByteView from = part(each);
      joined_.insert(joined_.end(), from.begin(), from.end());
    }
    return joined_;
  }
  ByteView part(const Extent& extent) const {
    return file_.subspan(static_cast<std::size_t>(extent.offset), static_cast<std::size_t>(extent.bytes));
  }

  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t bytes_left = 0;  // in this part
  };
  Place place_of(std::uint64_t position) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), position);
    const auto index = static_cast<std::size_t>(after - starts_.begin()) - 1;
    const std::uint64_t inside = position - starts_[index];
    return {parts_[index].offset + inside, parts_[index].bytes - inside};
  }

 private:
  explicit Run(ByteView file) : file_(file) {}
  void add(std::uint64_t from, std::uint64_t to) {
    if (from == to) return;
    starts_.push_back(bytes_);
    parts_.push_back({from, to - from});
    bytes_ += to - from;
  }
  ByteView file_;
  std::vector<Extent> parts_;          // of the file
  std::vector<std::uint64_t> starts_;  // of each, in the run
  std::uint64_t bytes_ = 0;
  Bytes joined_;
};

// A stretch of the new run beside one of the old run, cut where either leaves a part of its file.
void add_alike(std::vector<Region>& regions, const Run& old, const Run& fresh, std::uint64_t new_position,
               std::uint64_t old_position, std::uint64_t bytes) {
  while (bytes > 0) {
    const auto to = fresh.place_of(new_position);
    const auto from = old.place_of(old_position);
    const std::uint64_t part = std::min({bytes, to.bytes_left, from.bytes_left});
    regions.push_back({.offset = to.offset, .bytes = part, .has_old = true, .old_offset = from.offset, .alike = true});
    new_position += part;
    old_position += part;
    bytes -= part;
  }
}

// Where in the old file `bytes` from this place of the old run lie, if they lie together.
std::optional<std::uint64_t> together(const Run& old, std::int64_t position, std::uint64_t bytes) {
  if (position < 0 || static_cast<std::uint64_t>(position) + bytes > old.bytes()) return std::nullopt;
  const auto place = old.place_of(static_cast<std::uint64_t>(position));
  if (place.bytes_left < bytes) return std::nullopt;
  return place.offset;
}

// Bytes of the old run from this place on that lie together, if they are worth a region of their own.
std::optional<std::uint64_t> room_at(const Run& old, std::int64_t position) {
  if (position < 0 || static_cast<std::uint64_t>(position) >= old.bytes()) return std::nullopt;
  const std::uint64_t room = old.place_of(static_cast<std::uint64_t>(position)).bytes_left;
  return room < shortest_room ? std::nullopt : std::optional(room);
}

// Bytes that resemble nothing as bytes may as numbers: then most likely those that go on behind the stretch before, or
// that lie before the one behind.
void add_strange(std::vector<Region>& regions, const Run& old, const Run& fresh, std::uint64_t position,
                 std::uint64_t bytes, std::int64_t old_behind, std::int64_t old_before) {
  while (bytes > 0) {
    const auto to = fresh.place_of(position);
    std::uint64_t part = std::min(bytes, to.bytes_left);
    const std::int64_t start = old_before - static_cast<std::int64_t>(bytes);
    if (start < 0) part = std::min(part, static_cast<std::uint64_t>(-start));  // more than there is before it
    part = std::min(part, room_at(old, old_behind).value_or(part));
    const auto behind = together(old, old_behind, part);
    const auto before = together(old, start, part);
    Region region{.offset = to.offset, .bytes = part};
    region.has_old = behind || before;
    if (region.has_old) region.old_offset = behind ? *behind : *before;
    if (behind && before && *before != *behind) region.other_old = *before;
    regions.push_back(region);
    position += part;
    old_behind += static_cast<std::int64_t>(part);
    bytes -= part;
  }
}

void add_step(std::vector<Region>& regions, const Run& old, const Run& fresh, const MatchStep& step) {
  const std::int64_t alike = step.alike < shortest_alike ? 0 : step.alike;
  const auto start = static_cast<std::uint64_t>(step.fresh), length = static_cast<std::uint64_t>(alike);
  add_alike(regions, old, fresh, start, static_cast<std::uint64_t>(step.old), length);
  add_strange(regions, old, fresh, start + length, static_cast<std::uint64_t>(step.alike + step.rest) - length,
              step.old + alike, step.next_old);
}

// Finds every likeness, but takes 5 bytes of memory a byte of old, and much time where nothing is alike.
Result<void> align_by_suffixes(std::vector<Region>& regions, Run& old, Run& fresh, const PatchProgress& progress) {
  const ByteView before = old.joined(), now = fresh.joined();
  ARGOSY_TRY(const auto index, OldIndex::build(before));
  const MatchSink sink = [&](const MatchStep& step) { add_step(regions, old, fresh, step); };
  return match_bytes(before, now, index, longest_stride, sink, progress);
}

// Finds the longer likenesses, in linear time. Each part of new is laid beside the whole old file, at first where the
// part before it ended.
Result<void> align_by_windows(std::vector<Region>& regions, ByteView old_file, const Run& old, const Run& fresh,
                              const PatchProgress& progress) {
  ARGOSY_TRY(const auto index, WindowIndex::build(old_file, old.parts(), progress));
  const Run whole_old = Run::without(old_file, {});
  std::uint64_t start = 0;
  auto start_old = static_cast<std::int64_t>(fresh.parts().front().offset);
  for (const Extent& part : fresh.parts()) {
    const MatchSink sink = [&](MatchStep step) {
      start_old = step.old + step.alike + step.rest;
      step.fresh += static_cast<std::int64_t>(start);
      add_step(regions, whole_old, fresh, step);
    };
    ARGOSY_CHECK(match_windows(old_file, fresh.part(part), index, start_old, sink, progress));
    start += part.bytes;
  }
  return {};
}

// The one place that decides how what is no tensor is laid out.
Result<void> align_by_bytes(std::vector<Region>& regions, ByteView old_file, Run old, Run fresh,
                            std::uint64_t max_memory_bytes, const PatchProgress& progress) {
  if (old.bytes() == 0 || fresh.bytes() == 0) {
    add_strange(regions, old, fresh, 0, fresh.bytes(), 0, static_cast<std::int64_t>(old.bytes()));
    return {};
  }
  const bool is_small =
      old.bytes() <= most_sorted && fresh.bytes() <= most_sorted && 5 * old.bytes() <= max_memory_bytes;
  if (is_small) return align_by_suffixes(regions, old, fresh, progress);
  return align_by_windows(regions, old_file, old, fresh, progress);
}

// Whether they came from the old ones by steps, judged on the first of them: that tells even of numbers that moved far.
bool moved_by_steps(ByteView old, ByteView fresh, const Region& region) {
  if (!can_have_steps(region.element) || region.row_numbers == 0 || region.row_numbers > longest_step_row) return false;
  const auto bytes = static_cast<std::size_t>(std::min(region.bytes, judged_bytes));
  const auto of = [&](ByteView file, std::uint64_t offset) {
    return file.subspan(static_cast<std::size_t>(offset), bytes / width_of(region.element) * width_of(region.element));
  };
  const Stretch stretch = first_stretch(region.element, of(old, region.old_offset), of(fresh, region.offset),
                                        numbers_a_step(region.row_numbers), 0);
  return !stretch.steps.factors.empty();
}

// Whether the old numbers help with the new ones, judged on a part from the middle.
bool resembles(Trial& trial, ByteView old, ByteView fresh, const Region& region) {
  const std::size_t width = width_of(region.element);
  const std::uint64_t bytes = std::min<std::uint64_t>(region.bytes, judged_bytes) / width * width;
  if (bytes == 0) return true;
  const std::uint64_t skip = (region.bytes - bytes) / 2 / width * width;
  const auto of = [&](ByteView file, std::uint64_t offset) {
    return file.subspan(static_cast<std::size_t>(offset + skip), static_cast<std::size_t>(bytes));
  };
  const ByteView now = of(fresh, region.offset);
  return trial.bits(region.element, residual::Mode::delta, of(old, region.old_offset), now) <
         hardly_better * trial.bits(region.element, residual::Mode::intra, {}, now);
}

// Tensors with a partner that they resemble, as regions; the rest of either file is for others to lay out.
struct LaidOut {
  std::vector<Region> regions;
  std::vector<Extent> old_taken, new_taken;
  std::vector<Region> unlike;   // tensors left to be laid out by their bytes, as they would be by themselves
  std::vector<Extent> strange;  // these, when they are too much to be looked through together with what is no tensor
};

LaidOut lay_out_tensors(ByteView old, ByteView fresh) {
  const TensorMap old_map = find_tensors(old);
  const TensorMap new_map = find_tensors(fresh);
  const auto partners = pair_tensors(old, old_map, fresh, new_map);
  LaidOut laid;
  std::uint64_t strange = 0;
  Trial trial;
  for (std::size_t i = 0; i < partners.size(); ++i) {
    const TensorExtent& tensor = new_map.tensors[i];
    const TensorExtent* partner = partners[i];
    Region region = region_of(tensor);
    // A tensor that grew lies beside all of the old one with its beginning.
    if (partner != nullptr) region.bytes = std::min(region.bytes, partner->size);
    region.has_old = partner != nullptr;
    region.old_offset = partner != nullptr ? partner->offset : 0;
    if (!region.has_old || !(resembles(trial, old, fresh, region) || moved_by_steps(old, fresh, region))) {
      Region alone = region_of(tensor);
      alone.has_old = partner != nullptr && partner->size >= tensor.size;
      alone.old_offset = alone.has_old ? partner->offset : 0;
      laid.unlike.push_back(alone);
      strange += tensor.size;
      continue;
    }
    laid.regions.push_back(region);
    laid.new_taken.push_back({region.offset, region.bytes});
    laid.old_taken.push_back({region.old_offset, region.bytes});
  }
  if (strange <= most_strange) return laid;
  for (const Region& region : laid.unlike) {
    laid.strange.push_back({region.offset, region.bytes});
    laid.new_taken.push_back(laid.strange.back());
  }
  return laid;
}

// Cuts regions where a tensor begins or ends. Both are sorted.
std::vector<Region> cut_at_tensors(const std::vector<Region>& regions, const std::vector<Region>& tensors) {
  std::vector<std::uint64_t> borders;
  for (const Region& tensor : tensors) {
    borders.push_back(tensor.offset);
    borders.push_back(tensor.offset + tensor.bytes);
  }
  std::vector<Region> cut;
  auto border = borders.begin();
  for (const Region& region : regions) {
    std::uint64_t from = region.offset;
    const std::uint64_t end = region.offset + region.bytes;
    while (border != borders.end() && *border <= from) ++border;
    for (; border != borders.end() && *border < end; ++border) {
      if (*border == from) continue;
      cut.push_back(clip(region, from, *border));
      from = *border;
    }
    cut.push_back(clip(region, from, end));
  }
  return cut;
}

// Takes back what laying out by bytes made of a tensor when it found little of it: chance matches only cut it up. Both
// are sorted.
std::vector<Region> keep_whole(const std::vector<Region>& regions, const std::vector<Region>& tensors) {
  std::vector<Region> kept;
  const std::vector<Region> cut = cut_at_tensors(regions, tensors);
  auto next = cut.begin();
  const auto move_until = [&](std::uint64_t offset) {
    for (; next != cut.end() && next->offset < offset; ++next) kept.push_back(*next);
  };
  for (const Region& tensor : tensors) {
    move_until(tensor.offset);
    const std::uint64_t end = tensor.offset + tensor.bytes;
    std::uint64_t alike = 0;
    for (auto inside = next; inside != cut.end() && inside->offset < end; ++inside)
      alike += inside->alike ? inside->bytes : 0;
    if (static_cast<double>(alike) >= found_by_bytes * static_cast<double>(tensor.bytes)) {
      move_until(end);
      continue;
    }
    kept.push_back(tensor);
    while (next != cut.end() && next->offset < end) ++next;
  }
  move_until(std::numeric_limits<std::uint64_t>::max());
  return kept;
}

}  // namespace

Region clip(Region region, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t cut = from - region.offset;
  region.offset = from;
  region.bytes = to - from;
  region.old_offset += region.has_old ? cut : 0;
  if (region.other_old) *region.other_old += cut;
  return region;
}

Result<std::vector<Region>> align(ByteView old, ByteView fresh, std::uint64_t max_memory_bytes,
                                  const PatchProgress& progress) {
  LaidOut laid = lay_out_tensors(old, fresh);
  const Run old_gaps = Run::without(old, std::move(laid.old_taken));
  ARGOSY_CHECK(align_by_bytes(laid.regions, old, old_gaps, Run::without(fresh, std::move(laid.new_taken)),
                              max_memory_bytes, progress));
  if (!laid.strange.empty() && old_gaps.bytes() > 0) {
    ARGOSY_CHECK(align_by_windows(laid.regions, old, old_gaps, Run::of_parts(fresh, laid.strange), progress));
  }
  sort_by_offset(laid.regions);
  sort_by_offset(laid.unlike);
  return keep_whole(laid.regions, laid.unlike);
}

}  // namespace argosy::tensor
