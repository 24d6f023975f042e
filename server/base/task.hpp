// The coroutine of everything in the server that waits. On the I/O thread.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace argosy::server {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace argosy::server
