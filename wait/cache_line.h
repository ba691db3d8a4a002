// The size of a cache line, for keeping data of different threads apart.
//
// Use it as `alignas(kCacheLine)` on a member that one thread writes while others write its
// neighbours. Not for packing data that travels together: that belongs on one line. A constant of
// our own and not std::hardware_destructive_interference_size, whose value follows compiler flags
// and so must not appear in a header that several libraries share.
#ifndef ANNULET_WAIT_CACHE_LINE_H_
#define ANNULET_WAIT_CACHE_LINE_H_

#include <cstddef>

namespace annulet::wait {

inline constexpr std::size_t kCacheLine = 64;

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_CACHE_LINE_H_
