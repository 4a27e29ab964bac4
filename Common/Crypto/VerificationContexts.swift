internal import COpenSSL
internal import Synchronization

/// libcrypto's contexts of verifications by one key: each serves one thread at a time, and then the next signature.
///
/// Making and setting up a context costs several microseconds (allocations, and look-ups in libcrypto's method store under
/// its lock), beside 15 for an RSA-2048 verification.
final class VerificationContexts: Sendable {
    /// So many are kept; further threads make their own and free them.
    private static let kept = 8

    /// One context, set up for a scheme and a hash.
    ///
    /// `@unchecked Sendable`: it is in the pool or with the one thread that took it out.
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
        let scheme: SignatureScheme
        let hash: HashAlgorithm
    }

    private let contexts = Mutex<[Context]>([])

    deinit {
        contexts.withLock { contexts in
            for context in contexts { EVP_PKEY_CTX_free(context.pointer) }
        }
    }

    /// Has a context for the key, the scheme and the hash do something; nil if libcrypto has none.
    func with<Result>(
        _ key: OpaquePointer, _ scheme: SignatureScheme, _ hash: HashAlgorithm, _ body: (OpaquePointer) -> Result
    ) -> Result? {
        guard let context = take(scheme, hash) ?? Self.make(key, scheme, hash) else { return nil }
        defer { putBack(context) }
        return body(context.pointer)
    }

    private func take(_ scheme: SignatureScheme, _ hash: HashAlgorithm) -> Context? {
        contexts.withLock { contexts in
            guard let index = contexts.lastIndex(where: { $0.scheme == scheme && $0.hash == hash }) else { return nil }
            return contexts.remove(at: index)
        }
    }

    private func putBack(_ context: Context) {
        let isKept = contexts.withLock { contexts in
            guard contexts.count < Self.kept else { return false }
            contexts.append(context)
            return true
        }
        if !isKept { EVP_PKEY_CTX_free(context.pointer) }
    }

    private static func make(_ key: OpaquePointer, _ scheme: SignatureScheme, _ hash: HashAlgorithm) -> Context? {
        guard let digest = MessageDigest(hash), let context = EVP_PKEY_CTX_new(key, nil) else { return nil }
        guard EVP_PKEY_verify_init(context) == 1, choose(scheme, context),
            EVP_PKEY_CTX_set_signature_md(context, digest.pointer) == 1
        else {
            EVP_PKEY_CTX_free(context)
            return nil
        }
        return Context(pointer: context, scheme: scheme, hash: hash)
    }

    private static func choose(_ scheme: SignatureScheme, _ context: OpaquePointer) -> Bool {
        switch scheme {
        case .rsaPKCS1: EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        case .rsaPSS:
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1
        case .ecdsa: true
        }
    }
}
