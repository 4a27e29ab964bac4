import SystemPackage

/// The kernel's name for this boot; another after each boot and kexec, unsigned: a hint.
enum BootID {
    /// The text of /proc/sys/kernel/random/boot_id; empty where there is none.
    static var current: [UInt8] {
        guard let file = try? FileDescriptor.open("/proc/sys/kernel/random/boot_id", .readOnly, options: .closeOnExec)
        else { return [] }
        defer { try? file.close() }
        return
            (try? [UInt8](unsafeUninitializedCapacity: 36) { buffer, count in
                count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }) ?? []
    }

    /// The same as a word; `-` where there is none.
    static var word: String {
        let text = String(decoding: current, as: UTF8.self)
        return text.isEmpty || text.contains(where: \.isWhitespace) ? "-" : text
    }
}
