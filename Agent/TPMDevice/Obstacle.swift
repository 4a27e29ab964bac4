internal import Glibc

/// What stands between the agent and its TPM. tpm2-tss tells only that opening failed; this looks again.
package enum Obstacle: Hashable, Sendable {
    /// The TPM's device file can't be opened, with this `errno`.
    case device(path: String, errno: Int32)
    /// Nothing answers at a socket.
    case socket(String)
    /// tpm2-tss could not use the transport that the TCTI string names.
    case transport(String)

    /// Finds out why a TCTI string didn't open.
    init(tcti: String) {
        let name = TCTIName(tcti)
        if let path = name.devicePath {
            self = Self.ofDevice(path)
        } else if name.isSocket {
            self = .socket(name.configuration)
        } else {
            self = .transport(name.transport)
        }
    }

    private static func ofDevice(_ path: String) -> Self {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return .device(path: path, errno: errno) }
        close(descriptor)
        return .transport("device")
    }

    var reason: String {
        switch self {
        case .device(let path, let number): "can't open \(path): \(systemErrorText(number))"
        case .socket(let address): "no TPM answers at \(address.isEmpty ? "the default address" : address)"
        case .transport(let name): "can't use the transport \"\(name)\""
        }
    }

    /// What to do where another program holds the TPM.
    static let sharingRemedy = "end the program that holds it, or use `device:/dev/tpmrm0`, which several can share"

    var remedy: String {
        switch self {
        case .device(_, ENOENT), .device(_, ENXIO), .device(_, ENODEV):
            "this host has no TPM 2.0 there: enable it in the firmware, or load the kernel's TPM driver"
        case .device(_, EACCES), .device(_, EPERM):
            "run as a member of group tss: `usermod -aG tss USER`, then log in again"
        case .device(_, EBUSY): Self.sharingRemedy
        case .device: "check that the device is a TPM"
        case .socket: "start the software TPM, or correct host and port"
        case .transport:
            "write the TCTI as `device:/dev/tpmrm0` or `swtpm:host=ADDRESS,port=NUMBER`; other names need their libtss2-tcti library"
        }
    }
}

/// The system's words for an `errno`, with its number.
func systemErrorText(_ number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
    let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return "\(String(decoding: text, as: UTF8.self)) (errno \(number))"
}
