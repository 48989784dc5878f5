#pragma once

/// How many of the optional components are linked, and work.
int use_components();
