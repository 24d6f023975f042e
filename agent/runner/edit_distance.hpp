// Words, and how many of them must be put in, taken out or replaced to make one text of another. Pure. The work is the
// product of both lengths.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace argosy::agent {

std::vector<std::string> words_in(std::string_view text);  // parted by white space
std::size_t edit_distance(const std::vector<std::string>& from, const std::vector<std::string>& to);

}  // namespace argosy::agent
