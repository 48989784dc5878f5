#pragma once

#include <lapidary/cpu/device.hpp>
