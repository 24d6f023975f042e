// A migrated database and a blob folder of one test's own, for the tests of this folder.
#pragma once

#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "server/base/task.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/models/blob_service.hpp"
#include "server/work/worker_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {

// A request's body that comes in small steps and may break off.
class TextBody final : public BodyStream {
 public:
  explicit TextBody(std::string text, std::size_t step = 7, bool breaks_off = false)
      : text_(std::move(text)), step_(step), breaks_off_(breaks_off) {}
  std::optional<std::uint64_t> content_length() const override { return text_.size(); }
  Task<Result<std::size_t>> read(std::uint8_t* buffer, std::size_t size) override {
    if (breaks_off_ && at_ >= text_.size() / 2) co_return make_error(Errc::truncated, "the peer stopped");
    const std::size_t count = std::min({size, step_, text_.size() - at_});
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), count, buffer);
    at_ += count;
    co_return count;
  }
  bool at_end() const { return at_ == text_.size(); }

 private:
  std::string text_;
  std::size_t step_;
  bool breaks_off_;
  std::size_t at_ = 0;
};

class ModelsTest : public ::testing::Test {
 protected:
  const Instant now = instant_from_ms(1'790'000'000'000);
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("argosy-models-" + to_hex(secure_random(8)));
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), pool_options()};
  WorkerPool worker{io.get_executor(), {}};
  BlobService blobs = BlobService::open(pool, worker, {folder, 1 << 20}).value();

  ~ModelsTest() override { std::filesystem::remove_all(folder); }

  DbPool::Options pool_options() const {
    DbPool::Options options;
    options.conninfo = database.conninfo();
    options.threads = 2;
    return options;
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return test::run_task(io, std::move(task));
  }

  static Digest digest_of(const std::string& content) { return sha256(as_bytes(content)); }
  std::string store(const std::string& content) {
    TextBody body(content, 64 << 10);
    EXPECT_TRUE(run(blobs.put(digest_of(content), body)));
    return digest_of(content).to_hex();
  }
  std::size_t temporary_files() const {
    namespace fs = std::filesystem;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder / "tmp"), fs::directory_iterator()));
  }

  // The smallest file that looks like an ONNX model, around these bytes.
  static std::string onnx(const std::string& graph) {
    std::string file = {0x08, 0x08, 0x3a};
    for (std::size_t rest = graph.size();; rest >>= 7) {
      if (rest < 128) {
        file += static_cast<char>(rest);
        break;
      }
      file += static_cast<char>(rest | 0x80U);
    }
    return file + graph;
  }
};

}  // namespace argosy::server
