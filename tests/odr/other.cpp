#include "odr.hpp"

Seen seen_by_other() {
    lapidary::Cpu device({.threads = 2});
    return {&lapidary::version, multiply(device)};
}
