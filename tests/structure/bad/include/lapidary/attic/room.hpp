#pragma once

#include <lapidary/core/error.hpp>
