#pragma once

// Macros that other people's headers are known to define.

#undef linux
#undef unix
#undef major
#undef minor

#define I poisoned_by_complex_h
#define small poisoned_by_windows_h
#define near poisoned_by_windows_h
#define far poisoned_by_windows_h
#define interface poisoned_by_windows_h
#define ERROR poisoned_by_windows_h
#define IN poisoned_by_windows_h
#define OUT poisoned_by_windows_h
#define B0 poisoned_by_termios_h
#define ECHO poisoned_by_termios_h
#define DOMAIN poisoned_by_math_h
#define OVERFLOW poisoned_by_math_h
#define major poisoned_by_sysmacros_h
#define minor poisoned_by_sysmacros_h
#define linux poisoned_by_the_compiler
#define unix poisoned_by_the_compiler
