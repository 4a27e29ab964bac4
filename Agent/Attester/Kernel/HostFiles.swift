package import Files
import Glibc
package import SystemPackage

/// The files of the running kernel; or a plain file that stands for them.
package struct HostFiles: KernelFiles {
    private let measurements: FilePath

    /// - Parameter path: a securityfs folder (`/sys/kernel/security/integrity/ima`) or a file in the log's binary form.
    package init(path: FilePath) {
        var status = stat()
        let isFolder = stat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        measurements = isFolder ? path.appending("binary_runtime_measurements") : path
    }

    package func path(_ file: KernelFile) -> FilePath {
        switch file {
        case .measurements: measurements
        case .staged: FilePath(measurements.string + "_staged")
        }
    }

    package func exists(_ file: KernelFile) -> Bool { access(path(file).string, F_OK) == 0 }

    /// `snapshot` was proposed in 2023, `ima_trim_log` in 2025; neither came into Linux.
    package var hasVendorTrimming: Bool {
        ["snapshot", "ima_trim_log"].contains { name in
            access(measurements.removingLastComponent().appending(name).string, F_OK) == 0
        }
    }

    package func open(_ file: KernelFile, _ access: KernelAccess) throws(Errno) -> Int32 {
        do {
            let mode: FileDescriptor.AccessMode = access == .reading ? .readOnly : .writeOnly
            return try FileDescriptor.open(path(file), mode, options: .closeOnExec).rawValue
        } catch {
            throw error as? Errno ?? .ioError
        }
    }

    package func read(
        _ descriptor: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        do {
            return try FileDescriptor(rawValue: descriptor).read(fromAbsoluteOffset: Int64(offset), into: buffer)
        } catch {
            throw error as? Errno ?? .ioError
        }
    }

    package func write(_ descriptor: Int32, _ text: String) throws(Errno) {
        do {
            _ = try Array(text.utf8).withUnsafeBytes { try FileDescriptor(rawValue: descriptor).write($0) }
        } catch {
            throw error as? Errno ?? .ioError
        }
    }

    package func close(_ descriptor: Int32) { try? FileDescriptor(rawValue: descriptor).close() }

    package var holders: [FileHolder] {
        FileHolder.all(in: measurements.removingLastComponent(), named: "_runtime_measurements")
    }

    package func isReplaced(_ descriptor: Int32, _ file: KernelFile, read length: UInt64) -> Bool {
        var held = stat()
        var named = stat()
        guard fstat(descriptor, &held) == 0, stat(path(file).string, &named) == 0 else { return true }
        guard held.st_dev == named.st_dev, held.st_ino == named.st_ino else { return true }
        // securityfs says size 0, always.
        var securityFS = stat()
        let isSecurityFS = stat("/sys/kernel/security", &securityFS) == 0 && securityFS.st_dev == held.st_dev
        return !isSecurityFS && UInt64(max(0, held.st_size)) < length
    }
}
