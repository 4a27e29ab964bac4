// LMDB for Swift.
#include <lmdb.h>
