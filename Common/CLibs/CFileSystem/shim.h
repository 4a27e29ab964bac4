// What Linux knows of files and Swift's Glibc module leaves out.
#ifndef ASSAY_CFILESYSTEM_H
#define ASSAY_CFILESYSTEM_H

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/fsuid.h>
#include <sys/vfs.h>

/// O_PATH, which fcntl.h gives only to those that ask for all of GNU.
static inline int assay_o_path(void) { return __O_PATH; }
/// Whether a descriptor is of procfs.
static inline int assay_is_on_procfs(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

#endif
