// How values lie in rows, for every *_store.cpp: times, nulls, arrays, and enums by their names. Pure functions, on any
// thread. Knows no domain word.
//
// A row is read by the names of its columns. What may read thousands of rows in one call looks them up once, with
// result.column_number() before its loop: a name costs some 50 ns, twice what reading the value does. Rows of one or
// two columns may be read by number.
//
// Times: a store selects a timestamptz as it is, reads it with as<Instant>(), and passes an Instant as it is. Both go
// as text, which the session writes in the date style ISO (DbPool sees to it). Finer than a millisecond is rounded;
// infinity, and years before 1 or after 9999, are refused by pqxx::conversion_error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace pqxx {

template <>
struct string_traits<argosy::Instant> {
  static constexpr const char* name() noexcept { return "Instant"; }
  static constexpr bool has_null() noexcept { return false; }
  static bool is_null(argosy::Instant) { return false; }
  [[noreturn]] static argosy::Instant null() { internal::throw_null_conversion(name()); }
  static void from_string(const char text[], argosy::Instant& at);
  static std::string to_string(argosy::Instant at) { return argosy::to_rfc3339(at); }
};

}  // namespace pqxx

namespace argosy::server {

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<T>();
}

// `parse` reads the name: enum_of(row["presence"], parse_presence). Throws for a name that it does not know.
template <class Parse>
auto enum_of(const pqxx::field& field, Parse parse) {
  return parse(field.as<std::string>()).value();
}

namespace detail {
void append_element(std::string& array, std::string_view text);
void append_element(std::string& array, std::int64_t number);
}  // namespace detail

// Of texts or whole numbers, as a parameter: any($1::text[]) for some dozen, "in (select unnest($1::bigint[]))" for
// what may be thousands, where any() is planned element by element.
template <class Values>
std::string pg_array(const Values& values) {
  std::string array = "{";
  for (const auto& value : values) detail::append_element(array, value);
  return array + "}";
}
// The elements of a text[] but for nulls; none for null.
std::vector<std::string> texts_of(const pqxx::field& field);

// A value in a document for jsonb_to_recordset.
template <class T>
nlohmann::json json_of(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}
inline nlohmann::json json_of(const std::optional<Instant>& at) {
  return at ? nlohmann::json(to_rfc3339(*at)) : nlohmann::json();
}

}  // namespace argosy::server
