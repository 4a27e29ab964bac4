import Glibc

/// What a connection may cost. The defaults are the contract's (Proto/assay.proto) and are safe on an open port.
package struct TransportLimits: Hashable, Sendable {
    /// Largest frame before the peer's first message was decoded, in bytes.
    package var firstMessageBytes = 64 << 10
    /// Largest frame after it, in bytes; the contract's maximum is 4 MiB.
    package var messageBytes = 4 << 20
    /// From the accepted connection to the finished TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)
    /// How long a side that closes waits for the peer's close_notify before it closes the socket.
    package var closeTimeout = Duration.seconds(2)
    /// From the handshake to the peer's first message; nil for a side that waits to be called.
    package var firstMessageTimeout: Duration? = .seconds(10)
    /// What a frame of any size may take, in either direction, beside `minimumBytesPerSecond`.
    package var transferGrace = Duration.seconds(10)
    /// The slowest peer: a frame of n bytes must be through after `transferGrace` and n / this many seconds.
    package var minimumBytesPerSecond = 16 << 10
    /// Connections on a listener whose peers haven't proved who they are; for one more, the oldest goes.
    package var maximumStrangers = 256
    /// How many of them one source may have: an IPv4 address, or an IPv6 network of 64 bits.
    package var maximumStrangersOfSource = 128
    /// How long a stranger is left alone: an honest handshake is over by then, so that a fleet that comes back all at
    /// once doesn't push itself out.
    package var strangerGrace = Duration.milliseconds(500)
    /// The same for one that has said nothing yet: an honest peer's first bytes come with its connection.
    package var silentGrace = Duration.milliseconds(50)
    /// Open connections on a listener; more wait in the kernel's backlog.
    package var maximumConnections = 16_384
    /// How long nothing is accepted after the operating system had no descriptor left.
    package var exhaustionPause = Duration.seconds(1)

    /// The contract's limits.
    package init() {}

    /// The same, with no more connections than the process can have open beside its other files.
    package var withinDescriptors: TransportLimits {
        var limits = self
        var bound = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &bound) == 0 else { return self }
        let descriptors = Int(clamping: bound.rlim_cur)
        limits.maximumConnections = min(maximumConnections, max(1, descriptors - max(32, descriptors / 16)))
        return limits
    }

    /// How long a frame of `bytes` may take.
    func transferTime(_ bytes: Int) -> Duration {
        transferGrace + .milliseconds(bytes * 1000 / max(1, minimumBytesPerSecond))
    }
}
