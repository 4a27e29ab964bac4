internal import Files
internal import Glibc

/// tpm2-tss's name for the way to a TPM, taken apart: `device:/dev/tpmrm0`, `swtpm:host=127.0.0.1,port=2321`.
struct TCTIName {
    /// The kind of the way.
    let transport: String
    /// What follows the colon.
    let configuration: String

    init(_ tcti: String) {
        let parts = tcti.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        transport = parts.first ?? ""
        configuration = parts.count > 1 ? parts[1] : ""
    }

    /// The device file; nil for any other way.
    var devicePath: String? {
        guard transport == "device" else { return nil }
        return configuration.isEmpty ? "/dev/tpm0" : configuration
    }

    /// Whether a software TPM is reached through a socket.
    var isSocket: Bool { transport == "swtpm" || transport == "mssim" }

    /// The port of this host that a software TPM listens on; nil for any other way, or if it may be on another host.
    private var localPort: UInt16? {
        guard isSocket else { return nil }
        var values = ["host": "127.0.0.1", "port": "2321"]
        for pair in configuration.split(separator: ",") {
            guard let sign = pair.firstIndex(of: "=") else { continue }
            values[String(pair[..<sign])] = String(pair[pair.index(after: sign)...])
        }
        guard ["127.0.0.1", "localhost"].contains(values["host"]) else { return nil }
        return values["port"].flatMap { UInt16($0) }
    }

    /// The other processes that have the device, or a connection to the software TPM, open, as far as this one can see: of
    /// other users' processes only root sees it.
    var holders: [FileHolder] {
        if let devicePath { return FileHolder.all { _, name in name == devicePath } }
        guard let localPort else { return [] }
        let clients = Set(TCPConnection.all.filter { $0.isEstablished && $0.remotePort == localPort }.map(\.fileName))
        return FileHolder.all { _, name in clients.contains(name) }
    }
}

/// A TCP connection over IPv4 of this network namespace, as /proc/net/tcp lists it (proc(5)).
private struct TCPConnection {
    let remotePort: UInt16
    let isEstablished: Bool
    /// What links in /proc/PID/fd that lead to it are called.
    let fileName: String

    static var all: [TCPConnection] {
        let table = (try? contents(ofFile: "/proc/net/tcp", limit: 1 << 22)) ?? []
        return String(decoding: table, as: UTF8.self).split(separator: "\n").compactMap { TCPConnection($0) }
    }

    /// A line: `sl local remote state queues timer retransmits uid timeout inode …`, addresses as `0100007F:0911`.
    private init?(_ line: Substring) {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count > 9, let colon = words[2].firstIndex(of: ":"),
            let port = UInt16(words[2][words[2].index(after: colon)...], radix: 16)
        else { return nil }
        remotePort = port
        isEstablished = words[3] == "01"
        fileName = "socket:[\(words[9])]"
    }
}
