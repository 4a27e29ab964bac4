/// The fields that a template is made of.
///
/// Source: Linux, security/integrity/ima/ima_template.c, `supported_fields`.
package enum TemplateField: UInt8, Hashable, Sendable, CaseIterable {
    /// The file's digest, SHA-1 or MD5, without its algorithm's name.
    case digest
    /// The file's name, at most 255 bytes.
    case name
    /// `<algorithm>:`, NUL, the file's digest.
    case digestWithAlgorithm
    /// `<ima or verity>:<algorithm>:`, NUL, the file's digest.
    case digestWithType
    /// The file's path.
    case path
    /// The blob of security.ima, or a portable EVM signature, or nothing.
    case signature
    /// The digest of the file without its appended signature, or what an ML-DSA one signed instead, or nothing.
    case appendedSignatureDigest
    /// The signature that is appended to the file (PKCS#7, DER), or nothing.
    case appendedSignature
    /// A measured buffer: a key, a command line, a device-mapper event.
    case buffer
    /// The portable EVM signature, or nothing.
    case evmSignature
    /// The names of the extended attributes that EVM covers, with `|` between them.
    case attributeNames
    /// The lengths of their values, 32 bits each.
    case attributeLengths
    /// Their values, one behind the other.
    case attributeValues
    /// The inode's owner, 32 bits.
    case owner
    /// The inode's group, 32 bits.
    case group
    /// The inode's mode, 16 bits.
    case mode

    /// The field that a format string calls so.
    init?(id: Span<UInt8>) {
        for field in Self.all where id.equals(field.id) {
            self = field
            return
        }
        return nil
    }

    /// The name in a format string.
    var id: StaticString {
        switch self {
        case .digest: "d"
        case .name: "n"
        case .digestWithAlgorithm: "d-ng"
        case .digestWithType: "d-ngv2"
        case .path: "n-ng"
        case .signature: "sig"
        case .appendedSignatureDigest: "d-modsig"
        case .appendedSignature: "modsig"
        case .buffer: "buf"
        case .evmSignature: "evmsig"
        case .attributeNames: "xattrnames"
        case .attributeLengths: "xattrlengths"
        case .attributeValues: "xattrvalues"
        case .owner: "iuid"
        case .group: "igid"
        case .mode: "imode"
        }
    }

    private static let all = Self.allCases
}
