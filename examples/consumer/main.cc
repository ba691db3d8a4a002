// Reads an address from a file by the project's own io/file.h and connects to it by annulet's io.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "annulet/io/socket_address.h"
#include "annulet/io/tcp_listener.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/runtime/runtime.h"
#include "annulet/task/task.h"
#include "io/file.h"

