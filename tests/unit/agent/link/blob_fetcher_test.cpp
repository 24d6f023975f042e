#include "agent/link/blob_fetcher.hpp"

#include "tests/unit/agent/link/fetching.hpp"

namespace argosy::agent {
namespace {

using test::Fetching;
using namespace std::chrono_literals;

TEST_F(Fetching, WholeBlob) {
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(progress.back(), blob.size);
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"None|None|ok"}));
}

TEST_F(Fetching, CutOffDownloadIsResumedWhereItEnded) {
  server.behave("cut cut ok");
  EXPECT_TRUE(fetch()->passing);
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
  const std::string etag = "\"" + blob.digest + "\"";
  EXPECT_EQ(server.requests()[1], "bytes=150000-|" + etag + "|cut");
  EXPECT_EQ(server.requests()[2], "bytes=225000-|" + etag + "|ok");
}

TEST_F(Fetching, SilentServerIsLeftAndTheDownloadResumed) {
  stall_limit = Duration{300};
  server.behave("stall ok");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
  EXPECT_TRUE(failure->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, ServerWithoutRangesBeginsAfresh) {
  server.behave("cut no-range");
  EXPECT_TRUE(fetch());
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, WrongRangeIsNeverAppended) {
  server.behave("cut wrong-range ok");
  EXPECT_TRUE(fetch());
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(server.requests()[2], "None|None|ok");
}

TEST_F(Fetching, RangeThatIsNotThereBeginsAfresh) {
  server.behave("cut 416 ok");
  EXPECT_TRUE(fetch());
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, WrongBytesAreRefused) {
  server.behave("wrong-bytes");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::digest_mismatch);
  EXPECT_FALSE(failure->passing);
  EXPECT_FALSE(std::filesystem::exists(folder / "whole"));
  EXPECT_FALSE(std::filesystem::exists(folder / "part"));
}

TEST_F(Fetching, AnotherSizeIsRefusedBeforeAByteIsWritten) {
  server.behave("longer");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::digest_mismatch);
  EXPECT_EQ(std::filesystem::file_size(folder / "part"), 0u);
}

TEST_F(Fetching, EndlessHeadIsLeft) {
  server.behave("endless-head");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->error.message.find("header limit exceeded"), std::string::npos) << failure->error.message;
  EXPECT_TRUE(failure->passing);
  EXPECT_EQ(part_bytes(), 0u);
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, WhatCannotHealIsFinal) {
  for (const std::string status : {"403", "404", "410", "400"}) {
    server.behave(status);
    const auto failure = fetch();
    ASSERT_TRUE(failure);
    EXPECT_FALSE(failure->passing) << status;
    EXPECT_NE(failure->error.message.find("answered " + status), std::string::npos);
  }
}

TEST_F(Fetching, WhatCanHealIsTriedAgain) {
  for (const std::string status : {"401", "408", "429", "500", "502", "504"}) {
    server.behave(status);
    const auto failure = fetch();
    ASSERT_TRUE(failure);
    EXPECT_TRUE(failure->passing) << status;
  }
}

TEST_F(Fetching, BusyServerSaysWhenToComeAgain) {
  server.behave("503");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->passing);
  EXPECT_EQ(failure->retry_after, Duration{7000});
}

TEST_F(Fetching, StopEndsTheDownload) {
  const StopFlag stop = make_stop_flag();
  stop->store(true);
  const auto failure = fetch(blob, stop);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::cancelled);
}

// Its part may be another's by now: even an answer that would begin afresh changes nothing.
TEST_F(Fetching, AnswerAfterTheStopTouchesNothing) {
  server.behave("cut no-range");
  EXPECT_TRUE(fetch());
  const std::uint64_t kept = part_bytes();
  EXPECT_GT(kept, 0u);
  const StopFlag stop = make_stop_flag();
  stop->store(true);
  EXPECT_EQ(fetch(blob, stop)->error.code, Errc::cancelled);
  EXPECT_EQ(part_bytes(), kept);
}

// What its owner allows ----------------------------------------------------------------------------------------------

class FetchingByTheRules : public Fetching {
 protected:
  DownloadGate& make_gate() {
    kept_gate.emplace(rules, folder / "spent.json",
                      DownloadGate::Ports{[this] { return now; }, [] { return LocalClock(wall); }, [](auto&) {}});
    gate = &*kept_gate;
    return *gate;
  }
  static LocalTime wall(Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    return {day.time_since_epoch().count(),
            static_cast<int>(std::chrono::floor<std::chrono::minutes>(at - day).count())};
  }
  DownloadRules rules;
  Instant now = parse_rfc3339("2026-11-23T12:00:00Z").value();
  std::optional<DownloadGate> kept_gate;
};

TEST_F(FetchingByTheRules, DaysBytesAreFetchedToTheLastAndNotAByteMore) {
  rules.bytes_per_day = 131'000;
  make_gate();
  const auto first = fetch();
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->hold);
  EXPECT_EQ(first->hold->until, now + 12h);
  EXPECT_EQ(part_bytes(), 131'000u);
  EXPECT_TRUE(fetch()->hold);
  EXPECT_EQ(server.requests().size(), 1u);
  now += 24h;
  make_gate();  // the agent was started again, too
  EXPECT_TRUE(fetch()->hold);
  now += 24h;
  EXPECT_FALSE(fetch());
  expect_whole();
  const std::string etag = "\"" + blob.digest + "\"";
  EXPECT_EQ(server.requests(),
            (std::vector<std::string>{"bytes=0-130999|None|ok", "bytes=131000-261999|" + etag + "|ok",
                                      "bytes=262000-|" + etag + "|ok"}));
}

TEST_F(FetchingByTheRules, BytesThatAreCutOffCountToo) {
  rules.bytes_per_day = 350'000;
  make_gate();
  server.behave("cut wrong-range");
  EXPECT_FALSE(fetch()->hold);
  EXPECT_FALSE(fetch()->hold);  // and begins afresh
  EXPECT_TRUE(fetch()->hold);
  EXPECT_EQ(server.requests().back(), "bytes=0-199999|None|ok");
}

TEST_F(FetchingByTheRules, WindowThatClosesPausesWithoutLosingAByte) {
  rules.windows = TimeWindows::parse({"12:00-12:30"}).value();
  make_gate();
  on_progress = [this](std::uint64_t) { now += 30min; };
  const auto paused = fetch();
  ASSERT_TRUE(paused);
  ASSERT_TRUE(paused->hold);
  EXPECT_TRUE(paused->passing);
  const std::uint64_t kept = part_bytes();
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, blob.size);
  EXPECT_TRUE(fetch()->hold);
  on_progress = [](std::uint64_t) {};
  now += 23h + 30min;
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_TRUE(server.requests()[1].starts_with("bytes=" + std::to_string(kept) + "-|"));
}

TEST_F(FetchingByTheRules, MeteredLinkCarriesPatchesOnly) {
  rules.metered = true;
  rules.on_metered = OnMetered::patches;
  make_gate();
  EXPECT_TRUE(fetch(blob, make_stop_flag(), BlobKind::model)->hold);
  EXPECT_FALSE(fetch(blob, make_stop_flag(), BlobKind::patch));
  expect_whole();
}

TEST_F(FetchingByTheRules, RateIsKept) {
  rules.bytes_per_s = 500'000;
  make_gate();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_GT(std::chrono::steady_clock::now() - start, 300ms);  // 0.6 s, less what may come at once
}

TEST_F(FetchingByTheRules, SlowDownloadCanBeCancelledAtAnyTime) {
  rules.bytes_per_s = 100'000;
  make_gate();
  const StopFlag stop = make_stop_flag();
  on_progress = [&](std::uint64_t) { stop->store(true); };
  const auto failure = fetch(blob, stop);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::cancelled);
  EXPECT_FALSE(failure->hold);
}

TEST_F(Fetching, TwoThatMakeTheSameFileGoOneAfterTheOther) {
  const auto run_job = [this](std::function<void()> job) {
    boost::asio::post(io, std::move(job));
    return true;
  };
  BlobFetcher fetcher({io.get_executor(), &https, run_job, stall_limit, gate, redirects, proxies});
  std::vector<std::optional<FetchFailure>> outcomes;
  int opened = 0;
  const auto fetch_into_the_file = [&](const StopFlag& stop) {
    const auto open = [&] {
      ++opened;
      return PartFile::open(folder / "part", folder / "whole", blob);
    };
    fetcher.fetch(
        {BlobKind::model, blob, open}, stop, [](std::uint64_t) {},
        [&](std::optional<FetchFailure> failure) { outcomes.push_back(std::move(failure)); });
  };
  const StopFlag stopped = make_stop_flag();
  for (const StopFlag& stop : {make_stop_flag(), make_stop_flag(), stopped}) fetch_into_the_file(stop);
  stopped->store(true);
  io.run_for(std::chrono::seconds(20));
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), std::nullopt), 2);
  EXPECT_EQ(opened, 2) << "the third was stopped while it waited";
  EXPECT_EQ(server.requests().size(), 1U) << "the second found it done";
  expect_whole();
}

// What is thrown, by whom, and whose fetch of the same file comes after it.
class FetchingThatThrows : public Fetching {
 protected:
  std::optional<FetchFailure> fetch_twice(std::function<void()> first_opens, std::function<void()> first_comes_on) {
    const auto run_job = [this](std::function<void()> job) {
      boost::asio::post(io, std::move(job));
      return true;
    };
    BlobFetcher fetcher({io.get_executor(), &https, run_job, stall_limit, gate, redirects, proxies});
    std::vector<std::optional<FetchFailure>> outcomes;
    const auto begin = [&](std::function<void()> opens, std::function<void()> comes_on) {
      const auto open = [this, opens] {
        opens();
        return PartFile::open(folder / "part", folder / "whole", blob);
      };
      fetcher.fetch(
          {BlobKind::model, blob, open}, make_stop_flag(), [comes_on](std::uint64_t) { comes_on(); },
          [&](std::optional<FetchFailure> failure) { outcomes.push_back(std::move(failure)); });
    };
    begin(std::move(first_opens), std::move(first_comes_on));
    begin([] {}, [] {});
    io.run_for(std::chrono::seconds(20));
    if (outcomes.size() != 2) {
      ADD_FAILURE() << outcomes.size() << " outcomes: the second waits for its turn";
      return std::nullopt;
    }
    EXPECT_EQ(outcomes[1], std::nullopt);
    expect_whole();
    return outcomes[0];
  }
};

TEST_F(FetchingThatThrows, WhileBytesComeInGivesUpItsTurn) {
  const auto failure = fetch_twice([] {}, [] { throw std::runtime_error("no memory for this"); });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::internal);
  EXPECT_EQ(failure->error.message, "blob " + blob.digest + ": no memory for this");
  EXPECT_FALSE(failure->passing) << "it would be thrown again";
}

TEST_F(FetchingThatThrows, OnTheJobThreadGivesUpItsTurn) {
  const auto failure = fetch_twice([] { throw std::runtime_error("no memory for that"); }, [] {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::internal);
  EXPECT_EQ(failure->error.message, "no memory for that");
}

TEST_F(Fetching, BlobThatIsThereNeedsNoServer) {
  EXPECT_FALSE(fetch());
  EXPECT_FALSE(fetch());
  EXPECT_EQ(server.requests().size(), 1u);
}

}  // namespace
}  // namespace argosy::agent
