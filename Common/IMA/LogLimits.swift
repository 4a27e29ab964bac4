/// How large the parts of a log may be. A length over its limit ends the log: nothing behind it can be trusted to be a
/// record.
package struct LogLimits: Hashable, Sendable {
    /// One whole record, in bytes. ML-DSA certificates and long measured buffers take some kilobytes; 1 MiB leaves room.
    package var recordBytes: Int
    /// One field of a record's template data, in bytes.
    package var fieldBytes: Int
    /// A template's name, in bytes. The kernel's longest is a format string of all its fields, under 100.
    package var templateNameBytes: Int
    /// The file name of a record of the template `ima`, in bytes: the kernel pads it to 256 with at least one zero.
    package static let legacyNameBytes = 255

    /// 1 MiB a record, 1 MiB a field, 255 bytes a template's name.
    package static let standard = LogLimits(recordBytes: 1 << 20, fieldBytes: 1 << 20, templateNameBytes: 255)

    /// Sets each limit, in bytes.
    package init(recordBytes: Int, fieldBytes: Int, templateNameBytes: Int) {
        self.recordBytes = recordBytes
        self.fieldBytes = fieldBytes
        self.templateNameBytes = templateNameBytes
    }
}
