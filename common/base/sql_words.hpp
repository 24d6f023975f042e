// The words of an enum as SQL writes them, made by its to_string: a query that names states this way cannot drift from
// the enum. Pure; a word has no quote in it. As constants, not as parameters: partial indexes are found by them.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

namespace argosy {

inline std::string sql_word(std::string_view word) {
  return "'" + std::string(word) + "'";
}

template <class Value>
requires std::is_enum_v<Value> std::string sql_word(Value value) {
  return sql_word(to_string(value));
}

// The words of those of `values` that `is_in` picks, for `in (...)` and `array[...]`.
template <class Values, class Predicate>
std::string sql_words(const Values& values, Predicate is_in) {
  std::string words;
  for (const auto value : values) {
    if (is_in(value)) words += (words.empty() ? "" : ", ") + sql_word(value);
  }
  return words;
}

}  // namespace argosy
