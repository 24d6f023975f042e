#include "agent/runner/edit_distance.hpp"

#include <algorithm>
#include <numeric>

namespace argosy::agent {

std::vector<std::string> words_in(std::string_view text) {
  constexpr std::string_view spaces = " \t\n\r\f\v";
  std::vector<std::string> words;
  for (std::size_t start = text.find_first_not_of(spaces); start != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(spaces, start), text.size());
    words.emplace_back(text.substr(start, end - start));
    start = text.find_first_not_of(spaces, end);
  }
  return words;
}

std::size_t edit_distance(const std::vector<std::string>& from, const std::vector<std::string>& to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const std::string& word : from) {
    std::size_t diagonal = row[0]++;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t replaced = diagonal + (word == to[i] ? 0 : 1);
      diagonal = row[i + 1];
      row[i + 1] = std::min({replaced, row[i] + 1, row[i + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace argosy::agent
