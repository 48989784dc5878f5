#include "odr.hpp"

#include <cstdio>

int main() {
    lapidary::Cpu device({.threads = 2});
    const Seen mine{&lapidary::version, multiply(device)}, others = seen_by_other();
    if (mine.version != others.version) {
        std::puts("the two files do not share the library's variables");
        return 1;
    }
    if (mine.product != 11 || others.product != 11) {
        std::printf("1 * 3 + 2 * 4 is %g here and %g there\n", static_cast<double>(mine.product),
                    static_cast<double>(others.product));
        return 1;
    }
    return 0;
}
