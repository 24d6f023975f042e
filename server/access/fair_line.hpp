// A bounded line in which keys take turns, however many items one of them has there. When it is full, an item of the
// key with the most gives way. Pure; no thread of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace argosy::server {

template <class Item>
class FairLine {
 public:
  explicit FairLine(std::size_t limit) : limit_(limit) {}

  // The item that has to go, so that this one fits: it may be this one.
  std::optional<Item> push(const std::string& key, Item item) {
    std::optional<Item> turned_away;
    if (size_ >= limit_) {
      const auto longest = std::max_element(
          lines_.begin(), lines_.end(), [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
      const auto own = lines_.find(key);
      const std::size_t have = own == lines_.end() ? 0 : own->second.size();
      if (have + 1 >= longest->second.size()) return item;
      turned_away = std::move(longest->second.back());
      longest->second.pop_back();
      --size_;
    }
    std::deque<Item>& line = lines_[key];
    if (line.empty()) turns_.push_back(key);
    line.push_back(std::move(item));
    ++size_;
    return turned_away;
  }

  std::optional<Item> pop() {
    if (turns_.empty()) return std::nullopt;
    const std::string key = std::move(turns_.front());
    turns_.pop_front();
    const auto found = lines_.find(key);
    Item item = std::move(found->second.front());
    found->second.pop_front();
    --size_;
    if (found->second.empty()) {
      lines_.erase(found);
    } else {
      turns_.push_back(key);
    }
    return item;
  }

  std::size_t size() const { return size_; }

 private:
  std::size_t limit_;
  std::size_t size_ = 0;
  std::map<std::string, std::deque<Item>> lines_;  // none is empty
  std::deque<std::string> turns_;
};

}  // namespace argosy::server
