// The kernel's view of its clock (adjtimex), which Swift's Glibc module leaves out.
#include <sys/timex.h>
