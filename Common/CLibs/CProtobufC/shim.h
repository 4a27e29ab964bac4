// protobuf-c for Swift.
#include <protobuf-c/protobuf-c.h>
