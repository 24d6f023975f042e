// Two releases' worth of files and a patch service over them, for the tests of this folder.
#pragma once

#include "server/models/patch_service.hpp"
#include "tests/db/models/models_fixture.hpp"

namespace argosy::server {

class PatchesTest : public ModelsTest {
 protected:
  WorkerPool encoder{io.get_executor(), {}};
  std::optional<PatchService> patches;
  std::string old_model;
  std::string new_model;

  void SetUp() override {
    Rng rng(1);
    for (int i = 0; i < 60'000; ++i) old_model += static_cast<char>(rng());
    new_model = old_model;
    for (int i = 0; i < 50; ++i) new_model[rng.below(new_model.size())] ^= 1;
    restart({});
  }
  void TearDown() override { stop(); }

  void restart(PatchOptions options) {
    stop();
    options.poll_interval = std::chrono::milliseconds(20);
    options.drop_grace = std::chrono::seconds(0);
    options.keep_unreferred.patches = std::chrono::seconds(0);
    patches.emplace(pool, blobs, encoder, options);
  }
  void start() {
    patches->start(io.get_executor(), 1);
    started_ = true;
  }
  void stop() {
    if (!started_) return;
    test::run_task(io, patches->stop());
    started_ = false;
  }
  PatchRow want(const std::string& from, const std::string& to, int demand = 1) {
    return run(patches->want({{from, to, demand}})).value().at(0);
  }
  PatchRow wait_for(const std::string& from, const std::string& to) {
    PatchRow row = want(from, to);
    const auto deadline = std::chrono::steady_clock::now() + test::task_deadline;
    while ((row.state == PatchState::pending || row.state == PatchState::making) &&
           std::chrono::steady_clock::now() < deadline)
      row = want(from, to);
    return row;
  }
  std::string state() {
    const auto rows = database.exec("select state from patches");
    return rows.empty() ? "gone" : rows[0][0].as<std::string>();
  }
  // 1.0 and 1.1 of "digits" with these files.
  void publish_both(const std::string& from, const std::string& to) {
    database.exec("insert into models (name) values ('digits')");
    database.exec(
        "insert into releases (model, version, created_by) values ('digits', '1.0', 'x'), ('digits', '1.1', 'x')");
    database.exec(
        "insert into variants (release_id, name, digest, size, format) select id, 'fp32', case version when '1.0' "
        "then '" +
        from + "' else '" + to + "' end, 60000, 'onnx' from releases");
  }

 private:
  bool started_ = false;
};

}  // namespace argosy::server
