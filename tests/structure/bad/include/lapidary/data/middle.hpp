#pragma once

#include <lapidary/data/leaf.hpp>
