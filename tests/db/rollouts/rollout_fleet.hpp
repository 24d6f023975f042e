// A fleet in a real database, with the services that roll out to it: the fixture of this folder's tests. Devices are
// rows; what they report is fed in by the test.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/base/task.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/patch_service.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/work/worker_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {

// A stable stand-in for the SHA-256 of `what`.
std::string digest_of(const std::string& what);

class RolloutFleet : public ::testing::Test {
 protected:
  RolloutFleet();
  ~RolloutFleet() override;

  // Online, serving `version` of "digits"; empty: no model yet.
  void add_device(const std::string& id, const std::string& hardware_class = "fp32",
                  const std::string& version = "1.0");
  void set_presence(const std::string& id, const std::string& presence);
  // Twelve devices in two classes: fp32-1..6 and int8-1..6.
  void add_twelve();
  // With a variant for each class.
  void publish(const std::string& version);

  // No guards, no baking, no waiting for patches, two waves of 25 % and all, unless `policy` says otherwise.
  std::int64_t create(const std::string& version = "1.1", const nlohmann::json& policy = nlohmann::json::object());
  std::int64_t started(const std::string& version = "1.1", const nlohmann::json& policy = nlohmann::json::object());
  Result<RolloutDetails> operate(std::int64_t id, Operation operation, const std::string& if_match = "*",
                                 const std::string& cause = "");
  RolloutDetails get(std::int64_t id);
  RolloutState state_of(std::int64_t id) { return get(id).record.state; }
  std::vector<std::string> devices_in(std::int64_t id, const std::string& key);

  void tick();
  void pass(std::chrono::seconds time) { now += time; }
  // The device says how its update goes; on "committed" it serves the version from then on.
  void report(std::int64_t id, const std::string& device, const std::string& state, const std::string& cause = "");
  // The same, with what its shadow run counted.
  void report_shadow(std::int64_t id, const std::string& device, const std::string& state,
                     const wire::ShadowCounts& counts);
  // It downloads, and waits because its owner wants it to, or does so no more.
  void report_held(std::int64_t id, const std::string& device, bool held);
  // The rows of a device that serves `version`; nobody is told.
  void install(const std::string& device, const std::string& version);
  // What it serves, without a word about updates.
  void serve(const std::string& device, const std::string& version);
  void report_all(std::int64_t id, const std::string& key, const std::string& state, const std::string& cause = "");

  // The counts as a fresh look at all rows gives them.
  Counts recount(std::int64_t id);
  std::string target_of(const std::string& device);  // version, or empty
  int decisions(std::int64_t id, const std::string& decision);

  template <class T>
  T run(Task<T> task) {
    return test::run_task(io, std::move(task));
  }

  void report_update(std::int64_t id, const std::string& device, const std::string& state, const std::string& cause,
                     bool held, const std::optional<wire::ShadowCounts>& shadow = {});

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
  WorkerPool worker{io.get_executor(), {}};
  std::filesystem::path folder;
  std::optional<BlobService> blobs;
  std::optional<PatchService> patches;
  std::optional<RolloutService> rollouts;
  std::optional<DesiredService> desired;
  Instant now = wall_clock_now();
};

}  // namespace argosy::server
