// PCRE2 for Swift, on bytes.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
