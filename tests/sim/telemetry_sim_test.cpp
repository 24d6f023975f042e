// The real outbox and the server's real rule over a network that loses, repeats, reorders and answers the wrong agent,
// while processes crash, disks are put back from older images and copied, and the server is put back from a backup.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "agent/telemetry/outbox.hpp"
#include "common/base/random.hpp"
#include "server/telemetry/telemetry.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy {
namespace {

namespace fs = std::filesystem;
using agent::Outbox;
using Id = int;  // of a record: what it says, wherever it is filed

const Instant now = instant_from_ms(1'767'225'600'000);

Id id_of(const wire::TelemetryRecord& record) {
  return static_cast<Id>(*std::get<wire::HealthSample>(record.content).cpu_percent);
}

wire::TelemetryBatch read(const wire::StoredBatch& batch) {
  return wire::decode_telemetry(wire::encode(batch)).value();
}

struct Server {
  std::map<std::string, server::Cursor> cursors;
  std::map<std::string, server::StoredLinks> links;
  std::multiset<Id> stored;

  wire::TelemetryAck take(const wire::TelemetryBatch& batch) {
    auto& cursor = cursors[batch.epoch];
    server::StoredLinks known;
    if (const auto wanted = server::links_needed(cursor, batch)) {
      const auto& all = links[batch.epoch];
      known.insert(all.lower_bound(wanted->first), all.upper_bound(wanted->last));
    }
    const auto next = server::continue_from(cursor, batch, known);
    for (auto i = next.skip; i < next.skip + next.take; ++i) {
      stored.insert(id_of(batch.records[i]));
      links[batch.epoch][batch.records[i].seq] = batch.chain[i + 1];
    }
    cursor = next.cursor;
    return next.ack;
  }
  std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& [epoch, cursor] : cursors) sum += cursor.lost + cursor.refused;
    return sum;
  }
};

// A device with its disk; a copied one is another of these.
struct Device {
  explicit Device(fs::path at, Outbox::Limits given) : folder(std::move(at)), limits(given) {
    fs::create_directories(folder);
    start();
  }
  void start() { outbox.emplace(Outbox::open(folder / "outbox.db", limits).value()); }
  void stop() { outbox.reset(); }
  void crash() {
    stop();
    start();
  }
  void copy_to(const fs::path& image) {
    stop();
    fs::remove_all(image);
    fs::copy(folder, image, fs::copy_options::recursive);
    start();
  }
  void put_back(const fs::path& image) {
    stop();
    fs::remove_all(folder);
    fs::copy(image, folder, fs::copy_options::recursive);
    start();
  }
  std::set<Id> holds() {
    std::set<Id> ids;
    const auto all = outbox->batch("cam-7", 100'000, 1U << 30).value();
    if (all)
      for (const auto& record : all->records) ids.insert(id_of(wire::decode_record(record).value()));
    return ids;
  }

  fs::path folder;
  Outbox::Limits limits;
  std::optional<Outbox> outbox;
};

struct Faults {
  bool images = true;   // disks are put back from images, and copied
  bool backups = true;  // the server is put back from a backup
  bool drops = false;   // outboxes are so small that they drop records
};

class Fleet {
 public:
  Fleet(std::uint64_t seed, Faults faults) : rng_(seed), faults_(faults) {
    if (faults.drops) limits_.max_bytes = 1200;
    devices_.push_back(std::make_unique<Device>(folder_ / "0", limits_));
  }

  void step() {
    const auto dice = rng_.uniform();
    if (dice < 0.45) return append(some_device());
    if (dice < 0.80) return send(some_device());
    if (dice < 0.88) return deliver_late();
    if (dice < 0.92) return some_device().crash();
    if (faults_.images && dice < 0.94) return keep_image();
    if (faults_.images && dice < 0.96) return put_back_image();
    if (faults_.images && dice < 0.97) return copy_device();
    if (faults_.backups && dice < 0.98) backup_ = server_;
    if (faults_.backups && dice >= 0.98 && dice < 0.985) put_back_backup();
  }

  // Faults off: all that is left arrives.
  void settle() {
    late_.clear();
    for (auto& device : devices_) {
      for (int i = 0; device->outbox->records() > 0; ++i) {
        ASSERT_LT(i, 200) << "an outbox never empties";
        const auto batch = device->outbox->batch("cam-7", 50, 1U << 20).value();
        acknowledge(*device, server_.take(read(*batch)));
      }
    }
  }

  void check() const {
    for (const Id id : server_.stored) ASSERT_EQ(server_.stored.count(id), 1u) << "record " << id << " is stored twice";
    if (faults_.images || faults_.backups) return;
    const auto missing = static_cast<std::uint64_t>(made_) - server_.stored.size();
    ASSERT_LE(missing, server_.lost());
    const auto most_lost = faults_.drops ? server_.lost() : 0;
    ASSERT_EQ(server_.lost(), most_lost);
  }

 private:
  Device& some_device() { return *devices_[rng_.below(devices_.size())]; }

  void append(Device& device) {
    wire::HealthSample sample;
    sample.at = now;
    sample.cpu_percent = ++made_;
    ASSERT_TRUE(device.outbox->append(sample, now));
  }

  void send(Device& device) {
    const auto batch = device.outbox->batch("cam-7", 1 + rng_.below(8), 1U << 20).value();
    if (!batch) return;
    if (rng_.chance(0.3)) late_.push_back(read(*batch));
    if (rng_.chance(0.2)) return;  // lost on its way
    answer(device, server_.take(read(*batch)));
  }

  void deliver_late() {
    if (late_.empty()) return;
    const auto which = static_cast<std::ptrdiff_t>(rng_.below(late_.size()));
    answer(some_device(), server_.take(late_[static_cast<std::size_t>(which)]));
    if (rng_.chance(0.7)) late_.erase(late_.begin() + which);
  }

  // Both of a copied pair listen on one topic.
  void answer(Device& asked, const wire::TelemetryAck& ack) {
    if (rng_.chance(0.25)) return;
    if (rng_.chance(0.8)) acknowledge(asked, ack);
    if (rng_.chance(0.5)) acknowledge(some_device(), ack);
  }

  void acknowledge(Device& device, const wire::TelemetryAck& ack) {
    const auto before = device.holds();
    ASSERT_TRUE(device.outbox->acknowledge(ack));
    const auto after = device.holds();
    for (const Id id : before)
      ASSERT_TRUE(after.contains(id) || server_.stored.contains(id)) << "record " << id << " was dropped unstored";
  }

  void keep_image() {
    some_device().copy_to(folder_ / ("image-" + std::to_string(images_ % 3)));
    ++images_;
  }
  fs::path some_image() { return folder_ / ("image-" + std::to_string(rng_.below(std::min(images_, 3U)))); }
  void put_back_image() {
    if (images_ > 0) some_device().put_back(some_image());
  }
  void copy_device() {
    if (images_ == 0 || devices_.size() >= 3) return;
    const auto place = folder_ / std::to_string(devices_.size());
    fs::copy(some_image(), place, fs::copy_options::recursive);
    devices_.push_back(std::make_unique<Device>(place, limits_));
  }
  void put_back_backup() {
    if (backup_) server_ = *backup_;
  }

  const agent::test::TempFolder folder_{fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path()};
  Rng rng_;
  Faults faults_;
  Outbox::Limits limits_;
  Server server_;
  std::optional<Server> backup_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<wire::TelemetryBatch> late_;
  Id made_ = 0;
  unsigned images_ = 0;
};

void run(Faults faults, std::uint64_t first_seed) {
  for (std::uint64_t seed = first_seed; seed < first_seed + 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Fleet fleet(seed, faults);
    for (int i = 0; i < 150 && !::testing::Test::HasFatalFailure(); ++i) fleet.step();
    fleet.settle();
    fleet.check();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(TelemetrySim, CrashesAndABadNetworkLoseAndRepeatNothing) {
  run({.images = false, .backups = false}, 1);
}
TEST(TelemetrySim, WhatASmallOutboxDropsIsCounted) {
  run({.images = false, .backups = false, .drops = true}, 1000);
}
TEST(TelemetrySim, DisksFromOlderImagesAndCopiesLoseAndRepeatNothing) {
  run({.images = true, .backups = false}, 2000);
}
TEST(TelemetrySim, AServerFromABackupIsGivenTheRestOnce) {
  run({.images = true, .backups = true}, 3000);
}

}  // namespace
}  // namespace argosy
