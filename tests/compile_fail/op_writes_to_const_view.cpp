// says: could not convert .+View<const double|no matching function for call to 'fill'

#include <lapidary/reference.hpp>

int main() {
    lapidary::Reference device;
    const auto y = lapidary::scratch(device, lapidary::Shape<1>{4});
    const lapidary::ConstView<double, 1> weights = y;
#ifdef BROKEN
    lapidary::fill(device, weights, 1);
#else
    lapidary::fill(device, y, 1);
#endif
    return static_cast<int>(weights[0]);
}
