// Which messages our code has in hand, in a file mapped into memory: it outlives the process, by whatever way that
// ends, and needs no fsync, for it need not outlive the power. Each process locks a file of its own in the folder; a
// file that nobody locks was left by one that died. A mark costs a copy of 112 bytes. On the I/O thread; at most 2,048
// marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "server/quarantine/quarantine.hpp"

namespace argosy::server {

class InHand {
 private:
  struct Mapping;
  struct Marks;

 public:
  // Marks that last as long as this does: the messages of one piece of work. May outlive the InHand.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&&) noexcept = default;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { release(); }
    void release();

   private:
    friend class InHand;
    std::shared_ptr<Marks> marks_;
    std::vector<std::uint16_t> slots_;
  };

  // Makes the folder and a file with all its room, so that a full disk is an error here and not a signal later.
  static Result<std::unique_ptr<InHand>> open(const std::filesystem::path& folder);
  ~InHand();
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

  // What processes that ended left behind, this one's predecessor first among them. Call before the first hold.
  std::vector<MarkedGroup> left_behind();
  // It was taken in: the next left_behind() tells only what was left since.
  void forget_left_behind();

  Hold hold(const std::vector<MessageId>& messages);
  std::uint64_t unmarked() const { return unmarked_; }  // held without a mark: there was no room

 private:
  InHand(std::filesystem::path folder, std::unique_ptr<Mapping> own);
  std::filesystem::path folder_;
  std::shared_ptr<Marks> marks_;
  bool own_is_read_ = false;
  std::vector<std::unique_ptr<Mapping>> others_;  // read, and locked until they are forgotten
  std::uint32_t next_group_ = 1;
  std::uint64_t unmarked_ = 0;
};

}  // namespace argosy::server
