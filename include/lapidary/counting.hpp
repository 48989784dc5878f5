#pragma once

// The counting device: `lapidary::Counting`.

#include <lapidary/counting/device.hpp>
#include <lapidary/counting/ops.hpp>
