// The first rows of a query, as many as have so many bytes of figures together: a slice whose memory is bounded,
// whatever devices send. Figures are not read to find out. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace argosy::server {

// In memory a count of one byte has eight, and is there several times while it is packed: some 100 MB for a slice of
// the largest windows. Of usual ones it is 8,000.
inline constexpr std::size_t slice_bytes = 2U << 20;

// `rows` is a whole statement whose rows have `figures`, and come in the order of `columns`. One row more than fits is
// among them, so there are none only where `rows` has none. They have a column more, the last.
inline std::string up_to_bytes(std::size_t most, const std::string& rows, const std::string& columns) {
  const std::string order = " order by " + columns;
  return "select * from (select *, sum(length(figures)) over (" + order +
         " rows unbounded preceding) - length(figures) as bytes_before from (" + rows + ") r) s where bytes_before < " +
         std::to_string(most) + order;
}

}  // namespace argosy::server
