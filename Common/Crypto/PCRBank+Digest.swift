internal import COpenSSL

/// What a replay does for each record: the low-level calls on a context on the stack allocate nothing, fetch nothing,
/// take no lock, and have no failure to report (in libcrypto 3 they return 1, always).
extension PCRBank {
    /// The bank whose hash this is; nil for a hash that no bank of ours has.
    package init?(_ algorithm: HashAlgorithm) {
        switch algorithm {
        case .sha1: self = .sha1
        case .sha256: self = .sha256
        case .sha384: self = .sha384
        case .sha512: self = .sha512
        case .md5, .sha224, .rmd160, .sm3, .sha3_256, .sha3_384, .sha3_512: return nil
        }
    }

    /// The digest of bytes.
    package func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        Digest(count: digestSize) { hash(bytes, UnsafeRawBufferPointer(start: nil, count: 0), into: $0) }
    }

    /// The digest of bytes.
    package func digest(of bytes: Span<UInt8>) -> Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }

    /// The digest of bytes.
    package func digest(of bytes: [UInt8]) -> Digest {
        digest(of: bytes.span)
    }

    /// Extends a PCR: PCR ← H(PCR ‖ digest).
    ///
    /// - Parameter pcr: a value of this bank; ``digestSize`` bytes, also afterwards.
    /// - SeeAlso: TPM 2.0 Part 1, 17.4.
    package func extend(_ pcr: inout Digest, with digest: Digest) {
        guard pcr.count == digestSize else {
            pcr = self.digest(of: pcr.bytes + digest.bytes)
            return
        }
        pcr.withMutableBytes { value in
            digest.withBytes { hash(UnsafeRawBufferPointer(value), $0, into: value) }
        }
    }

    /// Hashes two parts. The output may overlap them: it is written last.
    private func hash(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) {
        let result = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        switch self {
        case .sha1: BlockHash.sha1(first, second, into: output)
        case .sha256: BlockHash.sha256(first, second, into: output)
        case .sha384:
            var context = SHA512_CTX()
            SHA384_Init(&context)
            SHA384_Update(&context, first.baseAddress, first.count)
            SHA384_Update(&context, second.baseAddress, second.count)
            SHA384_Final(result, &context)
        case .sha512:
            var context = SHA512_CTX()
            SHA512_Init(&context)
            SHA512_Update(&context, first.baseAddress, first.count)
            SHA512_Update(&context, second.baseAddress, second.count)
            SHA512_Final(result, &context)
        }
    }
}
