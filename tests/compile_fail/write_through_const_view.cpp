// says: assignment of read-only location|returns a const value

#include <lapidary/core/view.hpp>

int main() {
    float value = 0;
    const lapidary::ConstView<float, 1> view(lapidary::View<float, 1>(&value, {1}));
#ifdef BROKEN
    view[0] = 1;
#endif
    return static_cast<int>(view[0]);
}
