#pragma once

#include <lapidary/io/file.hpp>
