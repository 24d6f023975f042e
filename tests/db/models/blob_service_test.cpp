#include "server/models/blob_service.hpp"

#include "tests/db/models/models_fixture.hpp"

namespace argosy::server {
namespace {

using BlobServiceTest = ModelsTest;

TEST_F(BlobServiceTest, StoresABodyOnceAndReadsTheRepeatToItsEnd) {
  const std::string content(700'001, 'x');
  TextBody first(content, 5000);
  EXPECT_TRUE(run(blobs.put(digest_of(content), first)).value());
  TextBody second(content, 5000);
  EXPECT_FALSE(run(blobs.put(digest_of(content), second)).value());
  EXPECT_TRUE(second.at_end());
  const StoredBlob blob = run(blobs.find(digest_of(content))).value();
  EXPECT_EQ(blob.size, content.size());
  EXPECT_EQ(read_file(blob.path).value(), content);
}

TEST_F(BlobServiceTest, AWrongDigestLeavesNothing) {
  TextBody body("hello");
  EXPECT_EQ(run(blobs.put(digest_of("other"), body)).error().code, Errc::digest_mismatch);
  EXPECT_EQ(database.value<int>("select count(*) from blobs"), 0);
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(BlobServiceTest, ABodyThatBreaksOffLeavesNothing) {
  TextBody body("hello world", 2, true);
  EXPECT_EQ(run(blobs.put(digest_of("hello world"), body)).error().code, Errc::truncated);
  EXPECT_EQ(database.value<int>("select count(*) from blobs"), 0);
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(BlobServiceTest, TheLimitHolds) {
  const std::string content((1 << 20) + 1, 'x');
  TextBody body(content, 100'000);
  EXPECT_EQ(run(blobs.put(digest_of(content), body)).error().code, Errc::too_large);
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(BlobServiceTest, TheSameBlobFromTwoAtOnce) {
  const std::string content(300'000, 'y');
  TextBody first(content, 4096);
  TextBody second(content, 4096);
  int done = 0;
  int created = 0;
  for (TextBody* body : {&first, &second})
    boost::asio::co_spawn(io, blobs.put(digest_of(content), *body),
                          [&](std::exception_ptr, const Result<bool>& answer) {
                            ++done;
                            created += answer.value() ? 1 : 0;
                          });
  ASSERT_TRUE(test::run_until(io, [&] { return done == 2; }));
  EXPECT_EQ(created, 1);
  EXPECT_EQ(read_file(run(blobs.find(digest_of(content)))->path).value(), content);
}

TEST_F(BlobServiceTest, ALostFileIsReportedAndHealedByAnUpload) {
  store("precious");
  std::filesystem::remove(run(blobs.find(digest_of("precious")))->path);
  EXPECT_EQ(run(blobs.find(digest_of("precious"))).error().code, Errc::corrupt);
  store("precious");
  EXPECT_TRUE(run(blobs.find(digest_of("precious"))));
  EXPECT_EQ(run(blobs.find(digest_of("never"))).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server
