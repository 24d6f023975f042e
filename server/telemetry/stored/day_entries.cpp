#include "server/telemetry/stored/day_entries.hpp"

#include <utility>

#include "server/telemetry/stored_bytes.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using std::chrono::days;

void put_day(Bytes& out, Instant start, const TakenWindow& figures) {
  put_varint(out, static_cast<std::uint64_t>(std::chrono::floor<days>(start.time_since_epoch()).count()));
  put_block(out, encode_figures(figures));
}

void take_shape(ByteReader& in, std::uint32_t parts, TakenWindow& day) {
  in.number();
  TakenWindow shape;
  if (const auto read = decode_figures(in.block(), shape, parts); !read) return in.fail(read.error().message);
  day.features = std::move(shape.features);
  day.classes = std::move(shape.classes);
}

}  // namespace

void DayEntries::add(const TakenWindow& day) {
  TakenWindow drawn = day;
  drawn.features.clear();
  drawn.classes.clear();
  put_day(entries, day.started_at, drawn);
  TakenWindow shape;
  shape.features = day.features;
  shape.classes = day.classes;
  put_day(shapes, day.started_at, shape);
}

Result<void> visit_days(ByteView entries, ByteView shapes, std::uint32_t parts,
                        const std::function<void(TakenWindow&&)>& visit) {
  constexpr const char* what = "days of telemetry";
  constexpr std::uint64_t last_day = 2'932'896;  // of the year 9999
  ByteReader in(entries), beside(shapes);
  while (in.left() > 0) {
    TakenWindow day;
    const auto number = in.number();
    if (number > last_day) in.fail("a day is out of range");
    if (in.has_failed()) break;
    day.started_at = Instant{} + days{static_cast<int>(number)};
    ARGOSY_CHECK(decode_figures(in.block(), day, parts));
    if ((parts & (part_features | part_classes)) != 0 && beside.left() > 0) take_shape(beside, parts, day);
    if (in.has_failed() || beside.has_failed()) break;
    visit(std::move(day));
  }
  ARGOSY_CHECK(beside.check(what));
  return in.check(what);
}

}  // namespace argosy::server
