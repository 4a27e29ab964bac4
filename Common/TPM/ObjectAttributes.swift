/// What a TPM's object may do and may have done to it (TPMA_OBJECT; TPM 2.0 Part 2, 8.3).
package struct ObjectAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// It can't be duplicated, and its hierarchy can't either.
    package static let fixedTPM = ObjectAttributes(rawValue: 1 << 1)
    /// It can't be moved to another parent.
    package static let fixedParent = ObjectAttributes(rawValue: 1 << 4)
    /// The TPM made the private part.
    package static let sensitiveDataOrigin = ObjectAttributes(rawValue: 1 << 5)
    /// Its authorisation value is enough to use it.
    package static let userWithAuth = ObjectAttributes(rawValue: 1 << 6)
    /// Its duplication needs an encrypted inner wrapper.
    package static let encryptedDuplication = ObjectAttributes(rawValue: 1 << 11)
    /// It signs only what the TPM made or hashed itself.
    package static let restricted = ObjectAttributes(rawValue: 1 << 16)
    /// It decrypts.
    package static let decrypt = ObjectAttributes(rawValue: 1 << 17)
    /// It signs.
    package static let sign = ObjectAttributes(rawValue: 1 << 18)
}
