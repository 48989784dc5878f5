#pragma once

#include <lapidary/cpu.hpp>
#include <lapidary/data/middle.hpp>
