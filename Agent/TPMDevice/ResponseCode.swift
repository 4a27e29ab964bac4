internal import CTSS2

/// What a TPM command or a layer of tpm2-tss answered instead of success (TSS2_RC).
///
/// - SeeAlso: TPM 2.0 Part 2, 6.6 (response codes); TCG TSS 2.0 Overview, 5 (layers).
package struct ResponseCode: Hashable, Sendable, CustomStringConvertible {
    /// The number as it came, layer and all.
    package let rawValue: UInt32

    /// Keeps a number.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Layer, argument and name in words, the number last: `tpm:parameter(1):integrity check failed (0x1df)`.
    package var description: String {
        // The text lives in a buffer of this thread until the next call: copied at once.
        let text = Tss2_RC_Decode(rawValue).map { String(cString: $0) } ?? "unknown response code"
        return "\(text) (0x\(String(rawValue, radix: 16)))"
    }

    /// Whether the TPM itself answered, through a resource manager or not.
    private var isFromTPM: Bool {
        switch rawValue & ASSAY_RC_LAYER_MASK {
        case ASSAY_RC_LAYER_TPM, ASSAY_RC_LAYER_RESOURCE_MANAGER, ASSAY_RC_LAYER_RESOURCE_MANAGER_TPM: true
        default: false
        }
    }

    /// The TPM's code without layer, and without the number of the argument that it is about; nil if the code is
    /// another layer's. A format-one code (bit 7) keeps its name in bits 0 to 5, any other in bits 0 to 11.
    var base: UInt32? {
        guard isFromTPM else { return nil }
        let code = rawValue & ~ASSAY_RC_LAYER_MASK
        return code & 0x80 != 0 ? code & 0xbf : code & 0xfff
    }

    /// Whether a key or session that was loaded is not in the TPM any more, as after a reset.
    var saysThatHandleIsGone: Bool {
        guard let base else { return false }
        return base == ASSAY_RC_HANDLE || (ASSAY_RC_REFERENCE_H0..<ASSAY_RC_REFERENCE_H0 + 7).contains(base)
    }

    /// Whether the TPM has no room for another object or session.
    var saysThatThereIsNoRoom: Bool {
        switch base {
        case ASSAY_RC_MEMORY, ASSAY_RC_OBJECT_MEMORY, ASSAY_RC_SESSION_MEMORY, ASSAY_RC_OBJECT_HANDLES,
            ASSAY_RC_SESSION_HANDLES:
            true
        default: false
        }
    }

    /// What an operator can do about it.
    var remedy: String {
        switch base {
        case ASSAY_RC_LOCKOUT:
            "the TPM refuses authorizations after too many wrong ones: wait, or run `tpm2_dictionarylockout --clear-lockout`"
        case ASSAY_RC_AUTH_FAIL, ASSAY_RC_BAD_AUTH, ASSAY_RC_AUTH_UNAVAILABLE:
            "the endorsement hierarchy has a password: \(Self.passwordRemedy)"
        case ASSAY_RC_HIERARCHY, ASSAY_RC_DISABLED:
            "the endorsement hierarchy is switched off: \(Self.disabledRemedy)"
        case ASSAY_RC_INITIALIZE:
            "the TPM was never started: reboot; start a swtpm with `--flags startup-clear`"
        case ASSAY_RC_FAILURE:
            "the TPM is in failure mode: power the machine off and on, then look for a firmware update"
        case _ where saysThatThereIsNoRoom:
            "other programs fill the TPM: use `device:/dev/tpmrm0`, which gives each its own room; or, if none of them "
                + "is at work, run `tpm2_flushcontext -t`, `tpm2_flushcontext -l` and `tpm2_flushcontext -s`, which "
                + "remove all their objects, loaded and saved sessions"
        case ASSAY_RC_TYPE, ASSAY_RC_CURVE, ASSAY_RC_KEY_SIZE, ASSAY_RC_ASYMMETRIC, ASSAY_RC_SYMMETRIC, ASSAY_RC_SCHEME:
            "the TPM makes no keys of this kind: set tpm.key to the other one, such as ASSAY_AGENT_TPM_KEY=rsa2048 before the command"
        case ASSAY_RC_RETRY, ASSAY_RC_TESTING, ASSAY_RC_NV_RATE:
            "the TPM is busy: try again"
        default:
            "run again with TSS2_LOG=all+debug in the environment for the library's own account"
        }
    }
    /// What to do where the endorsement hierarchy has a password.
    static let passwordRemedy = "clear it with `tpm2_changeauth -c endorsement -p OLD`"
    /// What to do where the endorsement hierarchy is switched off.
    static let disabledRemedy = "enable it in the firmware's TPM settings"
}
