#include "server/telemetry/query/query_service.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "server/db/db_pool.hpp"
#include "server/http/response.hpp"
#include "server/telemetry/query/query_store.hpp"
#include "server/telemetry/series_store.hpp"
#include "server/telemetry/stored/rollup.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t looked_at_for_pause = 16;  // devices

// One of those that may be under way at once.
class Place {
 public:
  explicit Place(std::shared_ptr<std::size_t> taken) : taken_(std::move(taken)) { ++*taken_; }
  ~Place() { --*taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::shared_ptr<std::size_t> taken_;
};

Result<std::shared_ptr<const Place>> take_place(const std::shared_ptr<std::size_t>& taken, std::size_t limit) {
  if (*taken >= limit)
    return make_error(Errc::rate_limited,
                      std::to_string(limit) + " such queries of telemetry are under way; send this one again later");
  return std::make_shared<const Place>(taken);
}

std::vector<std::string> ids_of(const std::vector<QueriedDevice>& devices, std::size_t first, std::size_t count) {
  std::vector<std::string> ids;
  const auto last = std::min(first + count, devices.size());
  for (auto at = first; at < last; ++at) ids.push_back(devices[at].id);
  return ids;
}

Duration between_rows(const MetricRange& range) {
  if (range.level == Level::days) return 24h;
  return range.level == Level::hours ? 1h : 1min;
}

std::size_t slice_size(const MetricRange& range) {
  const auto rows_a_device = (range.to() - range.from()) / between_rows(range) + 1;
  return devices_in_slice(range.grid.steps, static_cast<std::size_t>(rows_a_device));
}

Error too_many_versions() {
  return make_error(Errc::too_large, "over " + std::to_string(versions_limit) +
                                         " versions ran in this range; name a model, or narrow the range");
}

Error reads_too_much(const MetricRange& range) {
  std::string message = "this query reads over " + std::to_string(queried_rows_limit) +
                        (range.metric.kind == Metric::Kind::health ? " health samples" : " rows of windows") +
                        "; narrow the filter or the range";
  if (range.metric.kind != Metric::Kind::health && range.level != Level::days && range.grid.steps > 1)
    message += ", or ask for fewer points: steps of an hour or a day are read from sums";
  return make_error(Errc::too_large, std::move(message));
}

// The slices of a query that are left to read, and how many rows those before had.
struct Slices {
  DbPool& db;
  std::shared_ptr<const MetricRange> range;
  const std::vector<QueriedDevice>& devices;
  std::shared_ptr<SharedTaker> taker;
  std::size_t size = 0;  // devices
  std::size_t next = 0;
  std::uint64_t rows = 0;
};

// One slice after the other, until none is left.
Task<Result<void>> read_some_slices(Slices& slices) {
  auto& [db, range, devices, taker, size, next, rows] = slices;
  while (next * size < devices.size() && rows <= queried_rows_limit) {
    const auto slice = next++;
    ReadMetricSlice read{range, ids_of(devices, slice * size, size), slice, queried_rows_limit - rows, taker};
    ARGOSY_CO_TRY(const auto more, co_await db.transact(std::move(read)));
    rows += more;
  }
  co_return Result<void>{};
}

// Two slices at a time: PostgreSQL reads one while the other is folded. Answers how many rows that was.
Task<Result<std::uint64_t>> read_slices(DbPool& db, std::shared_ptr<const MetricRange> range,
                                        const std::vector<QueriedDevice>& devices, std::shared_ptr<SharedTaker> taker) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  Slices slices{db, range, devices, std::move(taker), slice_size(*range)};
  const auto [one, other] = co_await (read_some_slices(slices) && read_some_slices(slices));
  if (!one) co_return one.error();
  if (!other) co_return other.error();
  if (slices.rows > queried_rows_limit) co_return reads_too_much(*range);
  co_return slices.rows;
}

Result<void> check_of_health(const QueriedRange& of, const Metric& metric, const Grouping& grouping) {
  if (metric.kind != Metric::Kind::health) return {};
  if (of.model.empty() && of.version.empty() && grouping.by != Grouping::By::version) return {};
  return make_error(Errc::invalid_argument,
                    "health is of a device, not of a model: ask for " + to_text(metric) + " without model and version");
}

// How far apart what was measured usually is, of the first devices: windows by how long they are.
Task<Result<Duration>> usual_pause(DbPool& db, const QueriedRange& of, const Metric& metric,
                                   const std::vector<QueriedDevice>& devices) {
  auto few = ids_of(devices, 0, looked_at_for_pause);
  if (metric.kind == Metric::Kind::health)
    co_return co_await db.transact<FindSamplePause>(std::move(few), of.from, of.to);
  StoredRange look{std::move(few), of.model, of.version, of.from, of.to};
  co_return co_await db.transact<FindUsualLength>(std::move(look));
}

// The steps that a chart is to have: no finer than what was measured, nor than what so many devices can be read in.
Task<Result<SeriesGrid>> grid_to_read(DbPool& db, const SeriesQuestion& question,
                                      const std::vector<QueriedDevice>& devices) {
  const QueriedRange& of = question.of;
  const auto asked = grid_of(of.from, of.to, question.points, Duration{0});
  const Duration step = std::chrono::seconds(asked.step_s);
  Duration pause = step < 24h ? 1h : 24h;
  if (step < 1h) {
    ARGOSY_CO_TRY(pause, co_await usual_pause(db, of, question.metric, devices));
  }
  if (question.metric.kind == Metric::Kind::health) co_return grid_of(of.from, of.to, question.points, pause);
  const auto apart = pause > 0s ? pause : Duration{1min};
  const auto unit = unit_to_read(devices.size(), of.to - of.from, apart);
  co_return grid_of(of.from, of.to, question.points, std::max(pause, unit));
}

Task<Result<std::shared_ptr<const MetricRange>>> range_to_read(DbPool& db, const SeriesQuestion& question,
                                                               const std::vector<QueriedDevice>& devices) {
  auto range = std::make_shared<MetricRange>();
  range->metric = question.metric;
  range->model = question.of.model;
  range->version = question.of.version;
  range->by_version = question.grouping.by == Grouping::By::version;
  ARGOSY_CO_TRY(range->grid, co_await grid_to_read(db, question, devices));
  range->level = level_for(std::chrono::seconds(range->grid.step_s));
  co_return std::shared_ptr<const MetricRange>(std::move(range));
}

// Folds slices by group. Devices come in the order of their groups, a slice after the other.
class GroupsOfSlices {
 public:
  GroupsOfSlices(const SeriesQuestion& question, const MetricRange& range, const std::vector<QueriedDevice>& devices)
      : by_version_(range.by_version), fold_(question.metric, range.grid.steps, question.groups) {
    for (const auto& device : devices) group_of_.emplace(device.id, device.group);
  }

  void take(std::vector<MeasuredDevice>&& measured) {
    if (by_version_) {
      for (const MeasuredDevice& device : measured) has_room_ = fold_.add_mixed(device.version, device) && has_room_;
      return;
    }
    std::stable_sort(measured.begin(), measured.end(), [this](const auto& one, const auto& another) {
      return group_of_.at(one.device) < group_of_.at(another.device);
    });
    for (const MeasuredDevice& device : measured) fold_.add(group_of_.at(device.device), device);
  }

  Result<GroupLines> lines() {
    if (has_room_) return fold_.lines();
    return too_many_versions();
  }

 private:
  bool by_version_;
  bool has_room_ = true;
  GroupFold fold_;
  std::unordered_map<std::string, std::string> group_of_;
};

// Nought, an hour or a day: what is read of a range that is one step.
Task<Result<Duration>> unit_of_range(DbPool& db, const QueriedRange& of, const Metric& metric,
                                     const std::vector<QueriedDevice>& devices) {
  const Duration length = of.to - of.from;
  if (length > 24h * 31) co_return Duration{24h};
  if (metric.kind == Metric::Kind::health) co_return length > 24h * 2 ? Duration{1h} : Duration{0};
  if (length > 24h * 2) co_return std::max<Duration>(1h, unit_to_read(devices.size(), length, 1h));
  ARGOSY_CO_TRY(const Duration pause, co_await usual_pause(db, of, metric, devices));
  co_return unit_to_read(devices.size(), length, pause > 0s ? pause : Duration{30s});
}

// One step over all of the range, on bounds that rows of its level have.
MetricRange whole_range(const QueriedRange& of, const Metric& metric, Duration unit) {
  MetricRange range{metric, of.model, of.version, {}, Level::windows, false};
  range.level = level_for(unit);
  const auto unit_s = std::max<std::int64_t>(1, unit / 1s);
  const auto from_s = to_ms(of.from) / 1000 / unit_s * unit_s;
  const auto to_s = (to_ms(of.to) + unit_s * 1000 - 1) / 1000 / unit_s * unit_s;
  range.grid = {from_s, to_s - from_s, 1};
  return range;
}

// Rounded out to whole hours or days, where these are asked for.
std::pair<Instant, Instant> on_bounds_of(Duration unit, const QueriedRange& of) {
  if (unit == Duration{0}) return {of.from, of.to};
  const Instant last = floor_to(of.to, unit);
  return {floor_to(of.from, unit), last < of.to ? last + unit : last};
}

struct Export {
  DbPool& db;
  std::shared_ptr<const Place> place;
  std::shared_ptr<const ExportPlan> plan;
  ExportPosition position;
  std::string head;
};

Task<Result<std::string>> next_export_piece(std::shared_ptr<Export> state) {
  std::string csv = std::exchange(state->head, {});
  while (csv.empty() && state->position.device < state->plan->devices.size()) {
    ARGOSY_CO_TRY(auto piece, co_await state->db.transact<ReadExportPiece>(state->plan, state->position));
    csv = std::move(piece.csv);
    state->position = piece.next;
  }
  co_return csv;
}

}  // namespace

Task<Result<GroupedSeries>> QueryService::series(SeriesQuestion question) {
  ARGOSY_CO_CHECK(check_of_health(question.of, question.metric, question.grouping));
  ARGOSY_CO_TRY(const auto place, take_place(queries_, queries_at_once));
  ARGOSY_CO_TRY(const auto devices, co_await db_.transact<SelectQueriedDevices>(question.of.filter, question.grouping));
  ARGOSY_CO_TRY(const auto range, co_await range_to_read(db_, question, devices));
  const auto groups = std::make_shared<GroupsOfSlices>(question, *range, devices);
  const auto taker = std::make_shared<SharedTaker>(
      [groups](std::vector<MeasuredDevice>&& measured) { groups->take(std::move(measured)); });
  ARGOSY_CO_TRY(const auto rows, co_await read_slices(db_, range, devices, taker));
  ARGOSY_CO_TRY(auto lines, groups->lines());
  co_return GroupedSeries{question.metric, question.grouping, range->grid, std::move(lines), devices.size(), rows};
}

Task<Result<WorstDevices>> QueryService::worst(WorstQuestion question) {
  ARGOSY_CO_CHECK(check_of_health(question.of, question.metric, {}));
  ARGOSY_CO_TRY(const auto place, take_place(queries_, queries_at_once));
  const Grouping none;
  ARGOSY_CO_TRY(const auto devices, co_await db_.transact<SelectQueriedDevices>(question.of.filter, none));
  ARGOSY_CO_TRY(const Duration unit, co_await unit_of_range(db_, question.of, question.metric, devices));
  const auto range = std::make_shared<const MetricRange>(whole_range(question.of, question.metric, unit));
  auto ranking = std::make_shared<Ranking>(question.metric, question.worse, question.most, question.least_samples);
  auto taker = std::make_shared<SharedTaker>([ranking](std::vector<MeasuredDevice>&& measured) {
    for (const MeasuredDevice& device : measured) ranking->add(device);
  });
  ARGOSY_CO_CHECK(co_await read_slices(db_, range, devices, taker));
  WorstDevices worst;
  worst.metric = question.metric;
  worst.worse = question.worse;
  worst.from = range->from();
  worst.to = range->to();
  worst.least_samples = question.least_samples;
  worst.items = ranking->devices();
  worst.devices = devices.size();
  worst.measured = ranking->measured();
  worst.with_too_few = ranking->with_too_few();
  co_return worst;
}

Task<Result<AccuracyOfField>> QueryService::accuracy(QueriedRange of) {
  ARGOSY_CO_TRY(const auto place, take_place(queries_, queries_at_once));
  const Grouping none;
  ARGOSY_CO_TRY(const auto devices, co_await db_.transact<SelectQueriedDevices>(of.filter, none));
  const Metric accuracy{Metric::Kind::accuracy, 0, {}};
  ARGOSY_CO_TRY(const Duration unit, co_await unit_of_range(db_, of, accuracy, devices));
  MetricRange whole = whole_range(of, accuracy, unit);
  whole.by_version = true;
  const auto range = std::make_shared<const MetricRange>(std::move(whole));
  auto found = std::make_shared<FieldAccuracy>();
  auto has_room = std::make_shared<bool>(true);
  auto taker = std::make_shared<SharedTaker>([found, has_room](std::vector<MeasuredDevice>&& measured) {
    for (const MeasuredDevice& device : measured) *has_room = found->add(device) && *has_room;
  });
  ARGOSY_CO_CHECK(co_await read_slices(db_, range, devices, taker));
  if (!*has_room) co_return too_many_versions();
  co_return AccuracyOfField{of.model, range->from(), range->to(), devices.size(), std::move(*found)};
}

Task<Result<Facets>> QueryService::facets(Filter filter) {
  ARGOSY_CO_TRY(const auto place, take_place(queries_, queries_at_once));
  co_return co_await db_.transact<ReadFacets>(std::move(filter));
}

Task<Result<LiveBody>> QueryService::export_windows(ExportQuestion question) {
  ARGOSY_CO_TRY(auto place, take_place(exports_, exports_at_once));
  auto plan = std::make_shared<ExportPlan>();
  const Grouping none;
  ARGOSY_CO_TRY(plan->devices, co_await db_.transact<SelectQueriedDevices>(question.of.filter, none));
  plan->model = question.of.model;
  plan->version = question.of.version;
  plan->rows_of = question.rows_of;
  const auto [from, to] = on_bounds_of(question.rows_of, question.of);
  plan->from = from;
  plan->to = to;
  auto state = std::make_shared<Export>(Export{db_, std::move(place), plan, {0, plan->from}, window_csv_head()});
  LiveBody body;
  body.ends_by_itself = true;
  body.next = [state] { return next_export_piece(state); };
  co_return body;
}

}  // namespace argosy::server
